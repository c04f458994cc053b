"""Watch a site for one run of its function: the guard first, then the canary.

A site that was away must learn who is active before it is called healthy again, so a
round whose look did not end calls it unhealthy; where not even that can be written,
the last verdict grows stale. Looks go on when no time is left for a canary: a site that
does not look is soon not sure of itself any more (``core.standing.FencePolicy``).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hotsite.core.health import HealthVerdict
from hotsite.core.takeover import Decision
from hotsite.errors import HotsiteError
from hotsite.flows import guard, health
from hotsite.flows.guard import Guard
from hotsite.ports import Canary

# A canary that finds everything sick: connect, publish, and its message's arrival.
_CHECK_S_MAX = 10.0
# A look that finds everything silent; the function must not end within it.
_LOOK_S_MAX = 6.0


@dataclass(frozen=True, slots=True)
class Round:
    """What one round came to.

    Attributes:
        decision: What the guard decided; None when its look did not end.
        verdict: What was written; None when nothing was.
        reason: Why the look did not end, or no verdict was written; else empty.
    """

    decision: Decision | None
    verdict: HealthVerdict | None
    reason: str = ""


def watch(
    site: Guard, canary: Canary, left_s: Callable[[], float], *, rounds_max: int
) -> Iterator[Round]:
    """Yield round after round, until the function's time is over.

    Args:
        site: What its guard works with.
        canary: The way through the site.
        left_s: Returns how long the function may still run, in seconds.
        rounds_max: Rounds, at most.
    """
    for number in range(rounds_max):
        if number:
            site.clock.sleep(site.policy.look_every_s)
        yield _round(site, canary, is_canary_sent=left_s() > _CHECK_S_MAX + _LOOK_S_MAX)
        if left_s() < site.policy.look_every_s + _LOOK_S_MAX:
            return


def _round(site: Guard, canary: Canary, *, is_canary_sent: bool) -> Round:
    try:
        decision = guard.look(site)
    except HotsiteError as error:
        return Round(None, _unguarded(site, str(error)), str(error))
    if not is_canary_sent:
        return Round(decision, None)
    try:
        verdict = health.check(canary, site.verdicts, site.clock, site.patience)
    except HotsiteError as error:
        return Round(decision, None, str(error))
    return Round(decision, verdict)


def _unguarded(site: Guard, reason: str) -> HealthVerdict | None:
    """Call the site unhealthy, because it could not find out who is active."""
    seen = health.failed(f"the guard: {reason}", site.clock)
    try:
        return health.keep(seen, site.verdicts, site.patience)
    except HotsiteError:
        return None
