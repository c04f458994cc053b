"""What would be lost if a Region died now, for people and for scripts."""

from collections.abc import Mapping
from typing import Any

from hotsite.core.metering import Exposure

_UNKNOWN = "not measured"


def text(found: Mapping[str, Exposure], reach_s: float) -> str:
    """Return a line a Region.

    Args:
        found: By Region: what would be lost of it.
        reach_s: How far back devices can send again, in seconds.
    """
    return "\n".join(_line(name, one, reach_s) for name, one in found.items())


def document(found: Exposure, reach_s: float) -> dict[str, Any]:
    """Return the same as a JSON object; what was not measured is null.

    Args:
        found: What would be lost.
        reach_s: How far back devices can send again, in seconds.
    """
    return {
        "messages": found.messages,
        "hot_s": _rounded(found.hot_s),
        "cold_s": _rounded(found.cold_s),
        "measured_at": _rounded(found.measured_at_s),
        "is_covered": None if found.hot_s is None else found.hot_s <= reach_s,
    }


def _line(region: str, found: Exposure, reach_s: float) -> str:
    head = f"if {region} were lost now"
    if found.hot_s is None or found.messages is None:
        return f"{head}: {_UNKNOWN}"
    cold = f"cold {_UNKNOWN}"
    if found.cold_s is not None:
        cold = f"{found.cold_s:.0f} s cold"
    figures = f"{found.messages:,} messages, {found.hot_s:.1f} s hot, {cold}"
    keep = f"devices keep {reach_s:.0f} s"
    if found.hot_s <= reach_s:
        return f"{head}: {figures}; {keep}: nothing acknowledged is lost"
    risk_s = found.hot_s - reach_s
    return f"{head}: {figures}; {keep}: the oldest {risk_s:.0f} s are at risk"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
