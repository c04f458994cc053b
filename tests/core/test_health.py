import pytest

from hotsite.core.health import HealthVerdict, answer

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
