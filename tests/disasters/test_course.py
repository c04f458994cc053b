"""The scenarios of the worst hour, played in the simulation by the real flows."""

import pytest
from scripts.safeguards import SAFEGUARDS, played
from tests.sample_course import DRILLS, events_of

from hotsite.core import scenario as scenarios
from hotsite.core.course import OperationEnded, OperationTold, OutageBegan
from hotsite.core.strategy import Strategy
from hotsite.core.verdict import judge
from hotsite.faces.cli import files

NAMES = sorted(one.scenario for one in SAFEGUARDS)


def facts(events, kind):
    return [event.fact for event in events if isinstance(event.fact, kind)]


def test_each_scenario_of_the_worst_hour_has_its_safeguard():
    shipped = [
        scenarios.parse(files.read_toml(path), source=path.name)
        for path in DRILLS.glob("*.toml")
    ]
    # Two active sites are played on live Regions only.
    courses = {
        one.name
        for one in shipped
        if one.course and one.strategy is not Strategy.ACTIVE_ACTIVE
    }
    assert courses == set(NAMES)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_scenario_meets_its_objectives(name, seed):
    verdict = judge(events_of(name, seed))
    assert verdict.is_pass, verdict.reasons
    assert verdict.rpo.acknowledged > 0


def test_journal_tells_what_broke_and_what_operators_did():
    events = events_of("standby-also-sick")
    assert [(f.outage, f.site) for f in facts(events, OutageBegan)] == [
        ("broker", "b"),
        ("broker", "a"),
    ]
    (ended,) = facts(events, OperationEnded)
    assert ended.text == "refused: b is not healthy: no message came through"


def test_lighting_a_pilot_light_is_told_with_its_time():
    told = [fact.text for fact in facts(events_of("pilot-light"), OperationTold)]
    assert any(line.startswith("canary is on: took ") for line in told)
    assert any(line.startswith("compute: done in ") for line in told)


@pytest.mark.no_cover
@pytest.mark.parametrize("safeguard", SAFEGUARDS, ids=lambda one: one.scenario)
def test_scenario_fails_without_its_safeguard(safeguard):
    assert played(safeguard)["verdict"] == "fail"
