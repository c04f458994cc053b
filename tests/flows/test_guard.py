"""The guard of a site: what it asks, and what it leaves behind."""

from dataclasses import dataclass, field, replace

import pytest

from hotsite.core.epoch import FIRST, Epoch, number_after
from hotsite.core.health import HealthVerdict
from hotsite.core.operations import Action, Claim, Look
from hotsite.core.standing import Standing, posture
from hotsite.core.takeover import SiteSeen
from hotsite.errors import ConflictError, UnreachableError
from hotsite.flows.guard import Guard, look
from hotsite.sim.clock import SimClock
from hotsite.sim.operations import SimOperations, Written
from hotsite.sim.region_tables import SimHealthVerdicts


@dataclass
class Around:
    """The peer, DNS and the devices, as site ``b`` sees them."""

    clock: SimClock
    peer: SiteSeen | None = None
    leads: str | None = "b"
    came: int = 0
    takes_s: float = 0.0
    asked: list = field(default_factory=list)
    meanwhile: object = None

    def see(self, site):
        self.asked.append(site)
        self.clock.sleep(self.takes_s)
        if self.meanwhile is not None:
            self.meanwhile()
        if self.peer is None:
            raise UnreachableError("a does not answer")
        return self.peer

    def leads_to(self):
        if self.leads is None:
            raise UnreachableError("no name server answers")
        return self.leads

    def count(self, within_s):
        return self.came


def well(epoch):
    return SiteSeen(epoch, is_on=True, is_healthy=True, reason="came", now_s=0.0)


def world(**says):
    clock = SimClock()
    around = Around(clock, **says)
    operations, verdicts = SimOperations("b", clock), SimHealthVerdicts()
    now_s = clock.now_s()
    verdicts.write(HealthVerdict(is_healthy=True, reason="came", seen_at_s=now_s))
    heard = Look("b", FIRST, now_s - 10, now_s - 10, 0.0, Action.STAND_BY, "")
    operations.write(heard, previous=None)
    guard = Guard("b", operations, verdicts, around, around, around, clock)
    return guard, around


def test_guard_takes_over_and_is_active_from_then_on():
    guard, around = world()
    decision = look(guard)
    now_s, book = guard.clock.now_s(), guard.operations.read()
    assert (decision.action, around.asked) == (Action.TAKE_OVER, ["a"])
    assert book.claim("b") == Claim(decision.epoch)
    found = posture(book, "b", now_s=now_s, policy=guard.policy)
    assert found.standing is Standing.ACTIVE
    (line,) = guard.operations.entries()
    assert (line.by, line.what) == ("guard of b", "take over, epoch 1 (b)")


def test_guard_writes_into_the_journal_only_what_changed():
    guard, _ = world()
    for _ in range(4):
        look(guard)
        guard.clock.sleep(10.0)
    told = [line.what for line in guard.operations.entries()]
    assert told == ["take over, epoch 1 (b)", "serve, epoch 1 (b)"]


def test_guard_stands_down_and_remembers_what_no_replica_has_told():
    guard, around = world()
    look(guard)
    around.peer = well(Epoch(2, "a", 5.0))
    assert look(guard).action is Action.STAND_DOWN
    book = guard.operations.read()
    assert (book.newest.number, book.claim("a")) == (2, None)
    around.peer = None
    around.leads = "a"
    assert look(guard).action is Action.WAIT


def test_guard_of_a_sick_site_waits():
    guard, _ = world()
    guard.clock.sleep(91.0)
    assert "not healthy itself" in look(guard).reason


def test_devices_stand_for_name_servers_that_are_silent():
    guard, around = world(leads=None, came=2)
    assert look(guard).action is Action.WAIT
    around.came = 3
    assert look(guard).action is Action.TAKE_OVER


def test_guard_looks_again_when_an_operator_wrote_meanwhile():
    guard, around = world()

    def take_over():
        around.meanwhile = None
        claim = Claim(Epoch(1, "b", guard.clock.now_s(), "operator"))
        guard.operations.write(claim, previous=None)

    around.meanwhile = take_over
    assert look(guard).action is Action.SERVE
    assert guard.operations.read().claim("b").epoch.by == "operator"


def test_guard_gives_up_when_others_write_all_the_time():
    guard, around = world()

    def write():
        before = guard.operations.read().look("b")
        item = Look("b", FIRST, guard.clock.now_s(), 0.0, 0.0, Action.WAIT, "other")
        guard.clock.sleep(1.0)
        guard.operations.write(item, previous=before)

    around.meanwhile = write
    with pytest.raises(ConflictError):
        look(guard)


def test_guard_that_was_frozen_while_it_looked_looks_again():
    guard, around = world(takes_s=20.0)

    def thaw():
        around.takes_s = 0.0
        around.peer = well(FIRST)
        around.meanwhile = None

    around.meanwhile = None
    look_once = around.see

    def see(site):
        try:
            return look_once(site)
        finally:
            thaw()

    around.see = see
    decision = look(guard)
    assert decision.action is Action.STAND_BY


def test_guard_without_its_own_table_says_so():
    guard, _ = world()
    guard.operations.is_reachable = False
    with pytest.raises(UnreachableError):
        look(guard)


def test_guard_asks_each_other_site_and_the_active_one_that_it_was_not_told_of():
    guard, around = world(peer=well(FIRST))
    assert look(replace(guard, others=("a", "c"))).action is Action.STAND_BY
    assert around.asked == ["a", "c"]
    # d is of newer settings: it took over before this site was told that there is one.
    epoch = Epoch(number_after(0, "d"), "d", 0.0)
    guard.operations.receive(Written(Claim(epoch), (guard.clock.now_s(), "d")))
    around.asked.clear()
    around.peer = well(epoch)
    decision = look(replace(guard, others=("a", "c")))
    assert (decision.action, decision.epoch) == (Action.STAND_BY, epoch)
    assert around.asked == ["a", "c", "d"]
