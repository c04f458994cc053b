"""Say whether a site can be told to take the fleet: the cached deep verdict.

A canary follows one message through broker, rule and store; what it saw is
kept, and the health endpoint only looks at what is kept. Route 53 wants the
answer within two seconds of connecting (Route 53 developer guide, "How Route 53
determines whether a health check is healthy"), so nothing deep may run inline.
"""

from dataclasses import dataclass, replace

# A site that fails twice in a minute is browning out: devices feel that, though the
# next look may be fine. Route 53 would not: it calls a site healthy while more than
# 18 % of its checkers do.
_LOOKS = 6
_FAILURES_MAX = 1


@dataclass(frozen=True, slots=True)
class HealthVerdict:
    """What the canary last saw.

    Attributes:
        is_healthy: True when the message came through in time.
        reason: One sentence for people.
        seen_at_s: When it was seen, seconds since the epoch.
        took_s: From the publish until the message was in the store, or
            nothing when it never was.
        recent: Whether the message came through, of the last looks, this one last.
    """

    is_healthy: bool
    reason: str
    seen_at_s: float
    took_s: float | None = None
    recent: tuple[bool, ...] = ()


def remembered(
    seen: HealthVerdict, before: HealthVerdict | None, *, age_s_max: float
) -> HealthVerdict:
    """Judge what was seen together with the looks before.

    Args:
        seen: What the canary saw now.
        before: The last verdict that was kept, or nothing.
        age_s_max: A verdict that is older says nothing of now, in seconds.
    """
    is_old = before is None or seen.seen_at_s - before.seen_at_s > age_s_max
    earlier = () if is_old or before is None else before.recent
    recent = (*earlier, seen.is_healthy)[-_LOOKS:]
    failures = recent.count(False)
    if not seen.is_healthy or failures <= _FAILURES_MAX:
        return replace(seen, recent=recent)
    reason = f"{failures} of the last {len(recent)} messages did not come through"
    return replace(seen, recent=recent, is_healthy=False, reason=reason)


@dataclass(frozen=True, slots=True)
class HealthAnswer:
    """What the health endpoint says."""

    is_healthy: bool
    reason: str

    @property
    def status_code(self) -> int:
        """Return 200, or 503 so that Route 53 counts it as a failure."""
        return 200 if self.is_healthy else 503


def answer(
    verdict: HealthVerdict | None, *, now_s: float, age_s_max: float
) -> HealthAnswer:
    """Judge a kept verdict by its age.

    Args:
        verdict: What the canary last wrote, or nothing.
        now_s: The time of the question, seconds since the epoch.
        age_s_max: How old a verdict may be, in seconds. Stale is unhealthy: a
            site whose canary died must not look well for ever.

    Returns:
        The answer; ``reason`` is never empty.
    """
    if verdict is None:
        return HealthAnswer(is_healthy=False, reason="no canary has run yet")
    age_s = now_s - verdict.seen_at_s
    if age_s > age_s_max:
        return HealthAnswer(
            is_healthy=False,
            reason=f"the last verdict is {age_s:.0f} s old, {age_s_max:.0f} s allowed",
        )
    return HealthAnswer(is_healthy=verdict.is_healthy, reason=verdict.reason)
