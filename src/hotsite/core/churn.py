"""Churn: names that are made, changed, shut out and deleted while a drill runs.

What a scenario asks for, what was done, and what was found in the end; plain
values that scenario, journal and verdict share. ``core/fates.py`` says what they
amount to.
"""

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What is done to one device."""

    CREATE = "create"
    UPDATE = "update"
    SHADOW = "shadow"
    ROTATE = "rotate"
    RETIRE = "retire"
    REVOKE = "revoke"
    DELETE = "delete"


class Way(StrEnum):
    """Who does it: the onboarding API, hotsite's record, or others in IoT Core."""

    API = "api"
    RECORD = "record"
    OUTSIDE = "outside"


class Outcome(StrEnum):
    """How a try to connect ended; a broker that is silent has refused nobody."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class ChurnObjectives:
    """What a churn drill is judged against.

    Attributes:
        lag_p99_s: Longest allowed time from a record's write until the other
            Region has applied it, while both live: 99 % of the devices.
        drift: Most differences between the record and a Region at the end.
        devices_lost: Most devices that a Region may lack or not let in.
        shut_out_let_in: Most revoked, retired or deleted devices' certificates
            that a broker may accept.
    """

    lag_p99_s: float = 5.0
    drift: int = 0
    devices_lost: int = 0
    shut_out_let_in: int = 0


@dataclass(frozen=True, slots=True)
class Churn:
    """How much is changed, and when.

    Attributes:
        before: Changes while both Regions live.
        meanwhile: Changes in the Region that is left.
        after: Changes once the other one is back.
        rate_per_s: Changes a second, at most.
        outside_share: Share of them made behind hotsite's back, 0 to 1.
        quiet_limit_s: Longest wait for both Regions to be equal to the record.
        sweep_after_s: When the sweep is called to help, instead of in its own
            time, counted from the last change.
        objectives: What the drill is judged against.
    """

    before: int = 40
    meanwhile: int = 20
    after: int = 20
    rate_per_s: float = 4.0
    outside_share: float = 0.3
    quiet_limit_s: float = 240.0
    sweep_after_s: float = 75.0
    objectives: ChurnObjectives = ChurnObjectives()


@dataclass(frozen=True, slots=True)
class Change:
    """One change, before it is made.

    Attributes:
        number: 1 for the drill's first; what an update writes.
        thing: Whose.
        action: What.
        way: By whom.
        region: In which Region.
        certificates: Numbers of the device's certificates that it is about: the
            new one, the retired one, or all that are revoked.
    """

    number: int
    thing: str
    action: Action
    way: Way
    region: str
    certificates: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RegistryChanged:
    """A change was made, and whoever made it was told so after ``took_s``."""

    number: int
    thing: str
    action: Action
    way: Way
    region: str
    certificates: tuple[int, ...]
    took_s: float


@dataclass(frozen=True, slots=True)
class SiteReturned:
    """A Region that was killed answers again, ``took_s`` after it was started."""

    region: str
    took_s: float


@dataclass(frozen=True, slots=True)
class RegionSwept:
    """Table and registry of a Region were compared, all of them.

    Attributes:
        region: Which.
        is_repair: Whether outside changes were taken into the record as well.
        names: Keys that were looked at.
        drift: Differences.
        pending: Keys that somebody was at work on.
        adopted: Keys whose outside change was taken into the record.
        applied: Keys that were made equal.
        findings: The first differences, and what was refused, in words.
    """

    region: str
    is_repair: bool
    names: int
    drift: int
    pending: int
    adopted: int
    applied: int
    findings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CertificateTried:
    """A device tried to connect to a Region with one of its certificates."""

    thing: str
    certificate: int
    region: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class DeviceFound:
    """What a Region's registry says of one device at the end.

    Attributes:
        thing: The device.
        region: The Region.
        is_there: Whether it has a thing of that name.
        update: Number of the last update that it shows, 0 for none.
        shadow: Number of the last change of the shadow that it shows, likewise.
    """

    thing: str
    region: str
    is_there: bool
    update: int
    shadow: int
