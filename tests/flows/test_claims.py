from dataclasses import replace

import pytest

from hotsite.core.onboarding import Claim, Entry
from hotsite.errors import UnreachableError
from hotsite.flows.claims import Fate, bring, every
from hotsite.sim.clock import SimClock
from hotsite.sim.tables import SimClaims, SimTables

ENTRY = Entry.of(Claim("oven-1", "s3cret"), {"model": "x1"})


class Tired(SimClaims):
    """A ledger that answers only after a few calls."""

    silent = 0

    def add(self, entry):
        if self.silent:
            self.silent -= 1
            raise UnreachableError("now")
        return super().add(entry)


@pytest.fixture
def clock():
    return SimClock()


@pytest.fixture
def ledger(clock):
    return Tired(SimTables("a", clock))


def test_list_brought_twice_is_brought_once(ledger, clock):
    assert bring(ENTRY, ledger, clock) is Fate.ADDED
    ledger.take(replace(ENTRY, csr_digest="mine", owner="ada"))
    assert bring(ENTRY, ledger, clock) is Fate.THERE
    assert ledger.read("oven-1").csr_digest == "mine"


def test_other_secret_or_attributes_change_nothing_and_are_told(ledger, clock):
    bring(ENTRY, ledger, clock)
    for other in (
        replace(ENTRY, secret_digest="0"),
        replace(ENTRY, attributes=()),
    ):
        assert bring(other, ledger, clock) is Fate.DIFFERS
    assert ledger.read("oven-1") == ENTRY


def test_ledger_that_is_silent_for_a_moment_is_asked_again(ledger, clock):
    ledger.silent = 3
    began_s = clock.now_s()
    assert bring(ENTRY, ledger, clock) is Fate.ADDED
    assert 0 < clock.now_s() - began_s < 10


def test_ledger_that_stays_silent_is_an_error(ledger, clock):
    ledger.silent = 99
    with pytest.raises(UnreachableError):
        bring(ENTRY, ledger, clock)


def test_every_claim_comes_once_over_all_pages(ledger, clock):
    names = [f"oven-{number}" for number in range(8)]
    for name in names:
        ledger.add(replace(ENTRY, claim_id=name))
    assert sorted(one.claim_id for one in every(ledger)) == names
    wanted = every(ledger, lambda entry: entry.claim_id == "oven-3")
    assert [one.claim_id for one in wanted] == ["oven-3"]
