"""The course of an outage: what breaks and mends, and what operators do meanwhile.

What a scenario asks for, what was done, and what was seen of both sites; plain
values that scenario, journal and verdict share. ``core/course_verdict.py`` says what
they amount to.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from hotsite.core.epoch import SITES
from hotsite.core.operations import Kind

ACTS_MAX = 50
_WAIT_S_MAX = 3600.0


class Outage(StrEnum):
    """What may be broken, at a site or between the sites, until it is mended.

    ``KILL``: all its processes end; mended, it returns with what it acknowledged.
    ``FREEZE``: they stop, and nothing answers or is reset. ``BROKER``: nobody gets
    an answer over MQTT. ``TABLES``: its DynamoDB answers errors. ``BROWN_OUT``: a
    share of its connections and requests fails. ``PARTITION``: the sites do not reach
    each other, and the world reaches both. ``UNSEEN``: health checkers do not reach
    it. ``DNS_FREEZE``: names lead where they led, whatever health checks say.
    ``CONTROL_PLANE``: the control planes of AWS IoT and Route 53 do not answer.
    """

    KILL = "kill"
    FREEZE = "freeze"
    BROKER = "broker"
    TABLES = "tables"
    BROWN_OUT = "brown-out"
    PARTITION = "partition"
    UNSEEN = "unseen"
    DNS_FREEZE = "dns-freeze"
    CONTROL_PLANE = "control-plane"


class Ending(StrEnum):
    """How an operation ended: it did its work, was refused, or can be run again."""

    DONE = "done"
    REFUSED = "refused"
    NOT_READY = "not-ready"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that is done; exactly one of ``hurt``, ``mend`` and ``operate``.

    Attributes:
        hurt: What breaks.
        mend: What is whole again.
        operate: Which failover an operator begins, and sees to its end.
        site: The letter of the site that breaks or mends, or is to be active.
        share: Of what fails in a brown-out, above 0 and up to 1.
        awaits: The letter of a site whose switch alone has to be on before the act
            begins; "" to not wait.
        after_s: Seconds from then, or from the act before, until it begins.
        because: The reason with which an operator overrides objections, or "".
        ends: How the operation is expected to end.
        tries_max: How often the operator tries until it ends so, 1 or more.
    """

    hurt: Outage | None = None
    mend: Outage | None = None
    operate: Kind | None = None
    site: str = SITES[0]
    share: float = 1.0
    awaits: str = ""
    after_s: float = 0.0
    because: str = ""
    ends: Ending = Ending.DONE
    tries_max: int = 1

    @property
    def text(self) -> str:
        """Return it for people."""
        if self.operate is not None:
            return f"{self.operate.value} to {self.site}"
        what = self.hurt or self.mend
        verb = "break" if self.hurt else "mend"
        return f"{verb} {what.value if what else 'nothing'} at {self.site}"


@dataclass(frozen=True, slots=True)
class CourseObjectives:
    """What a course is judged against, beside the usual RTO and RPO.

    Attributes:
        active: The letter of the site that is active in the end.
        switches: How often the fleet is led to the other site, in all.
        both_active_s: Longest time that both switches may be on, in seconds.
    """

    active: str = SITES[1]
    switches: int = 1
    both_active_s: float = 5.0


@dataclass(frozen=True, slots=True)
class Course:
    """What is done, in its order.

    Attributes:
        acts: One after the other.
        await_limit_s: Longest wait of an act for the site that it awaits, and for
            the fleet to be where it belongs in the end.
        objectives: What it is judged against.
    """

    acts: tuple[Act, ...] = ()
    await_limit_s: float = 240.0
    objectives: CourseObjectives = CourseObjectives()


@dataclass(frozen=True, slots=True)
class OutageBegan:
    """Something broke at ``site``, or between the sites."""

    outage: Outage
    site: str
    share: float


@dataclass(frozen=True, slots=True)
class OutageEnded:
    """It is whole again, ``took_s`` after it was asked to be."""

    outage: Outage
    site: str
    took_s: float


@dataclass(frozen=True, slots=True)
class SiteSpoke:
    """What a site's switch says from now on; written when it changes.

    Attributes:
        site: Its letter.
        is_on: Whether it is active and sure of it; None when it does not answer.
        epoch: Number of the newest epoch that it knows, None likewise.
        active: The letter of the site that this epoch leads to, "" likewise.
    """

    site: str
    is_on: bool | None
    epoch: int | None
    active: str


@dataclass(frozen=True, slots=True)
class SiteAwaited:
    """An act waited for a site to be active alone; None where it never was."""

    site: str
    took_s: float | None


@dataclass(frozen=True, slots=True)
class OperationTold:
    """A line of progress of an operation."""

    text: str


@dataclass(frozen=True, slots=True)
class OperationEnded:
    """An operation is over.

    Attributes:
        operation: What it was.
        site: The letter of the site that was to be active.
        ending: How it ended.
        expected: How the scenario expects it to end.
        text: What it said.
        took_s: How long it took, in seconds.
    """

    operation: Kind
    site: str
    ending: Ending
    expected: Ending
    text: str
    took_s: float


@dataclass(frozen=True, slots=True)
class DeviceSilent:
    """No message of a device arrived in any store for a while.

    Attributes:
        thing: The device.
        silent_s: From the time of the last message that was stored until the next
            one was seen in a store; None when none was, to the end.
    """

    thing: str
    silent_s: float | None


def problems(course: Course) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a course: a key, and what it must be."""
    if not 1 <= len(course.acts) <= ACTS_MAX:
        yield "acts", f"1 to {ACTS_MAX} acts"
    if not 0 < course.await_limit_s <= _WAIT_S_MAX:
        yield "await_limit_s", f"above 0, at most {_WAIT_S_MAX:g} seconds"
    goals = course.objectives
    if goals.active not in SITES:
        yield "objectives: active", " or ".join(SITES)
    if goals.switches < 0 or goals.both_active_s < 0:
        yield "objectives: switches and both_active_s", "0 or more"
    for number, act in enumerate(course.acts, start=1):
        for key, wanted in _problems_of(act):
            yield f"act {number}: {key}", wanted


def _problems_of(act: Act) -> Iterator[tuple[str, str]]:
    kinds = (act.hurt, act.mend, act.operate)
    if sum(kind is not None for kind in kinds) != 1:
        yield "hurt, mend and operate", "exactly one of them"
    if act.site not in SITES:
        yield "site", " or ".join(SITES)
    if act.awaits not in {"", *SITES}:
        yield "awaits", " or ".join(SITES)
    if not 0 < act.share <= 1:
        yield "share", "above 0, at most 1"
    if not 0 <= act.after_s <= _WAIT_S_MAX:
        yield "after_s", f"0 to {_WAIT_S_MAX:g} seconds"
    if act.tries_max < 1:
        yield "tries_max", "1 or more"
    if act.operate is Kind.FAILBACK and act.site != SITES[0]:
        yield "site", f"{SITES[0]} for a failback"
