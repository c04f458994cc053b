import io

import pytest
from tests.faces.test_render import Outline
from tests.flows.test_churn import Drifting, drill

from hotsite.faces.render import report_html, report_text
from hotsite.faces.render.progress import LineProgress, LiveProgress


@pytest.fixture(scope="module")
def events():
    return drill().events


def test_the_text_says_what_happened_to_names(events):
    text = report_text(events)
    assert text.startswith("eu-central-1 died and came back under 80 changes")
    assert "PASS  registry-churn: 30 devices" in text
    for words in ("Shut out, and let in", "Devices lost", "Drift of both Regions"):
        assert words in text
    assert "WHAT HAPPENED TO NAMES" in text
    assert "eu-central-1 was back after 2.0 s" in text
    assert "RPO" not in text
    assert "PUBACK" not in text


def test_the_page_nests_and_has_the_same_tables(events):
    page = Outline(report_html(events))
    assert page.open == []
    text = " ".join(page.text)
    for words in ("What happened to names", "What became of them", "Behind its back"):
        assert words in text
    assert "Messages, accounted for" not in text
    assert "How long devices were away" not in text


def test_a_failed_drill_gives_its_reasons():
    text = report_text(drill(world=Drifting).events)
    assert text.startswith("After 80 changes, the drill missed its objectives.")
    assert "- eu-west-1: thing x is missing" in text


def test_a_log_gets_few_lines_and_what_each_comparison_found(events):
    stream = io.StringIO()
    with LineProgress(stream) as view:
        for event in events:
            view.event(event)
    lines = stream.getvalue().splitlines()
    assert len(lines) < 40
    assert any("phase: meanwhile" in line for line in lines)
    assert any(": 0 differences, 0 at work, of" in line for line in lines)
    assert any("changes: " in line for line in lines)


def test_a_terminal_shows_the_parts_of_this_drill_only(events):
    stream = io.StringIO()
    with LiveProgress(stream) as view:
        for event in events:
            view.event(event)
    shown = stream.getvalue()
    assert "meanwhile" in shown
    assert "stay healthy" not in shown
