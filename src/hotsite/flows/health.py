"""Send the canary through the site, keep the verdict, serve what is kept."""

from dataclasses import dataclass

from hotsite.core import health
from hotsite.core.health import HealthAnswer, HealthVerdict
from hotsite.errors import HotsiteError
from hotsite.ports import Canary, Clock, HealthVerdicts

_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the canary may take, and how old its verdict may get.

    Attributes:
        arrival_s_max: From the publish until the message must be stored.
        age_s_max: Oldest verdict that still counts, in seconds.
    """

    arrival_s_max: float = 4.0
    age_s_max: float = 90.0


def check(
    canary: Canary,
    verdicts: HealthVerdicts,
    clock: Clock,
    patience: Patience,
) -> HealthVerdict:
    """Send one message through broker, rule and store; keep what was seen.

    Args:
        canary: The way through this site.
        verdicts: Where the verdict is kept.
        clock: The time.
        patience: How long it may take.

    Returns:
        The verdict that was written.

    Raises:
        UnreachableError: The verdict could not be kept; it then grows stale,
            and stale is unhealthy.
    """
    began_s = clock.now_s()
    seen = _look(canary, clock, patience, began_s)
    return keep(seen, verdicts, patience)


def keep(
    seen: HealthVerdict, verdicts: HealthVerdicts, patience: Patience
) -> HealthVerdict:
    """Keep what the canary saw, judged together with the looks before.

    Returns:
        The verdict that was written.

    Raises:
        UnreachableError: The verdict could not be kept.
    """
    before = verdicts.read()
    verdict = health.remembered(seen, before, age_s_max=patience.age_s_max)
    verdicts.write(verdict)
    return verdict


def _look(
    canary: Canary, clock: Clock, patience: Patience, began_s: float
) -> HealthVerdict:
    try:
        key = canary.send()
        while not canary.has_arrived(key):
            if clock.now_s() - began_s > patience.arrival_s_max:
                return failed(
                    f"not stored within {patience.arrival_s_max:.0f} s", clock
                )
            clock.sleep(_LOOK_EVERY_S)
    except HotsiteError as error:
        return failed(str(error), clock)
    now_s = clock.now_s()
    return HealthVerdict(
        is_healthy=True,
        reason="a message came through broker, rule and store",
        seen_at_s=now_s,
        took_s=now_s - began_s,
    )


def failed(reason: str, clock: Clock) -> HealthVerdict:
    """Return the verdict of a look that did not get through."""
    return HealthVerdict(is_healthy=False, reason=reason, seen_at_s=clock.now_s())


def serve(verdicts: HealthVerdicts, clock: Clock, patience: Patience) -> HealthAnswer:
    """Answer a health checker from what is kept, without looking anew.

    Args:
        verdicts: Where the verdict is kept.
        clock: The time.
        patience: How old it may be.

    Returns:
        The answer; a verdict that cannot be read is unhealthy.
    """
    try:
        verdict = verdicts.read()
    except HotsiteError as error:
        return HealthAnswer(is_healthy=False, reason=str(error))
    return health.answer(verdict, now_s=clock.now_s(), age_s_max=patience.age_s_max)
