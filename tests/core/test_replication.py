from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.registry import (
    Certificate,
    CertificateStatus,
    Record,
    Thing,
    strictest,
)
from hotsite.core.replication import NOTHING, Present, Verb, plan
from hotsite.sim.registry import SimRegistry

ACTIVE, INACTIVE, REVOKED = CertificateStatus
OVEN = Thing("oven", "device", (("model", "x1"),), ("fleet",))
FIRST = Certificate("c1", "pem1")
SECOND = Certificate("c2", "pem2")
RECORD = Record("oven", OVEN, (FIRST,))


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
    wanted = Record("oven", thing, certificates)
    assert verbs(wanted, Present.of(RECORD)) == expected
    assert plan(wanted, Present.of(RECORD)).reason == "changed"


def test_deleted_device_loses_its_certificate_before_its_thing():
    gone = Record("oven", None, is_deleted=True)
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
    assert verbs(Record("oven", OVEN), have) == [Verb.DELETE_CERTIFICATE]


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


statuses = st.sampled_from(list(CertificateStatus))
certificates = st.dictionaries(st.sampled_from("abc"), statuses, max_size=3).map(
    lambda found: tuple(Certificate(k, f"pem {k}", v) for k, v in sorted(found.items()))
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
    st.builds(Record, st.just("oven"), things, certificates),
    st.just(Record("oven", None, is_deleted=True)),
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
        assert registry.observe("oven", ids) == have
        assert plan(wanted, have).steps == ()
