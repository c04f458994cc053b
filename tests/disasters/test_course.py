"""The scenarios of the worst hour, played in the simulation by the real flows."""

from pathlib import Path

import pytest
from scripts.safeguards import SAFEGUARDS, played

from hotsite.core import scenario as scenarios
from hotsite.core.course import OperationEnded, OperationTold, OutageBegan
from hotsite.core.journal import Event
from hotsite.core.verdict import judge
from hotsite.disasters.failover.course import SimCourseWorld
from hotsite.faces.cli import files
from hotsite.flows.course import play_course

DRILLS = Path(__file__).parents[2] / "drills"
NAMES = sorted(one.scenario for one in SAFEGUARDS)


class Book:
    """A journal that is kept in memory."""

    def __init__(self, clock):
        self.clock = clock
        self.began_s = clock.now_s()
        self.events = []

    def write(self, fact):
        now_s = self.clock.now_s()
        self.events.append(Event(now_s - self.began_s, now_s, fact))


def events_of(name, seed=1):
    path = DRILLS / f"{name}.toml"
    scenario = scenarios.parse(
        {**files.read_toml(path), "seed": seed}, source=path.name
    )
    is_pilot = scenario.course.pilot_light
    world = SimCourseWorld(seed=seed, devices=scenario.devices, is_pilot=is_pilot)
    book = Book(world.clock)
    try:
        play_course(scenario, path.read_text(), world, book, world.clock)
    finally:
        world.estate.close()
    return book.events


def facts(events, kind):
    return [event.fact for event in events if isinstance(event.fact, kind)]


def test_each_scenario_of_the_worst_hour_has_its_safeguard():
    courses = {
        path.stem
        for path in DRILLS.glob("*.toml")
        if scenarios.parse(files.read_toml(path), source=path.name).course
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
