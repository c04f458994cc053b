import itertools
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from tests.sample_journal import ACTIVE, STANDBY, Paper, but, event, journal, without

from hotsite.core.hardship import PowerCut, SiteSick
from hotsite.core.journal import (
    DeviceRecovered,
    DnsAnswered,
    DrillEnded,
    DrillStarted,
    FaultInjected,
    FleetSampled,
    Note,
    SiteHealth,
    decode,
    encode,
)
from hotsite.core.scenario import FaultKind, Objectives
from hotsite.core.verdict import judge
from hotsite.errors import InvalidInputError
from hotsite.faces.render import report_html, report_text, verdict_text
from hotsite.faces.render.charts import LAYOUTS, NARROW, WIDE, Scale
from hotsite.faces.render.curve import waits
from hotsite.faces.render.markup import tag
from hotsite.faces.render.story import headline, tell
from hotsite.faces.render.timeline import timeline

PAPERS = [
    Paper(),
    Paper(has_fault=False),
    Paper(dead=2, lost=1, doubled=1, has_switch=False),
    Paper(dead=50),
    Paper(devices=1),
    Paper(slow_s=58),
]
VOID = {"meta"}


class Outline(HTMLParser):
    """Checks that elements nest, and keeps what a test asks for."""

    def __init__(self, page):
        super().__init__()
        self.open = []
        self.tags = []
        self.text = []
        self.feed(page)
        self.close()

    def handle_starttag(self, name, attributes):
        self.tags.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, data):
        if not self.open or self.open[-1] != "style":
            self.text.append(data)


@pytest.mark.parametrize("paper", PAPERS, ids=repr)
def test_a_page_is_well_formed_and_fetches_nothing(paper):
    page = report_html(journal(paper))
    outline = Outline(page)
    assert outline.open == []
    names = {name for name, _ in outline.tags}
    assert not names & {"script", "link", "img", "iframe", "object"}
    loads = {"src", "href", "srcset", "xlink:href"}
    assert not any(loads & attributes.keys() for _, attributes in outline.tags)
    assert not re.search(r"@import|url\((?!#)|https?:", page)
    assert "nan" not in re.sub(r"<style>.*</style>", "", page).lower().split()


@pytest.mark.parametrize("paper", PAPERS, ids=repr)
def test_drawings_and_tables_can_be_heard(paper):
    outline = Outline(report_html(journal(paper)))
    ids = [a["id"] for _, a in outline.tags if "id" in a]
    assert len(ids) == len(set(ids))
    for name, attributes in outline.tags:
        if name == "svg":
            assert set(attributes["aria-labelledby"].split()) <= set(ids)
        if name == "th":
            assert attributes["scope"] in {"row", "col"}
    counts = [name for name, _ in outline.tags]
    assert counts.count("table") == counts.count("caption")
    assert counts.count("h1") == 1


def test_a_report_is_the_same_whenever_it_is_made():
    events = journal()
    again = [decode(encode(item)) for item in events]
    assert report_html(events) == report_html(again)
    assert report_text(events) == report_text(again)


def test_every_text_of_a_journal_is_escaped():
    nasty = "<script>alert('&')</script>"
    events = but(
        journal(),
        DrillStarted,
        scenario=nasty,
        scenario_text=nasty,
        active=nasty,
        world=nasty,
        versions={nasty: nasty},
    )
    events = but(events, DnsAnswered, name=f"iot.{nasty}")
    events = but(but(events, Note, text=nasty), DeviceRecovered, thing=nasty)
    events = but(events, DrillEnded, reason=nasty)
    page = report_html(events)
    assert "<script" not in page
    assert nasty in "".join(Outline(page).text)


def test_the_page_says_the_verdict_in_words():
    good = "".join(Outline(report_html(journal())).text)
    assert "✓ Pass" in good
    assert "All 50 devices were back in eu-west-1 21.6 s after" in good
    bad = "".join(Outline(report_html(journal(Paper(lost=3)))).text)
    assert "✕ Fail" in bad
    assert "the drill lost 3 of 1350 acknowledged messages" in bad
    assert "Lost if PUBACK were trusted" in bad


@pytest.mark.parametrize(
    ("paper", "sentence"),
    [
        (Paper(has_fault=False), "Nothing was broken, so the drill proves nothing"),
        (Paper(dead=2), "48 of 50 devices came back in eu-west-1; the drill missed"),
        (Paper(dead=50), "0 of 50 devices came back"),
    ],
)
def test_the_headline_is_the_outcome(paper, sentence):
    assert headline(tell(journal(paper))).startswith(sentence)


def test_the_text_report_holds_every_figure_of_the_verdict():
    text = report_text(journal())
    for piece in ("PASS", "21.6 s", "11.1 s", "1\u202f350", "12.4 s", "seed 7"):
        assert piece in text
    assert "hotsite report DIR" in text
    assert "oven-7-after-0 was onboarded in eu-west-1" in text


def test_a_figure_that_was_not_measured_is_said_to_be():
    text = verdict_text(judge(journal(Paper(has_fault=False))))
    assert re.search(r"RTO p99 +not measured +at most 60 s +not measured", text)
    assert "- no fault was injected, so RTO was not measured" in text
    dead = verdict_text(judge(journal(Paper(dead=2))))
    assert re.search(r"RTO p99 +not reached +at most 60 s +missed", dead)


def test_without_a_fault_nobody_was_away():
    events = journal(Paper(has_fault=False))
    assert "never came back" not in report_html(events)
    assert "LONGEST AWAY" not in report_text(events)


def test_a_journal_that_just_stops_is_still_reported():
    events = journal()
    for length in range(1, len(events), 17):
        assert "<h1>" in report_html(events[:length])
    assert "the journal stops" in report_text(events[:-1])
    with pytest.raises(InvalidInputError):
        report_html([])


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.name)
def test_a_timeline_without_samples_is_still_drawn(layout):
    drawing = timeline(tell(without(journal(), FleetSampled)), layout)
    assert "Messages waiting on devices (most: 0)" in drawing


@pytest.mark.parametrize("layout", [WIDE, NARROW], ids=lambda layout: layout.name)
def test_marks_stay_on_the_paper(layout):
    drawing = timeline(tell(journal()), layout)
    places = [float(x) for x in re.findall(r' x2?="(-?[\d.]+)"', drawing)]
    assert places
    assert all(0 <= x <= layout.width for x in places)


def test_ticks_are_round_and_apart():
    scale = Scale(-15.3, 38.6, 34, 950)
    ticks = scale.ticks(room=60)
    assert 0.0 in ticks
    places = [scale(tick) for tick in ticks]
    assert all(b - a >= 60 for a, b in itertools.pairwise(places))


def test_markup_escapes_text_and_attributes():
    made = tag("a", "<b>", tag("i", "x"), title='"&', width=2.50, hidden=None)
    assert made == '<a title="&quot;&amp;" width="2.5">&lt;b&gt;<i>x</i></a>'


def test_the_survivor_is_named_in_the_account():
    assert f"distinct, in {STANDBY} at the end" in report_text(journal())


def hard():
    """Return a drill with power cuts and a sick Region that dies twice."""
    first, *rest = journal()
    goals = Objectives(puback_loss_min=1, power_cuts_min=2)
    first = replace(first, fact=replace(first.fact, objectives=goals))
    facts = [
        event(25, PowerCut(2, 10)),
        event(26, SiteSick(ACTIVE, 184.4)),
        event(36, PowerCut(0, 10)),
        event(40, FaultInjected(FaultKind.REGION_KILL, ACTIVE)),
    ]
    return [first, *sorted([*rest, *facts], key=lambda item: item.at_s)]


def test_power_cuts_and_sickness_are_shown_beside_what_a_puback_is_worth():
    outline = Outline(report_html(hard()))
    page = "".join(outline.text)
    assert "Lost if PUBACK were trusted" in page
    assert "Power cuts, each of one part of the fleet" in page
    assert "eu-central-1 is sick: it replicates 184.4 s late" in page
    cuts = [a for name, a in outline.tags if a.get("class") == "band cut"]
    assert len(cuts) == 2 * len(LAYOUTS)
    text = report_text(hard())
    assert text.count("10 devices lost their power") == 2
    assert text.count("eu-central-1 was killed") == 2


def test_a_drill_without_hardship_shows_none():
    assert "Power cuts" not in "".join(Outline(report_html(journal())).text)


def test_a_fleet_that_was_back_before_dns_moved_did_not_wait_for_dns():
    early = [
        replace(item, world_s=item.world_s + 30)
        if isinstance(item.fact, DnsAnswered | SiteHealth) and item.at_s > 1
        else item
        for item in journal()
    ]
    assert [wait.name for wait in waits(tell(early))] == ["connect", "store"]
    assert [wait.name for wait in waits(tell(journal()))][:2] == ["detect", "switch"]
