from dataclasses import replace

import pytest

from hotsite.core.health import HealthVerdict, answer, remembered

WELL = HealthVerdict(is_healthy=True, reason="came through", seen_at_s=100.0)
SICK = HealthVerdict(is_healthy=False, reason="no PUBACK", seen_at_s=100.0)


@pytest.mark.parametrize(
    ("verdict", "now_s", "status", "reason"),
    [
        (None, 100.0, 503, "no canary has run yet"),
        (WELL, 190.0, 200, "came through"),
        (WELL, 191.0, 503, "the last verdict is 91 s old, 90 s allowed"),
        (SICK, 101.0, 503, "no PUBACK"),
    ],
)
def test_stale_or_missing_is_unhealthy(verdict, now_s, status, reason):
    said = answer(verdict, now_s=now_s, age_s_max=90)
    assert (said.status_code, said.reason) == (status, reason)


@pytest.mark.parametrize(
    ("before", "is_ok", "is_healthy", "recent"),
    [
        ("", True, True, "1"),
        ("", False, False, "0"),
        ("0", True, True, "01"),
        ("00", True, False, "001"),
        ("0101", True, False, "01011"),
        ("001111", True, True, "011111"),
        ("100111", True, False, "001111"),
        ("111111", False, False, "111110"),
    ],
)
def test_two_failures_in_a_minute_are_a_brown_out(before, is_ok, is_healthy, recent):
    kept = replace(WELL, recent=tuple(one == "1" for one in before))
    seen = replace(WELL if is_ok else SICK, seen_at_s=110.0)
    verdict = remembered(seen, kept, age_s_max=90)
    assert verdict.is_healthy is is_healthy
    assert "".join("01"[one] for one in verdict.recent) == recent


def test_what_was_seen_before_an_absence_says_nothing_of_now():
    kept = replace(SICK, recent=(False, False))
    verdict = remembered(replace(WELL, seen_at_s=191.0), kept, age_s_max=90)
    assert (verdict.is_healthy, verdict.recent) == (True, (True,))


def test_a_brown_out_says_how_much_failed():
    kept = replace(WELL, recent=(False, False, True))
    assert remembered(WELL, kept, age_s_max=90).reason == (
        "2 of the last 4 messages did not come through"
    )
