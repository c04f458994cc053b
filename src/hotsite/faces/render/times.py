"""Moments as text."""

import datetime as dt


def shown(at_s: float) -> str:
    """Return a moment as RFC 3339 with milliseconds, UTC."""
    try:
        found = dt.datetime.fromtimestamp(at_s, dt.UTC)
    except (ValueError, OverflowError, OSError):
        # A device whose clock is wrong may say anything.
        return f"{at_s:g} s"
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z")
