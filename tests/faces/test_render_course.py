"""What a drill of deciding says, in text and on a page."""

import pytest
from tests.sample_course import events_of

from hotsite.core.course import (
    Ending,
    OperationEnded,
    Outage,
    OutageBegan,
    OutageEnded,
    SiteAwaited,
    SiteSpoke,
)
from hotsite.core.operations import Kind
from hotsite.faces import render
from hotsite.faces.render.coursewords import words


@pytest.fixture(scope="module")
def events():
    return events_of("split-brain-heal")


@pytest.mark.parametrize(
    ("fact", "line"),
    [
        (OutageBegan(Outage.KILL, "a", 1.0), "site a was killed"),
        (OutageBegan(Outage.BROWN_OUT, "a", 0.2), "site a is browning out: 20% fails"),
        (OutageEnded(Outage.TABLES, "b", 0.1), "the tables of site b are well"),
        (SiteSpoke("a", None, None, ""), "the switch of a does not answer"),
        (SiteSpoke("b", True, 1, "b"), "the switch of b is on: epoch 1 (b)"),  # noqa: FBT003
        (SiteAwaited("b", None), "b did not take over in time"),
        (SiteAwaited("b", 3.0), None),
        (
            OperationEnded(Kind.FORCED, "b", Ending.DONE, Ending.DONE, "x", 12.0),
            "forced to b: done after 12.0 s",
        ),
        (
            OperationEnded(
                Kind.FORCED, "b", Ending.REFUSED, Ending.DONE, "b is sick", 1.0
            ),
            "forced to b: refused: b is sick",
        ),
    ],
)
def test_each_fact_is_one_line(fact, line):
    assert words(fact) == line


def test_there_are_words_for_every_outage():
    for outage in Outage:
        assert words(OutageBegan(outage, "a", 1.0))
        assert words(OutageEnded(outage, "a", 1.0))


def test_text_says_who_is_active_and_what_operators_did(events):
    text = render.report_text(events)
    assert text.startswith("The fleet moved once, eu-west-1 alone is active")
    for part in ("THE SITES", "OPERATIONS", "planned to b", "Both sites active"):
        assert part in text


def test_page_says_the_same(events):
    page = render.report_html(events)
    for part in ("The sites", "Operations", "Active in the end", "Both sites active"):
        assert part in page
    assert "Recovery, step by step" not in page
