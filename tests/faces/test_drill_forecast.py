"""A drill says what was forecast of it beside what it measured."""

import json
from dataclasses import replace

import pytest
from tests.sample_journal import DRILLS, journal

from hotsite.adapters.journal import JournalWriter, read
from hotsite.core import scenario as scenarios
from hotsite.core.foreseen import DrillForecast
from hotsite.core.hardship import Follow
from hotsite.core.verdict import judge
from hotsite.faces.cli import files
from hotsite.faces.cli.drillforecast import Foretold, foresee
from hotsite.faces.render import report_html, report_text
from hotsite.sim.clock import SimClock

# p50 and p99 that drills of 300 devices measured on two shared cores; None: not told.
MEASURED = (
    ("region-loss", Follow.DNS, 19.3, 24.1),
    ("region-freeze", Follow.DNS, 27.0, 34.1),
    ("region-loss", Follow.OWN_NAMES, None, 4.7),
    ("region-freeze", Follow.OWN_NAMES, None, 8.9),
    ("region-freeze", Follow.PRE_WARMED, None, 4.0),
)


def scenario(name, **changes):
    path = DRILLS / f"{name}.toml"
    return replace(scenarios.parse(files.read_toml(path), source=name), **changes)


@pytest.mark.parametrize(("name", "follow", "p50_s", "p99_s"), MEASURED)
def test_forecast_of_a_drill_is_near_what_drills_measured(name, follow, p50_s, p99_s):
    found = foresee(scenario(name, devices=300, devices_follow=follow))
    for foreseen_s, measured_s in ((found.p50_s, p50_s), (found.p99_s, p99_s)):
        if measured_s is not None:
            assert abs(foreseen_s - measured_s) <= max(3.0, 0.2 * measured_s)


@pytest.mark.parametrize(
    "name",
    [
        "no-fault",
        "dns-disabled",
        "power-and-region",
        "registry-churn",
        "active-active",
    ],
)
def test_drill_of_something_else_is_not_forecast(name):
    assert foresee(scenario(name)) is None


def test_forecast_is_in_the_journal_and_verdict_and_report_show_it(tmp_path):
    events = journal()
    path = tmp_path / "journal.jsonl"
    with JournalWriter(path, 0.0, SimClock()) as writer:
        book = Foretold(writer, DrillForecast(20.5, 23.5, 25.5, 26.0))
        for event in events[:2]:
            book.write(event.fact)
    _, foretold, *_ = read(path).events
    whole = [events[0], replace(events[0], fact=foretold.fact), *events[1:]]
    verdict = judge(whole)
    assert verdict.to_json()["forecast"] == {
        "p50_s": 20.5,
        "p90_s": 23.5,
        "p99_s": 25.5,
        "max_s": 26.0,
    }
    json.dumps(verdict.to_json())
    assert replace(verdict, forecast=None) == judge(events)
    line = next(x for x in report_text(whole).splitlines() if "(p99)" in x)
    assert line.endswith("25.5 s")
    assert '<th scope="col">Forecast</th>' in report_html(whole)


def test_drill_without_a_forecast_says_nothing_of_one():
    assert "forecast" not in judge(journal()).to_json()
    assert "Forecast" not in report_text(journal())
