import bisect
import heapq
import random

import pytest
from tests.sample_registry import certificate

from hotsite.core.registry import Kind, Shadows, Thing, thing_key
from hotsite.core.replication import Present, Step, Verb
from hotsite.errors import ConflictError, InvalidInputError, ThrottledError
from hotsite.flows.pacing import PacedRegistry, PacingBudget
from hotsite.ports import KeyPage
from hotsite.sim.clock import SimClock
from hotsite.sim.quota import LimitedRegistry, SimQuota

KEY = thing_key("oven")
CREATE = Step(Verb.CREATE_THING, KEY, Thing("oven"))
LIMITS = {
    "CreateThing": 100.0,
    "CreateCertificateFromCsr": 15.0,
    "DescribeCertificate": 10.0,
    "DescribeThing": 350.0,
    "ListAttachedPolicies": 15.0,
    "ListThingGroupsForThing": 100.0,
    "ListThingPrincipals": 20.0,
    "ListThings": 10.0,
}


class OpenRegistry:
    """Takes every call, and says when."""

    def __init__(self, clock, *, found=Present(), errors=()):  # noqa: B008 - a value
        self.clock, self.found, self.errors = clock, found, list(errors)
        self.called_s = []

    def answer(self, answer=None):
        self.called_s.append(self.clock.now_s())
        if self.errors:
            raise self.errors.pop(0)
        return answer

    def issue(self, csr_pem):
        return self.answer(certificate(csr_pem))

    def perform(self, step):
        return self.answer()

    def observe(self, key, certificate_ids=()):
        return self.answer(self.found)

    def page(self, kind, token=None):
        return self.answer(KeyPage((), token))


class Worker:
    """One worker and all that it leans on, in virtual time."""

    def __init__(self, *, budget=None, limits=LIMITS, uniform=lambda: 0.5, **open_to):
        self.clock = SimClock()
        self.began_s = self.clock.now_s()
        self.open = OpenRegistry(self.clock, **open_to)
        self.limited = LimitedRegistry(self.open, limits, self.clock)
        self.quota = SimQuota(LIMITS, self.clock)
        self.paced = PacedRegistry(
            self.limited, self.quota, self.clock, uniform=uniform, budget=budget
        )

    @property
    def took_s(self):
        return self.clock.now_s() - self.began_s


def test_steady_work_uses_nearly_all_of_the_quota_and_is_never_refused():
    worker = Worker()
    for _ in range(1000):
        worker.paced.perform(CREATE)
    assert worker.limited.refused == {}
    assert 0.95 <= 1000 / worker.took_s / LIMITS["CreateThing"] <= 1


def test_worker_faster_than_the_slots_does_not_write_for_each_of_them():
    worker = Worker()
    for _ in range(1000):
        worker.paced.perform(CREATE)
    assert worker.quota.take_count <= 30


def test_worker_slower_than_the_slots_leaves_the_others_theirs():
    worker = Worker()
    for _ in range(50):
        worker.paced.perform(CREATE)
        worker.clock.sleep(0.1)
    held_s = worker.quota.buckets["CreateThing"].wait_s(worker.clock.now_s())
    assert worker.quota.take_count == 50
    assert held_s == 0


def test_worker_that_grew_slow_drops_the_slots_it_missed():
    worker = Worker()
    for _ in range(100):
        worker.paced.perform(CREATE)
    worker.clock.sleep(10)
    for _ in range(100):
        worker.paced.perform(CREATE)
    assert worker.limited.refused == {}


@pytest.mark.parametrize("worker_count", [1, 2, 7, 20])
@pytest.mark.parametrize("limit", [10.0, 100.0])
def test_many_workers_share_one_quota_without_a_refusal(worker_count, limit):
    turn = Turn()
    quota = SimQuota({"CreateThing": limit}, turn)
    registry = OpenRegistry(turn)
    workers = []
    for number in range(worker_count):
        clock = SimClock(1000.0)
        paced = PacedRegistry(registry, quota, clock, uniform=lambda: 0.5)
        workers.append((clock.now_s(), number, clock, paced))
    chance = random.Random(7)
    for _ in range(1000):
        _, number, turn.clock, paced = heapq.heappop(workers)
        paced.perform(CREATE)
        # Others' work in between, short enough that the quota is what decides.
        turn.clock.sleep(chance.uniform(0, 0.9 * worker_count / limit))
        heapq.heappush(workers, (turn.now_s(), number, turn.clock, paced))
    made_s = sorted(registry.called_s)
    for index, first_s in enumerate(made_s):
        inside = bisect.bisect_left(made_s, first_s + 0.99999) - index
        assert inside <= limit
    # The last leases are never used up: the end of the work is not steady.
    steady_s = made_s[:900]
    assert 899 / (steady_s[-1] - steady_s[0]) >= 0.95 * limit


class Turn:
    """The clock of the worker whose turn it is."""

    def __init__(self):
        self.clock = SimClock(1000.0)

    def now_s(self):
        return self.clock.now_s()

    def sleep(self, duration_s):
        self.clock.sleep(duration_s)


def test_refused_call_is_made_again_and_the_others_are_told():
    worker = Worker(errors=[ThrottledError("later"), ThrottledError("later")])
    worker.paced.perform(CREATE)
    assert len(worker.open.called_s) == 3
    assert worker.quota.buckets["CreateThing"].ratio < 1
    # Half of 0.5 s, then half of 1 s.
    assert worker.took_s == pytest.approx(0.75, abs=0.1)


@pytest.mark.parametrize(
    ("budget", "count"),
    [
        (PacingBudget(attempt_count_max=1), 1),
        (PacingBudget(attempt_count_max=3), 3),
        (PacingBudget(wait_s_max=0.5), 2),
    ],
)
def test_patience_ends_by_count_and_by_time(budget, count):
    worker = Worker(errors=[ThrottledError("later")] * 99, budget=budget)
    with pytest.raises(ThrottledError):
        worker.paced.perform(CREATE)
    assert len(worker.open.called_s) == count
    assert worker.took_s <= budget.wait_s_max


def test_call_whose_slot_is_too_late_is_not_made():
    worker = Worker(budget=PacingBudget(wait_s_max=1))
    worker.quota.take("CreateThing", 200, wait_s_max=0)
    with pytest.raises(ThrottledError):
        worker.paced.perform(CREATE)
    assert worker.open.called_s == []
    assert worker.took_s == 0


def test_other_errors_pass_and_slow_nobody_down():
    worker = Worker(errors=[ConflictError("there is another")])
    with pytest.raises(ConflictError):
        worker.paced.perform(CREATE)
    assert len(worker.open.called_s) == 1
    assert worker.quota.buckets["CreateThing"].ratio == 1


def test_quota_that_others_use_half_of_is_found_by_going_slower():
    worker = Worker(limits=LIMITS | {"CreateThing": 50.0})
    for _ in range(3000):
        worker.paced.perform(CREATE)
    refused = worker.limited.refused["CreateThing"]
    assert refused <= 0.02 * 3000
    assert 3000 / worker.took_s >= 0.7 * 50


def test_looking_at_a_thing_costs_every_call_it_makes():
    worker = Worker()
    worker.paced.observe(KEY, ("a", "b"))
    assert worker.limited.made == {
        "DescribeThing": 1,
        "ListThingGroupsForThing": 1,
        "ListThingPrincipals": 1,
        "DescribeCertificate": 2,
        "ListAttachedPolicies": 2,
    }
    # Two certificates are two slots; the look begins with the second.
    assert worker.took_s == pytest.approx(1 / 9.7)


def test_certificates_that_were_found_are_paid_for_afterwards():
    found = Present(Thing("oven"), tuple(certificate(c) for c in "abc"))
    worker = Worker(found=found)
    assert worker.paced.observe(KEY, ("a",)) == found
    assert worker.took_s == 0
    wait_s = worker.quota.buckets["DescribeCertificate"].wait_s(worker.clock.now_s())
    assert wait_s == pytest.approx(3 / 9.7)


def test_shadows_that_were_found_are_paid_for_afterwards():
    shadows = Shadows("oven", (("", "{}"), ("mode", "{}")))
    clock = SimClock()
    quota = SimQuota({"DeviceShadow": 10}, clock)
    open_registry = OpenRegistry(clock, found=Present(shadows))
    paced = PacedRegistry(open_registry, quota, clock, uniform=lambda: 0.5)
    paced.observe(KEY.__class__(Kind.SHADOWS, "oven"))
    wait_s = quota.buckets["DeviceShadow"].wait_s(clock.now_s())
    assert wait_s == pytest.approx(3 / 9.7)


def test_certificates_and_pages_have_quotas_too():
    worker = Worker()
    assert worker.paced.issue("csr").certificate_id
    assert worker.paced.page(Kind.THING, "next").next_token == "next"
    assert worker.paced.page(Kind.SHADOWS).keys == ()
    assert worker.limited.made == {"CreateCertificateFromCsr": 1, "ListThings": 1}


@pytest.mark.parametrize("changes", [{"attempt_count_max": 0}, {"wait_s_max": -1}])
def test_budget_that_allows_nothing_is_refused(changes):
    with pytest.raises(InvalidInputError):
        PacingBudget(**changes)
