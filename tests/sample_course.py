"""Courses of outages, played in the simulation and kept in memory."""

from pathlib import Path

from hotsite.core import scenario as scenarios
from hotsite.core.journal import Event
from hotsite.core.strategy import Strategy
from hotsite.disasters.failover.course import SimCourseWorld
from hotsite.faces.cli import files
from hotsite.flows.course import play_course

DRILLS = Path(__file__).parents[1] / "drills"


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
    is_pilot = scenario.strategy is Strategy.PILOT_LIGHT
    world = SimCourseWorld(seed=seed, devices=scenario.devices, is_pilot=is_pilot)
    book = Book(world.clock)
    try:
        play_course(scenario, path.read_text(), world, book, world.clock)
    finally:
        world.estate.close()
    return book.events
