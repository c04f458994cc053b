"""What every drill begins and ends with, whatever is played in between."""

import contextlib
from collections.abc import Iterator, Sequence

from hotsite.core.journal import (
    SCHEMA,
    DeviceOnboarded,
    DrillEnded,
    DrillStarted,
)
from hotsite.core.scenario import Scenario
from hotsite.errors import HotsiteError, NotReadyError
from hotsite.ports import Journal, WorldFacts
from hotsite.ports.world import LiveRegions


def opening(scenario: Scenario, scenario_text: str, facts: WorldFacts) -> DrillStarted:
    """Return the first line of a drill's journal.

    Args:
        scenario: What is to be played.
        scenario_text: The file, word for word.
        facts: What the world says of itself.
    """
    churn, course = scenario.churn, scenario.course
    return DrillStarted(
        schema=SCHEMA,
        versions=facts.versions,
        seed=scenario.seed,
        scenario_text=scenario_text,
        scenario=scenario.name,
        world=facts.name,
        devices=scenario.devices,
        machine=facts.machine,
        objectives=scenario.objectives,
        active=facts.active,
        standby=facts.standby,
        churn=None if churn is None else churn.objectives,
        course=None if course is None else course.objectives,
        strategy=scenario.strategy,
    )


def onboarded(
    world: LiveRegions, things: Sequence[str], regions: tuple[str, str]
) -> Iterator[DeviceOnboarded]:
    """Onboard a fleet, half of it in each Region; yield each device as it is done."""
    half = (len(things) + 1) // 2
    for region, some in zip(regions, (things[:half], things[half:]), strict=True):
        yield from world.onboard(some, region=region)


@contextlib.contextmanager
def to_its_end(world: LiveRegions, journal: Journal) -> Iterator[None]:
    """Write down how a drill ended, when the block is over.

    Raises:
        NotReadyError: The world died; that is the cause, whatever failed first.
        HotsiteError: What the block raised.
    """
    try:
        yield
    except HotsiteError as error:
        # What failed first may be a victim: the cause is what people need.
        trouble = world.trouble()
        journal.write(DrillEnded(f"world died: {trouble or error}"))
        if trouble is not None:
            raise NotReadyError(trouble) from error
        raise
    journal.write(DrillEnded("done"))
