from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.onboarding import Claim, Entry, Names, Request
from hotsite.core.registry import (
    CertificateStatus,
    Key,
    Kind,
    Thing,
    ThingType,
    thing_key,
)
from hotsite.core.replication import Step, Verb
from hotsite.errors import (
    AlreadyUsedError,
    ConflictError,
    InvalidInputError,
    NotReadyError,
    RefusedError,
    UnreachableError,
)
from hotsite.flows.onboarding import Desk, apply_here, onboard
from hotsite.flows.replication import Site, apply
from hotsite.flows.restraint import VERBS, restrained
from hotsite.ports.unrecorded import Unrecorded
from hotsite.sim.clock import SimClock
from hotsite.sim.registry import SimRegistry
from hotsite.sim.tables import SimAppliedRecords, SimClaims, SimTables, replicate

CSR = "-----BEGIN CERTIFICATE REQUEST-----\nx"
CLAIM = Claim("oven", "s3cret")
REQUEST = Request(CLAIM, CSR)
NAMES = Names(("iot.example.com",), "api.example.com", 8883)


def desk(region="a", clock=None, **registry):
    clock = clock or SimClock()
    tables = SimTables(region, clock)
    site = Site(tables, SimAppliedRecords(), SimRegistry(**registry), clock)
    made = Desk(SimClaims(tables), site, NAMES, "CA", "device", "fleet")
    made.claims.add(Entry.of(CLAIM, {"model": "x1"}))
    return made


def test_device_can_connect_as_soon_as_it_has_its_answer():
    a = desk()
    answer = onboard(REQUEST, a)
    assert a.site.registry.can_connect("oven")
    assert (answer.thing_name, answer.ca_pem, answer.names) == ("oven", "CA", NAMES)


def test_same_claim_again_gives_the_same_certificate():
    a = desk()
    assert onboard(REQUEST, a) == onboard(REQUEST, a)
    assert len(a.site.registry.certificates) == 1


def test_other_region_applies_the_record_with_no_call_to_the_first():
    clock = SimClock()
    a, b = desk("a", clock), desk("b", clock)
    answer = onboard(REQUEST, a)
    replicate(a.site.records, b.site.records, lag_s=0)
    a.site.registry.is_reachable = a.site.records.is_reachable = False
    assert apply(thing_key("oven"), b.site).call_count == 4
    assert b.site.registry.can_connect("oven")
    assert onboard(REQUEST, b).certificate == answer.certificate


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (Request(Claim("oven", "guess"), CSR), RefusedError),
        (Request(Claim("lamp", "s3cret"), CSR), RefusedError),
        (Request(CLAIM, "no request"), InvalidInputError),
    ],
)
def test_bad_requests_leave_nothing_behind(request_, kind):
    a = desk()
    with pytest.raises(kind):
        onboard(request_, a)
    assert not a.site.registry.certificates
    assert a.site.records.read(thing_key("oven")).thing is None


def test_used_claim_is_refused_and_the_device_stays():
    a = desk()
    onboard(REQUEST, a)
    with pytest.raises(AlreadyUsedError):
        onboard(Request(CLAIM, CSR + "other"), a)
    assert a.site.registry.can_connect("oven")


@given(st.integers(1, 3))
def test_failing_registry_costs_no_answer_because_the_record_is_written(number):
    a = desk()
    a.site.registry.fail_at = {number: UnreachableError("now")}
    answer = onboard(REQUEST, a)
    assert answer.certificate.certificate_id
    assert apply(thing_key("oven"), a.site).reason == "applied"
    assert a.site.registry.can_connect("oven")


class Outrun(SimTables):
    """The same request, run at the same time elsewhere, answers first."""

    def write_enrolled(self, entry, record):
        if not self.outrun:
            self.outrun = True
            other = replace(entry.certificate, certificate_id="first", pem="PEM first")
            if self.is_answered:
                place = (f"claim#{entry.claim_id}", "claim")
                self.put(place, replace(entry, certificate=other))
            raise ConflictError("answered meanwhile")
        super().write_enrolled(entry, record)


def outrun_desk(*, is_answered):
    a = desk()
    tables = Outrun("a", a.site.clock)
    tables.outrun, tables.is_answered = False, is_answered
    tables.partitions = a.site.records.partitions
    return replace(a, claims=SimClaims(tables), site=replace(a.site, records=tables))


def test_two_runs_of_one_request_give_the_device_one_certificate():
    a = outrun_desk(is_answered=True)
    assert onboard(REQUEST, a).certificate.certificate_id == "first"


def test_conflict_without_a_winner_is_left_to_a_retry():
    a = outrun_desk(is_answered=False)
    with pytest.raises(ConflictError):
        onboard(REQUEST, a)
    assert onboard(REQUEST, a).certificate.certificate_id


# What the role of this function does not allow is left, and never failed for good.


def write(a, key, **changes):
    before = a.site.records.read(key)
    a.site.records.write(replace(before, **changes), previous=before)


def test_type_that_is_not_here_yet_is_left_to_the_replicator():
    a = desk(types=())
    kind = Key(Kind.THING_TYPE, "device")
    write(a, kind, body=ThingType("device"))
    assert onboard(REQUEST, a).certificate.certificate_id
    registry = a.site.registry
    assert (registry.types, a.site.applied.read(kind)) == ({}, None)
    assert a.site.applied.read(thing_key("oven")).failure is None
    assert apply(thing_key("oven"), a.site).failure is None
    assert registry.types
    assert registry.can_connect("oven")


def test_who_is_shut_out_is_shut_out_whatever_else_waits_for_the_replicator():
    a = desk(groups=("fleet", "hall"))
    onboard(REQUEST, a)
    key, registry = thing_key("oven"), a.site.registry
    (only,) = a.site.records.read(key).certificates
    write(a, key, body=Thing("oven", "device", (("model", "x1"),), ("hall",)))
    a.site.records.write_revoked(key, only.certificate_id)
    apply_here("oven", a)
    assert registry.observe(key).certificates[0].status is CertificateStatus.REVOKED
    assert registry.observe(key).body.groups == ("fleet",)
    assert a.site.applied.read(key).leased_until_s == 0.0
    assert apply(key, a.site).failure is None
    assert registry.observe(key).body.groups == ("hall",)


def test_deleted_device_loses_its_access_and_the_replicator_takes_the_rest():
    a = desk()
    onboard(REQUEST, a)
    key, registry = thing_key("oven"), a.site.registry
    write(a, key, body=None, certificates=(), is_deleted=True)
    apply_here("oven", a)
    assert not registry.can_connect("oven")
    assert registry.observe(key).thing is not None
    assert apply(key, a.site).failure is None
    assert registry.observe(key).thing is None


def test_who_gives_out_certificates_looks_at_nothing_but_the_thing():
    site = restrained(desk().site)
    for kind in set(Kind) - {Kind.THING}:
        with pytest.raises(NotReadyError):
            site.registry.observe(Key(kind, "x"))
    for verb in set(Verb) - VERBS:
        with pytest.raises(NotReadyError):
            site.registry.perform(Step(verb, thing_key("oven"), Thing("oven")))
    with pytest.raises(RefusedError):
        site.registry.page(Kind.THING)
    with pytest.raises(RefusedError):
        site.surroundings.page(Unrecorded.CERTIFICATE)
    with pytest.raises(NotReadyError):
        site.surroundings.things_of("0a1b")
