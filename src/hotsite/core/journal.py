"""The journal: what happened in a drill, one typed fact a line.

The report, the console and the verdict read nothing else, so a fact that is
not in here did not happen. A line is one JSON object: ``at_s`` (seconds since
the drill began), ``world_s`` (seconds since the epoch on the world's clock),
``kind``, and the fields of one of the records below. Must not read or write
files; ``adapters/journal.py`` does.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from hotsite.core import jsontext, records
from hotsite.core.books import DeviceReported, StoreHeld
from hotsite.core.churn import (
    CertificateTried,
    ChurnObjectives,
    DeviceFound,
    RegionSwept,
    RegistryChanged,
    SiteReturned,
)
from hotsite.core.course import (
    CourseObjectives,
    DeviceSilent,
    OperationEnded,
    OperationTold,
    OutageBegan,
    OutageEnded,
    SiteAwaited,
    SiteSpoke,
)
from hotsite.core.foreseen import DrillForecast
from hotsite.core.hardship import PowerCut, PowerRestored, SiteSick
from hotsite.core.scenario import FaultKind, Objectives
from hotsite.core.strategy import Strategy
from hotsite.errors import InvalidInputError

SCHEMA = 1


class Phase(StrEnum):
    """The parts of drills, each drill's in their order."""

    UP = "up"
    ONBOARD = "onboard"
    PROVE = "prove"
    STEADY = "steady"
    SICK = "sick"
    FAULT = "fault"
    RECOVER = "recover"
    ONBOARD_AFTER = "onboard_after"
    STAY_HEALTHY = "stay_healthy"
    COLLECT = "collect"
    CHURN = "churn"
    MEANWHILE = "meanwhile"
    RETURN = "return"
    AFTERWARDS = "afterwards"
    QUIET = "quiet"
    VERIFY = "verify"
    COURSE = "course"
    SETTLE = "settle"


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the drill ran: a figure without its machine cannot be compared."""

    cpus: int
    memory_bytes: int
    system: str


@dataclass(frozen=True, slots=True)
class DrillStarted:
    """The first line of every journal.

    Attributes:
        schema: Version of the journal's format.
        versions: What was running: ``hotsite``, ``python``, and others.
        seed: Seed of every random choice.
        scenario_text: The scenario file, word for word.
        scenario: The scenario's name.
        world: ``sim``, ``local`` or ``aws``.
        devices: Size of the fleet, overrides included.
        machine: Where it ran.
        objectives: What the drill is judged against.
        active: AWS Region that is active when the drill begins.
        standby: AWS Region that is to take over.
        churn: What a drill of the registry is judged against, instead.
        course: What a drill of deciding is judged against, as well.
        strategy: What the standby does while nothing is wrong.
    """

    schema: int
    versions: Mapping[str, str]
    seed: int
    scenario_text: str
    scenario: str
    world: str
    devices: int
    machine: Machine
    objectives: Objectives
    active: str
    standby: str
    churn: ChurnObjectives | None = None
    course: CourseObjectives | None = None
    strategy: Strategy = Strategy.HOT_SITE


@dataclass(frozen=True, slots=True)
class PhaseStarted:
    """The drill went on to its next part; the part before has ended."""

    phase: Phase


@dataclass(frozen=True, slots=True)
class DeviceOnboarded:
    """The API of ``region`` answered a claim, ``took_s`` after it was sent."""

    thing: str
    region: str
    took_s: float


@dataclass(frozen=True, slots=True)
class DeviceApplied:
    """``region`` holds the device, ``lag_s`` after its record was written."""

    thing: str
    region: str
    lag_s: float


@dataclass(frozen=True, slots=True)
class DeviceConnectable:
    """The device proved that ``region`` lets it in, by connecting there."""

    thing: str
    region: str
    took_s: float


@dataclass(frozen=True, slots=True)
class DeviceUnconnectable:
    """``region`` did not let the device in when it tried to prove it."""

    thing: str
    region: str
    reason: str


@dataclass(frozen=True, slots=True)
class FleetSampled:
    """The whole fleet at one moment.

    Attributes:
        connected: Devices connected, by AWS Region.
        offline: Devices connected nowhere.
        backlog: Messages that wait on devices for their acknowledgement.
        published: Messages that devices have made so far.
        acknowledged: Acknowledgements so far, repeats for another site included.
        replication_lag_s: Age of the oldest change that the standby has not
            got, or None where it was not measured.
    """

    connected: Mapping[str, int]
    offline: int
    backlog: int
    published: int
    acknowledged: int
    replication_lag_s: float | None


@dataclass(frozen=True, slots=True)
class DeviceConnected:
    """The device's session in ``region`` began."""

    thing: str
    region: str


@dataclass(frozen=True, slots=True)
class DeviceDisconnected:
    """The device's session ended, and what ended it."""

    thing: str
    reason: str


@dataclass(frozen=True, slots=True)
class SiteHealth:
    """The health checkers' opinion of a site; written when it changes."""

    region: str
    is_healthy: bool
    checkers_healthy: int
    checkers: int


@dataclass(frozen=True, slots=True)
class DnsAnswered:
    """What a name means from now on; written only when the answer changes.

    Attributes:
        name: The name that was asked for.
        region: AWS Region of the answer, or None if there was no answer.
    """

    name: str
    region: str | None


@dataclass(frozen=True, slots=True)
class FaultInjected:
    """A fault took effect in ``region``; recovery times start at the first."""

    fault: FaultKind
    region: str


@dataclass(frozen=True, slots=True)
class DeviceRecovered:
    """Telemetry that the device published after the fault is stored.

    Attributes:
        thing: The device.
        stored_world_s: When the first such message was seen in the store of
            the surviving site, in seconds since the epoch.
    """

    thing: str
    stored_world_s: float


@dataclass(frozen=True, slots=True)
class Note:
    """A sentence for the reader of the report."""

    text: str


@dataclass(frozen=True, slots=True)
class DrillEnded:
    """The last line: ``done``, ``interrupted``, or ``world died: ...``."""

    reason: str


Fact = (
    DrillStarted
    | DrillForecast
    | PhaseStarted
    | DeviceOnboarded
    | DeviceApplied
    | DeviceConnectable
    | DeviceUnconnectable
    | FleetSampled
    | DeviceConnected
    | DeviceDisconnected
    | SiteHealth
    | DnsAnswered
    | FaultInjected
    | DeviceRecovered
    | StoreHeld
    | DeviceReported
    | RegistryChanged
    | SiteReturned
    | RegionSwept
    | CertificateTried
    | DeviceFound
    | PowerCut
    | PowerRestored
    | SiteSick
    | OutageBegan
    | OutageEnded
    | SiteSpoke
    | SiteAwaited
    | OperationTold
    | OperationEnded
    | DeviceSilent
    | Note
    | DrillEnded
)


@dataclass(frozen=True, slots=True)
class Event:
    """One line of the journal: a fact and when it became known.

    Attributes:
        at_s: Seconds since the drill began, to the millisecond.
        world_s: Seconds since the epoch on the clock of the world.
        fact: What happened.
    """

    at_s: float
    world_s: float
    fact: Fact


def _kind(fact: type) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", fact.__name__).lower()


_FACTS: Mapping[str, type[Fact]] = {_kind(fact): fact for fact in Fact.__args__}


def encode(event: Event) -> str:
    """Return an event as one line of JSON, without the end of the line.

    Raises:
        InvalidInputError: A number of the event is not finite.
    """
    line = {
        "at_s": round(event.at_s, 3),
        "world_s": round(event.world_s, 3),
        "kind": _kind(type(event.fact)),
        **records.write(event.fact),
    }
    try:
        return json.dumps(line, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        raise InvalidInputError(f"{event.fact} is not finite: {error}") from error


def decode(line: str, *, where: str = "journal") -> Event:
    """Return the event that one line of a journal stands for.

    Args:
        line: The line; a trailing end of line is ignored.
        where: File and line number; every error message starts with it.

    Returns:
        The event.

    Raises:
        InvalidInputError: The line is not one JSON object, its kind is unknown,
            or a field is missing, unknown or of a wrong type.
    """
    values = jsontext.parse(line, where=where, what="a line of JSON")
    if not isinstance(values, dict):
        raise InvalidInputError(f"{where}: not a JSON object")
    stamp = {key: values.pop(key, None) for key in ("at_s", "world_s")}
    kind = values.pop("kind", None)
    times = records.read(_Stamp, stamp, where=where)
    if not isinstance(kind, str) or kind not in _FACTS:
        raise InvalidInputError(f"{where}: unknown kind {kind!r}")
    fact = records.read(_FACTS[kind], values, where=f"{where}: {kind}")
    return Event(times.at_s, times.world_s, fact)


@dataclass(frozen=True, slots=True)
class _Stamp:
    at_s: float
    world_s: float
