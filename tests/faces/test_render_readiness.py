"""What ``hotsite status`` shows: as text, live at 80 and 120 columns, and as JSON."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console
from tests.core.test_site_readiness import (
    NOW_S,
    POLICY,
    SILENT,
    facts,
)

from hotsite.core.doors import Door
from hotsite.core.health import HealthVerdict
from hotsite.core.replication_status import ReplicationStatus
from hotsite.core.site_facts import Sampled, SiteFacts
from hotsite.core.site_readiness import Level
from hotsite.faces.render import readiness
from hotsite.faces.render.readiness import Found

A = "eu-central-1"
SICK = replace(
    facts(),
    site="a",
    region=A,
    verdict=HealthVerdict(is_healthy=False, reason="no PUBACK", seen_at_s=NOW_S - 3),
    registered=Sampled(20, 19, "42 things", ("oven-7: no policy",)),
)
DEAD = SiteFacts(
    "a",
    A,
    NOW_S,
    SILENT,
    SILENT,
    SILENT,
    doors=(Door("iot.x", "iot-a.x does not answer", is_silent=True),),
)


def shown(found, width):
    console = Console(width=width, file=io.StringIO(), color_system=None)
    console.print(readiness.view(found, width))
    return console.file.getvalue()


def test_text_has_a_head_and_a_line_a_point_for_each_site():
    text = readiness.text(Found((SICK, facts()), POLICY))
    lines = text.splitlines()
    assert lines[0] == "a  eu-central-1: standby, not ready"
    assert "   ✗ health     no PUBACK, 3 s ago" in lines
    assert "b  eu-west-1: active, ready" in lines
    assert "if eu-west-1 were lost now: 12 messages" in text
    assert Found((SICK, facts()), POLICY).level is Level.NOT_READY


def test_silent_site_is_said_to_be_and_the_other_is_shown():
    text = readiness.text(Found((DEAD, facts()), POLICY))
    assert "a  eu-central-1: not ready\n   ✗ site       does not answer" in text
    assert "b  eu-west-1: active, ready" in text
    assert "eu-central-1 does not answer: no answer" in text


@pytest.mark.parametrize("width", [40, 80, 109, 110, 120, 200])
@pytest.mark.parametrize("first", [SICK, DEAD])
def test_live_view_fits_and_says_every_point(width, first):
    found = Found((first, facts()), POLICY)
    text = shown(found, width)
    assert max(map(len, text.splitlines())) <= width
    for one in found.facts:
        assert one.region in text
    assert "not ready" in text
    squeezed = "".join(text.split())
    for points in found.points.values():
        for point in points:
            assert point.noun.replace(" ", "") in squeezed


def test_document_has_all_and_null_for_what_was_not_looked_at():
    document = readiness.document(Found((DEAD, facts()), POLICY))
    json.dumps(document, allow_nan=False)
    dead, well = document["sites"]
    assert document["level"] == "not ready"
    assert (dead["silence"], dead["standing"]) == ("no answer", None)
    assert dead["registered"] is None
    assert (well["standing"], well["epoch"]["number"]) == ("active", 1)
    assert well["registered"]["share_min_at_95"] == pytest.approx(0.8609, abs=1e-4)
    assert well["proven"] is None
    assert {one["need"] for one in well["quotas"]}
    assert document["regions"][0] == {"region": A, "error": "no answer"}
    assert document["rpo"]["eu-west-1"]["is_covered"] is True


def test_site_that_nobody_guards_yet_is_not_called_fenced():
    bare = replace(facts(), site="a", region=A, book=replace(facts().book, items={}))
    text = readiness.text(Found((bare,), POLICY))
    assert "a  eu-central-1: active, unwatched, look" in text


def test_status_of_a_region_is_the_same_as_ever():
    found = Found((facts(replication=ReplicationStatus(names=42, applied=42)),), POLICY)
    row = next(
        line for line in readiness.text(found).splitlines() if line[:9] == "eu-west-1"
    )
    assert row.split() == ["eu-west-1", "42", "42", "0", "0", "-", "-", "-"]
