"""Look at one site: everything that decides whether it could take the fleet now.

Each part is read for itself: a part that does not answer is told with its reason, and
never hides the others. Nothing is changed anywhere, but for the slots of the Region's
own quotas that looking at devices takes.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from hotsite.core.doors import Door, knocks
from hotsite.core.registry import (
    CertificateStatus,
    Key,
    Kind,
    Record,
    ThingGroup,
    thing_key,
)
from hotsite.core.replication import Present
from hotsite.core.sampling import Draw, Sample
from hotsite.core.site_facts import Connected, Sampled, SiteFacts, Unknown
from hotsite.errors import HotsiteError, InvalidInputError
from hotsite.flows.notes import name_counts
from hotsite.flows.replication_status import keys_of, replication_status
from hotsite.flows.sight import Intake
from hotsite.ports import Clock, HealthVerdicts
from hotsite.ports.operations import Operations, Resumes
from hotsite.ports.readiness import Doors, Keys, SiteQuotas

_Answer = TypeVar("_Answer")
_TOLD_MAX = 20
# As long as a guard remembers who came.
TURNED_AWAY_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Post:
    """What one site is looked at with.

    Attributes:
        site: Its letter.
        region: AWS Region.
        domain: The owner's domain.
        intake: Record and registry of the Region.
        verdicts: Where the canary's last verdict is kept.
        operations: The Region's replica of the operations table.
        quotas: What the account may do there.
        doors: How its names are asked.
        resumes: The devices that came to it; None where nobody asks.
    """

    site: str
    region: str
    domain: str
    intake: Intake
    verdicts: HealthVerdicts
    operations: Operations
    quotas: SiteQuotas
    doors: Doors
    resumes: Resumes | None = None


@dataclass(frozen=True, slots=True)
class Depth:
    """How closely to look.

    Attributes:
        names_max: How many names of the record; None for all.
        sample: How many devices to look at in the registry; None for none.
    """

    names_max: int | None = None
    sample: Sample | None = None


def look(post: Post, depth: Depth) -> SiteFacts:
    """Look at a site once.

    Args:
        post: The site.
        depth: How closely.

    Returns:
        What was found; it never raises for what does not answer.
    """
    site = post.intake.site
    replication = _or_unknown(
        lambda: replication_status(site, names_max=depth.names_max)
    )
    counts = _or_unknown(lambda: name_counts(post.intake.cursors))
    facts = SiteFacts(
        post.site,
        post.region,
        site.clock.now_s(),
        verdict=_or_unknown(post.verdicts.read),
        book=_or_unknown(post.operations.read),
        replication=replication,
        limits=_or_unknown(post.quotas.read),
        doors=look_at_doors(post.site, post.domain, post.doors),
        things=None if isinstance(counts, Unknown) else counts.get(Kind.THING),
        turned_away=_turned_away(post.resumes),
    )
    if depth.sample is None or isinstance(replication, Unknown):
        return facts
    sample = depth.sample
    found = _or_unknown(lambda: registered(post.intake, sample, depth.names_max))
    known = None if isinstance(found, Unknown) else found.population
    things = facts.things if known is None else known
    return replace(facts, registered=found, things=things)


def _turned_away(resumes: Resumes | None) -> int | Unknown | None:
    if resumes is None:
        return None
    return _or_unknown(lambda: resumes.turned_away(TURNED_AWAY_WITHIN_S))


def look_at_doors(site: str, domain: str, doors: Doors) -> tuple[Door, ...]:
    """Ask for each name of a site, at that site.

    Args:
        site: Its letter.
        domain: The owner's domain.
        doors: How to ask.
    """
    return tuple(map(doors.look, knocks(site, domain)))


def registered(intake: Intake, sample: Sample, names_max: int | None) -> Sampled:
    """Look at some devices in the registry: would it let them in?

    A device is a thing with an ACTIVE certificate in the record. It is let in when
    its Region has the thing, that certificate ACTIVE and attached, and a policy on
    the certificate or on one of the thing's groups. What the policy says, and
    whether the device still has its key, only a connection proves.

    Args:
        intake: The Region.
        sample: How many, and which draw.
        names_max: Draw from the first names of the record only; None for all.

    Returns:
        What was found.

    Raises:
        UnreachableError: A table or the Region did not answer.
        ThrottledError: The quota of the Region is used up.
    """
    registrar = _Registrar(intake)
    draw, seen, is_whole = Draw(sample), 0, True
    for number, key in enumerate(keys_of(intake.site.records)):
        if names_max is not None and number >= names_max:
            is_whole = False
            break
        if key.kind is Kind.THING and intake.scope.is_kept(key):
            seen += 1
            draw.offer(key)
    looked_at, problems = 0, []
    for key in draw.keys:
        problem = registrar.problem(key)
        looked_at += problem != _NO_DEVICE
        if problem:
            problems.append(f"{key.name}: {problem}")
    is_all = is_whole and len(draw.keys) == seen
    good, shown = looked_at - len(problems), tuple(problems[:_TOLD_MAX])
    of = f"{seen:,} things" if is_whole else f"the first {seen:,} things"
    population = seen if is_whole else None
    return Sampled(looked_at, good, of, shown, is_all=is_all, population=population)


# A thing that has no ACTIVE certificate is nobody who could connect.
_NO_DEVICE = ""


@dataclass(slots=True)
class _Registrar:
    """Looks at things, and at each of their groups once."""

    intake: Intake
    groups: dict[str, bool] = field(default_factory=dict)

    def problem(self, key: Key) -> str | None:
        """Return why a device would not be let in; None when it would."""
        try:
            record = self.intake.site.records.read(key)
        except InvalidInputError as error:
            return f"its record cannot be read: {error}"
        ids = _active_ids(record)
        if not ids:
            return _NO_DEVICE
        seen = self.intake.site.registry.observe(key, ids)
        if seen.thing is None:
            return "the thing is missing"
        return self._problem_of(seen, frozenset(ids))

    def _problem_of(self, seen: Present, ids: frozenset[str]) -> str | None:
        there = [one for one in seen.certificates if one.certificate_id in ids]
        active = [one for one in there if one.status is CertificateStatus.ACTIVE]
        attached = [one for one in active if one.certificate_id in seen.attached]
        if not there:
            return "its certificate is not registered"
        if not active:
            return f"its certificate is {there[0].status.value}"
        if not attached:
            return "its certificate is not attached"
        groups = seen.thing.groups if seen.thing else ()
        if any(one.policies for one in attached) or any(map(self._has_policy, groups)):
            return None
        return "no policy, neither of its own nor through a group"

    def _has_policy(self, name: str) -> bool:
        """Say whether a group, or one above it, has a policy.

        "Policies attached to a group apply to its child groups and their things" (AWS
        IoT developer guide, "Static thing groups").
        """
        if name not in self.groups:
            # A group that is its own ancestor has none, rather than no end.
            self.groups[name] = False
            seen = self.intake.site.registry.observe(Key(Kind.THING_GROUP, name))
            group = seen.body
            if isinstance(group, ThingGroup):
                above = group.parent is not None and self._has_policy(group.parent)
                self.groups[name] = bool(group.policies) or above
        return self.groups[name]


def _active_ids(record: Record) -> tuple[str, ...]:
    if record.thing is None:
        return ()
    return tuple(
        one.certificate_id
        for one in record.certificates
        if one.status is CertificateStatus.ACTIVE
    )


def proven(keys: Keys, at: str, sample: Sample) -> Sampled:
    """Let some of the devices whose keys are here connect, for real.

    A second connection of one client id ends the first (MQTT 5.0, 3.1.4), so a site
    to which devices are connected is not to be asked.

    Args:
        keys: The devices.
        at: The MQTT name of the site.
        sample: How many, and which draw.
    """
    draw, names = Draw(sample), keys.names()
    for name in names:
        draw.offer(thing_key(name))
    problems = []
    for key in draw.keys:
        try:
            keys.connect(key.name, at)
        except HotsiteError as error:
            problems.append(f"{key.name}: {error}")
    looked_at = len(draw.keys)
    good, shown = looked_at - len(problems), tuple(problems[:_TOLD_MAX])
    of = f"{len(names):,} whose keys are here"
    return Sampled(looked_at, good, of, shown, is_all=looked_at == len(names))


# The canary looks each 10 s and is done within 4; between two of its runs up to 20 s
# pass (``faces/lambdas/canary.py``).
_QUIET_S, _WAIT_S_MAX, _LOOK_EVERY_S = 4.0, 25.0, 0.5


def connected(
    connect: Callable[[], float], verdicts: HealthVerdicts, clock: Clock
) -> Connected:
    """Connect once as a site's canary, between two messages of its own.

    Both have one client identifier, so that a connection at the wrong moment would
    end the canary's, and make a healthy site look sick.

    Args:
        connect: Connects, and returns how long it took, in seconds.
        verdicts: Where the canary's last verdict is kept.
        clock: The time.
    """
    give_up_s = clock.now_s() + _WAIT_S_MAX
    try:
        while clock.now_s() < give_up_s:
            verdict = verdicts.read()
            if verdict and 0 <= clock.now_s() - verdict.seen_at_s <= _QUIET_S:
                break
            clock.sleep(_LOOK_EVERY_S)
        return Connected(connect())
    except HotsiteError as error:
        return Connected(None, str(error))


def _or_unknown(ask: Callable[[], _Answer]) -> _Answer | Unknown:
    """Return an answer, or why there is none: nothing hides the other parts."""
    try:
        return ask()
    except HotsiteError as error:
        return Unknown(str(error))
