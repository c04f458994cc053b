"""What becomes of an existing AWS IoT Core fleet beside hotsite: managed, left, moved.

A plan and nothing else: facts of an account in, sentences out. The hard part of
adopting is not in the cloud: devices in the field hold AWS's endpoint, which cannot be
led to another Region, and must be told the owner's name before anything helps them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from hotsite.core.apis import default_limits
from hotsite.core.epoch import LETTERS


@dataclass(frozen=True, slots=True)
class Domain:
    """A domain configuration of AWS IoT Core.

    Attributes:
        name: Of the configuration.
        domain: The name that devices ask for; empty for AWS's own.
        is_on: Whether it serves.
    """

    name: str
    domain: str
    is_on: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """A topic rule.

    Attributes:
        name: Of the rule.
        sql: What it selects.
        is_on: Whether it runs.
    """

    name: str
    sql: str
    is_on: bool = True


@dataclass(frozen=True, slots=True)
class Fleet:
    """An existing fleet in one Region.

    Attributes:
        region: AWS Region.
        things: How many; at least so many, when ``is_more``.
        is_more: Whether there are more than were counted.
        types: Names of thing types.
        groups: Names of static thing groups.
        dynamic_groups: Names of dynamic ones.
        policies: Names.
        cas: How many CA certificates.
        templates: Names of provisioning templates.
        billing_groups: Names.
        authorizers: Names of custom authorizers.
        rules: Topic rules.
        domains: Domain configurations.
        unread: What could not be read, each with its reason.
    """

    region: str
    things: int = 0
    is_more: bool = False
    types: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    dynamic_groups: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    cas: int = 0
    templates: tuple[str, ...] = ()
    billing_groups: tuple[str, ...] = ()
    authorizers: tuple[str, ...] = ()
    rules: tuple[Rule, ...] = ()
    domains: tuple[Domain, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Left:
    """Something that hotsite does not manage.

    Attributes:
        what: What it is, and how much of it.
        names: Which.
        why: Why not, and what to do instead.
    """

    what: str
    names: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step of adopting.

    Attributes:
        text: What to do.
        command: How; empty for what is done elsewhere.
    """

    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Adoption:
    """The plan.

    Attributes:
        managed: What hotsite will keep the same in both Regions.
        left: What it will not.
        steps: In order.
        seed_s: How long registering the fleet in the other Region takes at least, by
            AWS's default quotas, in seconds.
    """

    managed: tuple[str, ...]
    left: tuple[Left, ...]
    steps: tuple[Step, ...]
    seed_s: float


# Why each kind stays behind: docs/limits.md, "What hotsite does not replicate".
_WHY: Mapping[str, str] = {
    "dynamic thing groups": (
        "their members come from a query, which each Region answers for itself: make "
        "them in the other Region, with fleet indexing on"
    ),
    "provisioning templates": (
        "they carry a role and a hook of their Region: deploy them in both by your code"
    ),
    "billing groups": "they are for one Region's bill",
    "custom authorizers": (
        "they call a function of their Region: deploy function and authorizer in both"
    ),
    "topic rules": (
        "their actions lead to resources of this Region: deploy rule and target in "
        "both by your code. hotsite adds rules of its own beside them"
    ),
}
_REGISTER = "RegisterCertificateWithoutCA"


def plan(fleet: Fleet, *, domain: str, prefix: str, standby: str) -> Adoption:
    """Return what adopting a fleet means.

    Args:
        fleet: What is there.
        domain: The owner's domain, under which hotsite's names are.
        prefix: First part of the names of what is hotsite's own.
        standby: The Region that has to get everything.
    """
    per_s = default_limits(standby)[_REGISTER]
    return Adoption(
        managed=tuple(_managed(fleet, prefix)),
        left=tuple(_left(fleet, domain, prefix)),
        steps=tuple(_steps(fleet, domain)),
        seed_s=fleet.things / per_s,
    )


def _managed(fleet: Fleet, prefix: str) -> Iterator[str]:
    more = " or more" if fleet.is_more else ""
    if fleet.things:
        yield (
            f"{fleet.things:,}{more} things, with their certificates, attributes, "
            "groups, policies and shadows"
        )
    for noun, names in (
        ("thing types", fleet.types),
        ("thing groups", fleet.groups),
        ("policies", fleet.policies),
    ):
        theirs = _theirs(names, prefix)
        if theirs:
            yield f"{len(theirs)} {noun}: {_some(theirs)}"
    if fleet.cas:
        yield f"{fleet.cas} CA certificates, in the other Region as SNI_ONLY"


def _left(fleet: Fleet, domain: str, prefix: str) -> Iterator[Left]:
    rules = tuple(rule.name for rule in fleet.rules)
    for noun, names in (
        ("dynamic thing groups", fleet.dynamic_groups),
        ("provisioning templates", fleet.templates),
        ("billing groups", fleet.billing_groups),
        ("custom authorizers", fleet.authorizers),
        ("topic rules", _theirs(rules, prefix)),
    ):
        theirs = _theirs(names, prefix)
        if theirs:
            yield Left(noun, theirs, _WHY[noun])
    others = _other_domains(fleet, domain)
    if others:
        yield Left(
            "domain names",
            tuple(one.domain for one in others),
            f"they go on leading to {fleet.region} alone: devices that hold one "
            "have to be told the new name, too",
        )


def _steps(fleet: Fleet, domain: str) -> Iterator[Step]:
    yield Step(
        "see what a loss of the Region would mean for this fleet",
        f"hotsite forecast --devices {max(1, fleet.things)}",
    )
    yield Step("make both sites beside what is there", "hotsite deploy --dry-run")
    if fleet.things:
        yield Step(
            "record the fleet; nothing in its Region is changed",
            f"hotsite seed --from {fleet.region}",
        )
        yield Step("see that the other Region has all of it", "hotsite verify")
        yield Step(
            f"tell every device iot.{domain} in place of AWS's endpoint, by an update "
            "of its configuration or firmware: it keeps its certificate and its name, "
            "must send the new name in TLS (SNI), and look it up again at each attempt"
        )
        yield Step(
            "try the firmware before it is in the field, against a Region that dies",
            "hotsite conformance",
        )
        yield Step(
            "move them in parts, the first of them few; a device that was not moved "
            "goes on working as before, in this Region alone"
        )
    yield Step(
        "prove it: move a fleet that lives, then drill",
        "hotsite failover --planned --dry-run --to b",
    )


def _other_domains(fleet: Fleet, domain: str) -> tuple[Domain, ...]:
    labels = ("iot", *(f"iot-{letter}" for letter in LETTERS))
    ours = {f"{label}.{domain}" for label in labels}
    return tuple(one for one in fleet.domains if one.domain and one.domain not in ours)


def _theirs(names: tuple[str, ...], prefix: str) -> tuple[str, ...]:
    """Return the names that are not of hotsite itself."""
    own = (f"{prefix}-", f"{prefix.replace('-', '_')}_")
    return tuple(name for name in names if not name.startswith(own))


def _some(names: tuple[str, ...], count_max: int = 5) -> str:
    shown = ", ".join(names[:count_max])
    rest = len(names) - count_max
    return f"{shown} and {rest} more" if rest > 0 else shown
