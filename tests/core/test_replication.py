import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sample_registry import certificate

from hotsite.core.registry import (
    CaCertificate,
    CertificateStatus,
    Key,
    Kind,
    Policy,
    Record,
    Shadows,
    Thing,
    ThingGroup,
    ThingType,
    key_in,
    strictest,
    thing_key,
)
from hotsite.core.replication import NOTHING, Present, Verb, narrowed, needs, plan
from hotsite.core.replication.shadows import patch
from hotsite.errors import InvalidInputError
from hotsite.sim.registry import SimRegistry

ACTIVE, INACTIVE, REVOKED = CertificateStatus
OVEN = Thing("oven", "device", (("model", "x1"),), ("fleet",))
FIRST = certificate("c1")
SECOND = certificate("c2")
KEY = thing_key("oven")
RECORD = Record(KEY, OVEN, (FIRST,))


def record_of(body, **more):
    kinds = {
        Thing: Kind.THING,
        ThingType: Kind.THING_TYPE,
        ThingGroup: Kind.THING_GROUP,
        Policy: Kind.POLICY,
        CaCertificate: Kind.CA_CERTIFICATE,
        Shadows: Kind.SHADOWS,
    }
    return Record(Key(kinds[type(body)], body.name), body, **more)


def verbs(wanted, have=NOTHING):
    return [step.verb for step in plan(wanted, have).steps]


def test_new_device_costs_four_calls_with_the_certificate_first():
    assert verbs(RECORD) == [
        Verb.REGISTER_CERTIFICATE,
        Verb.CREATE_THING,
        Verb.ATTACH_CERTIFICATE,
        Verb.ADD_TO_GROUP,
    ]
    assert plan(RECORD, NOTHING).reason == "new to this Region"


def test_nothing_to_do_is_no_call():
    assert verbs(RECORD, Present.of(RECORD)) == []


CHANGES = [
    (replace(OVEN, attributes=(("model", "x2"),)), (FIRST,), [Verb.UPDATE_THING]),
    (replace(OVEN, attributes=()), (FIRST,), [Verb.UPDATE_THING]),
    (replace(OVEN, type_name=None), (FIRST,), [Verb.UPDATE_THING]),
    (replace(OVEN, groups=("fleet", "hall")), (FIRST,), [Verb.ADD_TO_GROUP]),
    (replace(OVEN, groups=()), (FIRST,), [Verb.REMOVE_FROM_GROUP]),
    (OVEN, (replace(FIRST, status=INACTIVE),), [Verb.UPDATE_CERTIFICATE]),
    (OVEN, (FIRST, SECOND), [Verb.REGISTER_CERTIFICATE, Verb.ATTACH_CERTIFICATE]),
    (
        OVEN,
        (),
        [Verb.UPDATE_CERTIFICATE, Verb.DETACH_CERTIFICATE, Verb.DELETE_CERTIFICATE],
    ),
]


@pytest.mark.parametrize(("thing", "certificates", "expected"), CHANGES)
def test_change_costs_only_its_own_calls(thing, certificates, expected):
    wanted = Record(KEY, thing, certificates)
    assert verbs(wanted, Present.of(RECORD)) == expected
    assert plan(wanted, Present.of(RECORD)).reason == "changed"


def test_deleted_device_loses_its_certificate_before_its_thing():
    gone = Record(KEY, None, is_deleted=True)
    assert verbs(gone, Present.of(RECORD)) == [
        Verb.UPDATE_CERTIFICATE,
        Verb.DETACH_CERTIFICATE,
        Verb.DELETE_CERTIFICATE,
        Verb.DELETE_THING,
    ]
    assert verbs(gone) == []
    assert verbs(gone, Present.of(gone)) == []


def test_inactive_certificate_that_leaves_needs_no_second_closing():
    have = Present(OVEN, (replace(FIRST, status=INACTIVE),), frozenset())
    assert verbs(Record(KEY, OVEN), have) == [Verb.DELETE_CERTIFICATE]


def test_revocation_goes_before_everything_that_opens():
    wanted = Record(
        "oven",
        replace(OVEN, attributes=()),
        (replace(FIRST, status=REVOKED), SECOND),
    )
    first = plan(wanted, Present.of(RECORD)).steps[0]
    assert first.verb is Verb.UPDATE_CERTIFICATE
    assert first.certificate.status is REVOKED


def test_touched_but_unchanged_record_has_the_same_digest():
    assert RECORD.digest == replace(RECORD, written_at_s=9.0).digest
    assert RECORD.digest != replace(RECORD, is_deleted=True).digest


@given(st.permutations([ACTIVE, INACTIVE, REVOKED]))
def test_order_of_arrival_does_not_change_a_status(statuses):
    assert strictest(*statuses) is REVOKED
    assert strictest(strictest(statuses[0], statuses[1]), statuses[2]) is REVOKED


@pytest.mark.parametrize("kind", list(Kind))
def test_partition_key_and_key_say_the_same(kind):
    assert key_in(str(Key(kind, "a#b"))) == Key(kind, "a#b")


@pytest.mark.parametrize("other", ["claim#x", "cursor#seed", "thing#", "thing", ""])
def test_what_is_nobodys_key_is_none(other):
    assert key_in(other) is None


def test_absent_record_is_no_reason_to_remove_anything():
    absent = Record(KEY, None)
    assert plan(absent, Present.of(RECORD)).steps == ()


def test_revoked_certificate_that_leaves_is_closed_as_revoked():
    wanted = replace(RECORD, certificates=(), revoked=(FIRST.certificate_id,))
    first = plan(wanted, Present.of(RECORD)).steps[0]
    assert first.certificate.status is REVOKED


def test_certificate_is_parted_from_its_policies_before_it_is_deleted():
    old = replace(FIRST, policies=("p1", "p2"))
    assert verbs(
        Record(KEY, OVEN), Present.of(replace(RECORD, certificates=(old,)))
    ) == [
        Verb.UPDATE_CERTIFICATE,
        Verb.DETACH_POLICY,
        Verb.DETACH_POLICY,
        Verb.DETACH_CERTIFICATE,
        Verb.DELETE_CERTIFICATE,
    ]


def test_policies_of_a_certificate_are_attached_and_detached_by_name():
    have = replace(RECORD, certificates=(replace(FIRST, policies=("a", "b")),))
    wanted = replace(RECORD, certificates=(replace(FIRST, policies=("b", "c")),))
    steps = plan(wanted, Present.of(have)).steps
    assert [(step.verb, step.target) for step in steps] == [
        (Verb.ATTACH_POLICY, "c"),
        (Verb.DETACH_POLICY, "a"),
    ]
    assert all(
        step.certificate.certificate_id == FIRST.certificate_id for step in steps
    )


def test_thing_leaves_a_group_before_it_joins_the_next():
    wanted = Record(KEY, replace(OVEN, groups=("hall",)), (FIRST,))
    assert verbs(wanted, Present.of(RECORD)) == [
        Verb.REMOVE_FROM_GROUP,
        Verb.ADD_TO_GROUP,
    ]


def test_expected_version_is_that_of_this_region_and_only_when_looked_at():
    wanted = Record(KEY, replace(OVEN, attributes=()), (FIRST,), life=9)
    assert plan(wanted, Present.of(RECORD)).steps[0].expected_version is None
    seen = replace(Present.of(RECORD), version=4)
    assert plan(wanted, seen).steps[0].expected_version == 4


DEPRECATED = ThingType("device", "an oven", ("model",), is_deprecated=True)
FLEET = ThingGroup("hall", "site", "a hall", (("floor", "1"),), ("p",))
DEFINITIONS = [
    (replace(DEPRECATED, is_deprecated=False), None, [Verb.CREATE_THING_TYPE]),
    (DEPRECATED, None, [Verb.CREATE_THING_TYPE, Verb.DEPRECATE_THING_TYPE]),
    (
        replace(DEPRECATED, is_deprecated=False),
        DEPRECATED,
        [Verb.DEPRECATE_THING_TYPE],
    ),
    (FLEET, None, [Verb.CREATE_THING_GROUP, Verb.ATTACH_POLICY]),
    (FLEET, replace(FLEET, description="x"), [Verb.UPDATE_THING_GROUP]),
    (FLEET, replace(FLEET, attributes=()), [Verb.UPDATE_THING_GROUP]),
    (
        FLEET,
        replace(FLEET, policies=("q",)),
        [Verb.ATTACH_POLICY, Verb.DETACH_POLICY],
    ),
    (Policy("p", "{}"), None, [Verb.CREATE_POLICY]),
    (Policy("p", "{}"), Policy("p", "{1}"), [Verb.CREATE_POLICY_VERSION]),
    (CaCertificate("c", "pem"), None, [Verb.REGISTER_CA_CERTIFICATE]),
    (
        CaCertificate("c", "pem"),
        CaCertificate("c", "pem", is_active=False),
        [Verb.UPDATE_CA_CERTIFICATE],
    ),
    (Shadows("oven", (("", "{}"), ("x", "{}"))), None, [Verb.UPDATE_SHADOW] * 2),
    (
        Shadows("oven", (("x", '{"desired":{"a":1}}'),)),
        Shadows("oven", (("", "{}"), ("x", "{}"))),
        [Verb.UPDATE_SHADOW, Verb.DELETE_SHADOW],
    ),
]


@pytest.mark.parametrize(("wanted", "have", "expected"), DEFINITIONS)
def test_definition_costs_only_its_own_calls(wanted, have, expected):
    assert verbs(record_of(wanted), Present(have)) == expected
    assert verbs(record_of(wanted), Present(wanted)) == []


REMOVALS = [
    (DEPRECATED, (), [Verb.DELETE_THING_TYPE]),
    (
        replace(DEPRECATED, is_deprecated=False),
        (),
        [Verb.DEPRECATE_THING_TYPE, Verb.DELETE_THING_TYPE],
    ),
    (FLEET, (), [Verb.DETACH_POLICY, Verb.DELETE_THING_GROUP]),
    (Policy("p", "{}"), ("1",), [Verb.DELETE_POLICY_VERSION, Verb.DELETE_POLICY]),
    (
        CaCertificate("c", "pem"),
        (),
        [Verb.UPDATE_CA_CERTIFICATE, Verb.DELETE_CA_CERTIFICATE],
    ),
    (
        CaCertificate("c", "pem", is_active=False),
        (),
        [Verb.DELETE_CA_CERTIFICATE],
    ),
    (Shadows("oven", (("", "{}"),)), (), [Verb.DELETE_SHADOW]),
]


@pytest.mark.parametrize(("have", "versions", "expected"), REMOVALS)
def test_definition_is_taken_away_in_the_order_that_aws_allows(
    have, versions, expected
):
    gone = replace(record_of(have), body=None, is_deleted=True)
    assert verbs(gone, Present(have, versions=versions)) == expected
    assert verbs(gone) == []


def test_oldest_versions_go_until_a_new_one_fits():
    wanted = record_of(Policy("p", "{}"))
    steps = plan(
        wanted, Present(Policy("p", "[]"), versions=("1", "2", "3", "4"))
    ).steps
    assert [(step.verb, step.target) for step in steps] == [
        (Verb.DELETE_POLICY_VERSION, "1"),
        (Verb.CREATE_POLICY_VERSION, None),
    ]


@pytest.mark.parametrize(
    ("wanted", "have"),
    [
        (FLEET, replace(FLEET, parent=None)),
        (DEPRECATED, replace(DEPRECATED, searchable=())),
        (DEPRECATED, replace(DEPRECATED, description="")),
    ],
)
def test_what_aws_cannot_change_is_refused_with_what_to_do(wanted, have):
    with pytest.raises(InvalidInputError, match="create it again"):
        plan(record_of(wanted), Present(have))


def test_record_names_what_it_needs():
    wanted = Record(
        KEY,
        replace(OVEN, groups=("fleet", "hall")),
        (replace(FIRST, policies=("p",)), replace(SECOND, policies=("p",))),
    )
    assert [str(key) for key in needs(wanted)] == [
        "type#device",
        "policy#p",
        "group#fleet",
        "group#hall",
    ]
    assert [str(key) for key in needs(record_of(FLEET))] == ["policy#p", "group#site"]
    assert needs(record_of(Policy("p", "{}"))) == ()


def test_what_hotsite_never_put_there_is_left_out():
    foreign = certificate("foreign", policies=("q",))
    seen = Present(
        replace(OVEN, groups=("fleet", "hall", "yard")),
        (replace(FIRST, policies=("p", "q")), foreign),
        frozenset({FIRST.certificate_id, foreign.certificate_id}),
    )
    tried = replace(RECORD, body=replace(OVEN, groups=("hall",)))
    wanted = replace(RECORD, certificates=(replace(FIRST, policies=("p",)),))
    ours = narrowed(seen, (wanted, tried))
    assert ours.thing.groups == ("fleet", "hall")
    assert ours.certificates == (replace(FIRST, policies=("p",)),)
    assert ours.attached == {FIRST.certificate_id}


def test_certificate_that_is_gone_from_the_record_is_ours_to_remove():
    seen = Present(OVEN, (replace(FIRST, policies=("p",)),), frozenset())
    wanted = replace(RECORD, certificates=(), gone=(FIRST.certificate_id,))
    assert narrowed(seen, (wanted,)) == seen


states = st.recursive(
    st.integers() | st.text(max_size=3) | st.booleans() | st.lists(st.integers()),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
documents = st.dictionaries(st.sampled_from("abc"), states, max_size=3)


def merged(state, change):
    """What a shadow does with an update (device shadow service documents)."""
    found = dict(state)
    for name, value in change.items():
        if value is None:
            found.pop(name, None)
        elif isinstance(value, dict):
            before = found.get(name)
            found[name] = merged(before if isinstance(before, dict) else {}, value)
        else:
            found[name] = value
    return found


@given(documents, documents)
def test_shadow_update_turns_any_state_into_any_other(old, new):
    change = json.loads(patch(json.dumps(old), json.dumps(new)))
    assert merged(old, change) == new
    assert (change == {}) == (json.dumps(old) == json.dumps(new) or old == new)


statuses = st.sampled_from(list(CertificateStatus))
certificates = st.dictionaries(st.sampled_from("abc"), statuses, max_size=3).map(
    lambda found: tuple(
        sorted(
            (certificate(k, v) for k, v in found.items()),
            key=lambda item: item.certificate_id,
        )
    )
)
things = st.builds(
    Thing,
    st.just("oven"),
    st.sampled_from([None, "device"]),
    st.dictionaries(st.sampled_from("xy"), st.sampled_from("12")).map(
        lambda found: tuple(sorted(found.items()))
    ),
    st.sets(st.sampled_from(["fleet", "hall"])).map(lambda s: tuple(sorted(s))),
)
records = st.one_of(
    st.builds(Record, st.just(KEY), things, certificates),
    st.just(Record(KEY, None, is_deleted=True)),
)


@given(st.lists(records, min_size=1, max_size=5))
def test_whatever_came_before_the_registry_ends_equal_to_the_record(history):
    registry = SimRegistry(["fleet", "hall"])
    have = NOTHING
    for wanted in history:
        for step in plan(wanted, have).steps:
            registry.perform(step)
        have = Present.of(wanted)
        ids = [item.certificate_id for item in wanted.certificates]
        assert replace(registry.observe(KEY, ids), version=None) == have
        assert plan(wanted, have).steps == ()
