"""Everything that speaks against an operation is said at once."""

from dataclasses import replace

import pytest

from hotsite.core.epoch import Epoch
from hotsite.core.operations import Book, Claim, Kind, Pause
from hotsite.core.preflight import Facts, Fleet, Limits, objections
from hotsite.core.takeover import SiteSeen
from hotsite.errors import InvalidInputError

NOW_S = 10_000.0
B1 = Epoch(1, "b", NOW_S - 301)
WELL = SiteSeen(B1, is_on=False, is_healthy=True, reason="canary", now_s=NOW_S)
SICK = replace(WELL, is_healthy=False, reason="no canary")
BOOK = Book({"epoch#b": Claim(B1)})
LAGS = (("a", 1.0), ("b", 2.0))
FINE = Facts(Kind.FAILBACK, "a", BOOK, NOW_S, WELL, WELL, LAGS)
FORCED = Facts(Kind.FORCED, "a", BOOK, NOW_S, WELL)
PAUSED = Book({**BOOK.items, "pause": Pause(is_paused=True, reason="work")})
RECENT = Book({"epoch#b": Claim(Epoch(1, "b", NOW_S - 100))})
SMALL = Limits(fleet=Fleet(size=11, connections_max=10))


def said(facts, limits=Limits()):  # noqa: B008 - it has no state
    return [(one.text, one.may_override) for one in objections(facts, limits)]


@pytest.mark.parametrize("facts", [FINE, FORCED, replace(FINE, kind=Kind.PLANNED)])
def test_nothing_speaks_against_what_is_fine(facts):
    assert said(facts) == []


@pytest.mark.parametrize(
    ("facts", "text", "may_override"),
    [
        (replace(FINE, target_seen=None), "a does not answer", False),
        (replace(FORCED, target_seen=None), "a does not answer", False),
        (replace(FINE, target_seen=SICK), "a is not healthy: no canary", False),
        (replace(FORCED, target_seen=SICK), "a is not healthy: no canary", True),
        (
            replace(FINE, source_seen=None),
            "b does not answer: use --forced if it is dead",
            False,
        ),
        (
            replace(FINE, target_seen=replace(WELL, now_s=NOW_S - 11)),
            "your clock and that of a are 11 s apart",
            True,
        ),
        (replace(FINE, book=PAUSED), "paused: work", True),
        (
            replace(FORCED, book=RECENT),
            "switched too recently, by epoch 1 (b): 200 s of dwell time are left",
            True,
        ),
        (
            replace(FINE, behind_s=(("a", None),)),
            "how far a is behind was not measured",
            True,
        ),
        (
            replace(FINE, conflicts=("thing#d1 cannot be applied: why",)),
            "conflict: thing#d1 cannot be applied: why",
            True,
        ),
    ],
)
def test_objection(facts, text, may_override):
    assert said(facts) == [(text, may_override)]


def test_pause_does_not_stop_a_forced_failover():
    assert said(replace(FORCED, book=PAUSED)) == []


def test_dwell_time_does_not_keep_a_fleet_from_where_it_should_be():
    assert said(replace(FINE, target="b", kind=Kind.PLANNED, book=RECENT)) == []


def test_fleet_that_does_not_fit_is_told():
    assert "11 devices are more than the 10" in said(FINE, SMALL)[0][0]


def test_all_objections_come_at_once():
    facts = replace(FINE, target_seen=SICK, book=PAUSED, behind_s=(("a", None),))
    assert len(said(facts, SMALL)) == 4


def test_drain_takes_as_long_as_its_pace():
    assert Fleet(1_000_000, connects_per_s=3000).drain_s == pytest.approx(416.7, 0.01)
    assert Fleet().drain_s is None


@pytest.mark.parametrize("values", [{"connects_per_s": 0}, {"pace_share": 1.1}])
def test_fleet_that_can_never_be_moved_is_refused(values):
    with pytest.raises(InvalidInputError, match="fleet"):
        Fleet(**values)
