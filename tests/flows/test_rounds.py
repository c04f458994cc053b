"""One run of the function that guards a site and sends its canary."""

from itertools import pairwise

from tests.flows.test_guard import world
from tests.flows.test_health import Path

from hotsite.core.operations import Action
from hotsite.errors import UnreachableError
from hotsite.flows.rounds import watch

RUN_S = 60.0


def rounds(guard, canary=None, *, rounds_max=100):
    """Play a run of 60 s to its end; return the time of each round, and the rounds."""
    clock = guard.clock
    began_s, found = clock.now_s(), []
    left_s = lambda: began_s + RUN_S - clock.now_s()  # noqa: E731
    canary = canary or Path(clock, takes_s=0.3)
    rounds = watch(guard, canary, left_s, rounds_max=rounds_max)
    found.extend((clock.now_s() - began_s, one) for one in rounds)
    return found


def test_site_looks_without_a_gap_until_its_time_is_over():
    guard, _ = world()
    found = rounds(guard)
    times_s = [at_s for at_s, _ in found]
    gaps_s = [later - earlier for earlier, later in pairwise(times_s)]
    # The next run begins when this one's time is over.
    gaps_s.append(RUN_S - times_s[-1])
    assert max(gaps_s) < guard.policy.away_s_max / 2
    assert all(one.decision is not None for _, one in found)
    assert sum(one.verdict is not None for _, one in found) >= 4


def test_slow_site_does_not_outlive_its_function():
    guard, around = world()
    around.takes_s = 4.0
    canary = Path(guard.clock, takes_s=99.0)
    found = rounds(guard, canary)
    assert found[-1][0] < RUN_S
    assert any(one.verdict is not None for _, one in found)


def test_site_looks_before_it_is_called_healthy():
    guard, around = world()
    seen = []
    canary = Path(guard.clock)
    canary.send = lambda: seen.append(guard.operations.read().look("b")) or "key"
    canary.sent_s = 0.0
    rounds(guard, canary, rounds_max=1)
    (look,) = seen
    assert look.action is Action.TAKE_OVER
    assert around.asked == ["a"]


def test_site_whose_look_does_not_end_calls_itself_unhealthy():
    guard, _ = world()
    guard.clock.sleep(1.0)
    guard.operations.is_reachable = False
    ((_, found),) = rounds(guard, rounds_max=1)
    assert found.decision is None
    assert "do not answer" in found.reason
    assert guard.verdicts.read() == found.verdict
    assert (found.verdict.is_healthy, found.verdict.reason) == (
        False,
        f"the guard: {found.reason}",
    )


def test_site_that_cannot_write_goes_on_to_look():
    guard, _ = world()
    guard.verdicts.is_reachable = False
    found = [one for _, one in rounds(guard)]
    assert len(found) >= 5
    assert {one.verdict for one in found} == {None}
    assert all("does not answer" in one.reason for one in found)


def test_site_that_could_not_look_looks_again():
    guard, _ = world()
    guard.operations.is_reachable = False
    clock, found = guard.clock, []
    for one in watch(guard, Path(clock), lambda: RUN_S, rounds_max=3):
        found.append(one)
        guard.operations.is_reachable = True
    assert [one.decision is None for one in found] == [True, False, False]


def test_sick_canary_is_told_and_does_not_end_the_run():
    guard, _ = world()
    canary = Path(guard.clock, error=UnreachableError("no broker"))
    found = [one for _, one in rounds(guard, canary)]
    assert len(found) >= 5
    assert {one.verdict.is_healthy for one in found if one.verdict} == {False}
