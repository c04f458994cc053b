"""What ``hotsite status`` says of a Region's death."""

import pytest

from hotsite.core.metering import Exposure
from hotsite.faces.render import rpo

A, B = "eu-central-1", "eu-west-1"


COVERED = "devices keep 420 s: nothing acknowledged is lost"
AT_RISK = "devices keep 420 s: the oldest 80 s are at risk"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            Exposure(42, 3.14, 65.2, 1_000.0),
            f"42 messages, 3.1 s hot, 65 s cold; {COVERED}",
        ),
        (
            Exposure(30_000, 500.0, None, 1_000.0),
            f"30,000 messages, 500.0 s hot, cold not measured; {AT_RISK}",
        ),
        (Exposure(measured_at_s=1_000.0), "not measured"),
        (Exposure(), "not measured"),
    ],
)
def test_a_line_says_what_would_be_lost_and_whether_devices_cover_it(found, said):
    assert rpo.text({A: found}, 420.0) == f"if {A} were lost now: {said}"


def test_each_region_has_its_line():
    found = {A: Exposure(), B: Exposure(0, 0.0, 0.0, 1.0)}
    assert [line[:7] for line in rpo.text(found, 420.0).splitlines()] == [
        "if eu-c",
        "if eu-w",
    ]


@pytest.mark.parametrize(
    ("hot_s", "is_covered"), [(None, None), (420.0, True), (420.1, False)]
)
def test_what_was_not_measured_is_null_and_never_zero(hot_s, is_covered):
    found = Exposure(None if hot_s is None else 7, hot_s, None, 1_000.0004)
    assert rpo.document(found, 420.0) == {
        "messages": None if hot_s is None else 7,
        "hot_s": hot_s,
        "cold_s": None,
        "measured_at": 1_000.0,
        "is_covered": is_covered,
    }
