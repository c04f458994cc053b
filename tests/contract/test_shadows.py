"""What shadows of a thing do, in memory and in a real Region alike."""

import json

import pytest

from hotsite.core.registry import Key, Kind, Shadows, Thing, thing_key
from hotsite.core.replication import Present, Step, Verb
from hotsite.core.replication.shadows import canonical
from hotsite.errors import UnreachableError


class Hands:
    """Makes calls about the shadows of one thing."""

    def __init__(self, registry, name):
        self.registry, self.name = registry, name
        self.key = Key(Kind.SHADOWS, name)

    def make_thing(self):
        body = Thing(self.name)
        self.registry.perform(Step(Verb.CREATE_THING, thing_key(self.name), body))

    def update(self, shadow, **state):
        self._do(Verb.UPDATE_SHADOW, shadow, canonical(state))

    def delete(self, shadow):
        self._do(Verb.DELETE_SHADOW, shadow)

    def _do(self, verb, shadow, document=None):
        body = Shadows(self.name)
        step = Step(verb, self.key, body, target=shadow, document=document)
        self.registry.perform(step)

    def seen(self):
        return self.registry.observe(self.key)

    def states(self):
        return {name: json.loads(text) for name, text in self.seen().body.documents}


@pytest.fixture
def hands(ports, name):
    made = Hands(ports.registry, name)
    made.make_thing()
    return made


def test_thing_without_shadows_has_none(hands):
    assert hands.seen() == Present()


def test_classic_and_named_shadows_are_seen_whole_and_in_canonical_form(hands):
    hands.update("", desired={"door": "shut", "at": [1, 2]}, reported={"door": "open"})
    hands.update("config", desired={"b": {"deep": True}, "a": 1.5})
    assert hands.seen().body == Shadows(
        hands.name,
        (
            ("", '{"desired":{"at":[1,2],"door":"shut"},"reported":{"door":"open"}}'),
            ("config", '{"desired":{"a":1.5,"b":{"deep":true}}}'),
        ),
    )


def test_update_merges_at_every_level_and_null_removes(hands):
    hands.update("", desired={"a": {"x": 1, "y": 2}, "b": 3, "c": [1, 2]})
    hands.update("", desired={"a": {"y": None, "z": 4}, "b": None, "c": [3]})
    assert hands.states() == {"": {"desired": {"a": {"x": 1, "z": 4}, "c": [3]}}}


def test_part_that_is_null_goes_as_a_whole(hands):
    hands.update("", desired={"a": 1}, reported={"a": 1})
    hands.update("", desired=None)
    assert hands.states() == {"": {"reported": {"a": 1}}}


def test_deleting_one_shadow_keeps_the_others_and_can_be_repeated(hands):
    for shadow in ("", "one", "two"):
        hands.update(shadow, desired={"of": shadow})
    for shadow in ("", "one"):
        for _ in range(2):
            hands.delete(shadow)
    assert hands.states() == {"two": {"desired": {"of": "two"}}}
    hands.delete("two")
    assert hands.seen() == Present()


def test_deleted_shadow_that_is_made_again_holds_nothing_of_before(hands):
    hands.update("one", desired={"a": 1}, reported={"b": 2})
    hands.delete("one")
    hands.update("one", desired={"c": 3})
    assert hands.states() == {"one": {"desired": {"c": 3}}}


def test_many_named_shadows_are_seen_over_several_pages(hands):
    # ListNamedShadowsForThing gives 25 names a page (botocore model, PageSize).
    names = [f"shadow-{number:02d}" for number in range(30)]
    for shadow in names:
        hands.update(shadow, desired={"of": shadow})
    assert list(hands.states()) == names


def test_shadows_of_other_things_are_left_alone(ports, hands):
    other = Hands(ports.registry, f"{hands.name}-2")
    other.make_thing()
    other.update("", desired={"a": 1})
    hands.update("", desired={"a": 2})
    hands.delete("")
    assert other.states() == {"": {"desired": {"a": 1}}}


def test_silent_region_is_unreachable_and_never_empty(ports_cut_off, name):
    hands = Hands(ports_cut_off.registry, name)
    with pytest.raises(UnreachableError):
        hands.seen()
    with pytest.raises(UnreachableError):
        hands.update("", desired={"a": 1})
    with pytest.raises(UnreachableError):
        hands.delete("")
