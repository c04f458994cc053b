"""What became of a record while a site was away."""

from dataclasses import replace

import pytest

from hotsite.core.absence import Absence, Known, News, classify
from hotsite.core.registry import Record, Thing, thing_key

SINCE_S = 100.0
OVEN = Record(thing_key("oven"), Thing("oven"), written_at_s=101.0)
GONE = replace(OVEN, body=None, is_deleted=True)


@pytest.mark.parametrize(
    ("record", "before", "news"),
    [
        (OVEN, None, News.CREATED),
        (OVEN, OVEN, News.CHANGED),
        (OVEN, GONE, News.CREATED),
        (replace(OVEN, life=1), OVEN, News.CREATED),
        (GONE, OVEN, News.DELETED),
        (replace(OVEN, revoked=("c1",)), OVEN, News.REVOKED),
        (replace(OVEN, revoked=("c1",)), replace(OVEN, revoked=("c1",)), News.CHANGED),
        (replace(OVEN, written_at_s=SINCE_S), None, None),
        (replace(OVEN, body=None), None, None),
    ],
)
def test_news(record, before, news):
    known = Known(before, is_current=True)
    assert classify(record, known, since_s=SINCE_S) is news


def test_report_counts_news_pending_and_conflicts():
    found = Absence(SINCE_S)
    found = found.plus(OVEN, Known(None, is_current=False))
    found = found.plus(GONE, Known(OVEN, is_current=True))
    found = found.plus(OVEN, Known(OVEN, is_current=True, failure="no such type"))
    found = found.unreadable("thing#x cannot be read")
    assert str(found) == (
        "1 created, 1 changed, 0 revoked, 1 deleted, 1 pending, 2 failed"
    )
    assert found.conflicts == (
        "thing#oven cannot be applied: no such type",
        "thing#x cannot be read",
    )


def test_report_shows_the_first_conflicts_and_counts_all():
    found = Absence(SINCE_S)
    for number in range(30):
        found = found.unreadable(f"thing#{number}")
    assert (len(found.conflicts), found.failed) == (20, 30)
