"""Moments as people write them: RFC 3339, or back from now."""

import datetime as dt
import re

from hotsite.errors import InvalidInputError

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_SPAN_S_MAX = 100 * 366 * 86_400.0
_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
# RFC 3339 section 5.6: a date and a time with an offset, which Python takes more
# freely (a date alone, a time without an offset).
_MOMENT = re.compile(
    r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})"
)


def moment(text: str, *, flag: str, now_s: float) -> float:
    """Return a moment in seconds since the epoch.

    Args:
        text: ``2026-11-28T09:30:00Z``, ``-15m`` (back from now), or ``now``.
        flag: What it was given to, for the message.
        now_s: Seconds since the epoch.

    Raises:
        InvalidInputError: It is neither.
    """
    if text == "now":
        return now_s
    if text.startswith("-"):
        return now_s - _seconds(text[1:], said=f"{flag} {text}")
    if _MOMENT.fullmatch(text):
        try:
            return dt.datetime.fromisoformat(text.upper()).timestamp()
        except (ValueError, OverflowError) as error:
            raise InvalidInputError(f"{flag} {text}: {error}") from error
    raise InvalidInputError(
        f"{flag} {text}: neither RFC 3339 (2026-11-28T09:30:00Z) nor back from now"
        " (-15m; s, m, h, d)"
    )


def span(text: str, *, flag: str) -> float:
    """Return a span of time in seconds.

    Args:
        text: A number and one of s, m, h, d: ``15m``.
        flag: What it was given to, for the message.

    Raises:
        InvalidInputError: It is no such span.
    """
    return _seconds(text, said=f"{flag} {text}")


def _seconds(text: str, *, said: str) -> float:
    found = _SPAN.fullmatch(text)
    if found is None:
        raise InvalidInputError(f"{said}: not a span of time (15m; s, m, h, d)")
    seconds = float(found[1]) * _UNITS[found[2]]
    if seconds > _SPAN_S_MAX:
        raise InvalidInputError(f"{said}: more than a century")
    return seconds
