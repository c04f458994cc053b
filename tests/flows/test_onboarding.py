from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.onboarding import Claim, Entry, Names, Request
from hotsite.core.registry import thing_key
from hotsite.errors import (
    AlreadyUsedError,
    ConflictError,
    InvalidInputError,
    RefusedError,
    UnreachableError,
)
from hotsite.flows.onboarding import Desk, onboard
from hotsite.flows.replication import Site, apply
from hotsite.sim.clock import SimClock
from hotsite.sim.registry import SimRegistry
from hotsite.sim.tables import SimAppliedRecords, SimClaims, SimTables, replicate

CSR = "-----BEGIN CERTIFICATE REQUEST-----\nx"
CLAIM = Claim("oven", "s3cret")
REQUEST = Request(CLAIM, CSR)
NAMES = Names(("iot.example.com",), "api.example.com", 8883)


def desk(region="a", clock=None):
    clock = clock or SimClock()
    tables = SimTables(region, clock)
    site = Site(tables, SimAppliedRecords(), SimRegistry(), clock)
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
