"""Which names a Region lists, in memory and in a real Region alike."""

import pytest
from tests.contract.test_definitions import Hands, make_ca, make_policy

from hotsite.core.registry import Key, Kind, Shadows, Thing, ThingGroup, ThingType
from hotsite.core.replication import Step, Verb
from hotsite.errors import UnreachableError
from hotsite.ports import KeyPage

MAKERS = {
    Kind.THING_TYPE: (Verb.CREATE_THING_TYPE, ThingType),
    Kind.THING_GROUP: (Verb.CREATE_THING_GROUP, ThingGroup),
    Kind.POLICY: (Verb.CREATE_POLICY, make_policy),
    Kind.THING: (Verb.CREATE_THING, Thing),
}


def keys_of(registry, kind):
    """Every key, page by page."""
    found, token = [], None
    while True:
        page = registry.page(kind, token)
        found += page.keys
        token = page.next_token
        if token is None:
            return found


@pytest.mark.parametrize("kind", MAKERS, ids=lambda kind: kind.value)
def test_every_name_is_listed_once(ports, name, kind):
    verb, make = MAKERS[kind]
    hands = Hands(ports.registry)
    made = {f"{name}-{number}" for number in range(7)}
    for one in made:
        hands.do(verb, make(one))
    found = keys_of(ports.registry, kind)
    assert len(set(found)) == len(found)
    assert {Key(kind, one) for one in made} <= set(found)


@pytest.mark.parametrize("kind", [Kind.THING, Kind.POLICY], ids=["token", "marker"])
def test_more_names_than_a_page_holds_are_all_listed(ports, name, kind):
    # 250 is the most that a list gives at once (botocore model of AWS IoT).
    verb, make = MAKERS[kind]
    hands = Hands(ports.registry)
    made = {f"{name}-{number}" for number in range(260)}
    for one in made:
        hands.do(verb, make(one))
    found = keys_of(ports.registry, kind)
    assert len(set(found)) == len(found)
    assert {Key(kind, one) for one in made} <= set(found)


def test_ca_certificates_are_listed_by_their_ids(ports):
    made = [make_ca(), make_ca(is_active=False)]
    for ca in made:
        Hands(ports.registry).do(Verb.REGISTER_CA_CERTIFICATE, ca)
    wanted = {Key(Kind.CA_CERTIFICATE, ca.name) for ca in made}
    assert wanted <= set(keys_of(ports.registry, Kind.CA_CERTIFICATE))


def test_shadows_are_not_listed(ports, name):
    Hands(ports.registry).do(Verb.CREATE_THING, Thing(name))
    key = Key(Kind.SHADOWS, name)
    document = '{"desired":{"a":1}}'
    ports.registry.perform(
        Step(Verb.UPDATE_SHADOW, key, Shadows(name), target="", document=document)
    )
    assert ports.registry.page(Kind.SHADOWS) == KeyPage(())


@pytest.mark.parametrize("kind", [*MAKERS, Kind.CA_CERTIFICATE])
def test_silent_region_is_unreachable_and_never_empty(ports_cut_off, kind):
    with pytest.raises(UnreachableError):
        ports_cut_off.registry.page(kind)
