"""What speaks against deploying into an account, before anything is made there.

All of it at once, each in one line with what to do about it: facts in, objections out.
A fact that could not be read is said and blocks nothing: whoever may deploy need not
be allowed to list quotas.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hotsite.core.headroom import Fleet, Limit, rooms


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose credentials a deployment runs with.

    Attributes:
        account_id: 12 digits.
        arn: Of the caller.
    """

    account_id: str
    arn: str


@dataclass(frozen=True, slots=True)
class ZoneFacts:
    """What is known of the owner's domain.

    Attributes:
        domain: The name.
        id: Of its hosted zone; empty where the account has none.
        is_private: Whether the zone answers in VPCs only.
        name_servers: Those that Route 53 gave the zone.
        delegated: Those that the world is told to ask; None where nobody answered.
        cas: Who may issue certificates for it (CAA), empty for everybody.
        records: Names that have records already.
    """

    domain: str
    id: str = ""
    is_private: bool = False
    name_servers: tuple[str, ...] = ()
    delegated: tuple[str, ...] | None = ()
    cas: tuple[str, ...] = ()
    records: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Taken:
    """A name that something has already, and no stack of ours.

    Attributes:
        kind: CloudFormation's type of it.
        title: Its name in the account.
    """

    kind: str
    title: str


@dataclass(frozen=True, slots=True)
class RegionFacts:
    """What is known of one Region.

    Attributes:
        region: AWS Region.
        is_there: Whether AWS has such a Region.
        is_open: Whether the account may use it.
        limits: Its quotas.
        taken: Names that hotsite needs, and that are in use.
        has_things: Whether there is a fleet already.
        free_runs: How many functions may run at once, without those that are reserved;
            None where that was not read.
        to_reserve: How many of them new functions reserve for themselves.
        unread: What could not be read, each with its reason.
    """

    region: str
    is_there: bool = True
    is_open: bool = True
    limits: tuple[Limit, ...] = ()
    taken: tuple[Taken, ...] = ()
    has_things: bool = False
    free_runs: int | None = None
    to_reserve: int = 0
    unread: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is known before a deployment.

    Attributes:
        owner: Whose account.
        zone: The domain.
        regions: Of the sites, the active one first.
        stacks: Names of stacks of hotsite that are there already.
    """

    owner: Owner
    zone: ZoneFacts
    regions: tuple[RegionFacts, ...]
    stacks: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be deployed.

    Attributes:
        domain: The owner's.
        fleet: How large it is, and how fast it has to come back.
        names: Under the domain that hotsite makes records of.
        account_id: The account that is meant; empty for whichever it is.
    """

    domain: str
    fleet: Fleet
    names: tuple[str, ...] = ()
    account_id: str = ""


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing that speaks against a deployment.

    Attributes:
        text: What, where, and what to do about it.
        blocks: Whether nothing is deployed for it; else it is only told.
        may_be_ours: Whether it is none where hotsite is deployed already.
    """

    text: str
    blocks: bool = True
    may_be_ours: bool = False


# ACM's own names in CAA records (ACM User Guide, "Configure a CAA record").
_AMAZON_CAS = frozenset(
    {"amazon.com", "amazontrust.com", "awstrust.com", "amazonaws.com"}
)
_WORDS: Mapping[str, str] = {
    "AWS::DynamoDB::GlobalTable": "table",
    "AWS::DynamoDB::Table": "table",
    "AWS::IoT::DomainConfiguration": "domain configuration",
    "AWS::IoT::Policy": "IoT policy",
    "AWS::IoT::ThingGroup": "thing group",
    "AWS::IoT::ThingType": "thing type",
    "AWS::IoT::TopicRule": "topic rule",
    "AWS::KMS::Alias": "key alias",
    "AWS::KinesisFirehose::DeliveryStream": "delivery stream",
    "AWS::Lambda::Function": "function",
    "AWS::S3::Bucket": "bucket",
}
# What outlives its stack by a name of its own.
_KEPT = frozenset(
    {"AWS::DynamoDB::GlobalTable", "AWS::IoT::ThingType", "AWS::S3::Bucket"}
)
# Lambda API reference, PutFunctionConcurrency: at least so many runs stay unreserved.
_UNRESERVED_MIN = 100
# "Concurrent executions" of Lambda, in Service Quotas.
_RUNS_CODE = "L-B99A9384"


def objections(facts: Facts, wanted: Wanted) -> tuple[Objection, ...]:
    """Return everything that speaks against deploying.

    Args:
        facts: What is known of the account.
        wanted: What is to be deployed.
    """
    return (
        *_of_owner(facts.owner, wanted),
        *_of_zone(facts, wanted),
        *(one for region in facts.regions for one in _of_region(region, wanted)),
        *_of_fleet(facts),
        *_of_replicas(facts),
    )


def refused(found: Sequence[Objection]) -> str:
    """Return one line with every objection that blocks; empty when none does."""
    return "; ".join(one.text for one in found if one.blocks)


def _of_owner(owner: Owner, wanted: Wanted) -> Iterator[Objection]:
    if wanted.account_id and wanted.account_id != owner.account_id:
        yield Objection(
            f"these credentials are of account {owner.account_id}, and --account says "
            f"{wanted.account_id}"
        )


def _of_replicas(facts: Facts) -> Iterator[Objection]:
    """Yield that tables which are there get one more Region at a time.

    "You can only add or remove a single replica in each update" (CloudFormation user
    guide, ``AWS::DynamoDB::GlobalTable``). The key of a Region is made before it.
    """
    if not any(name.endswith("-data") for name in facts.stacks):
        return
    regions = [one.region for one in facts.regions]
    new = [
        region
        for region in regions
        if not any(name.endswith(f"-key-{region}") for name in facts.stacks)
    ]
    if len(new) > 1:
        yield Objection(
            f"CloudFormation adds one Region to a table at a time, and {len(new)} are "
            f"new: deploy with {new[0]} first, then add {', '.join(new[1:])}"
        )


def _of_zone(facts: Facts, wanted: Wanted) -> Iterator[Objection]:
    zone, domain = facts.zone, wanted.domain
    if not zone.id:
        yield Objection(
            f"{domain} has no hosted zone in account {facts.owner.account_id}: "
            f"aws route53 create-hosted-zone --name {domain} "
            f"--caller-reference {domain}, and delegate the name to it"
        )
        return
    if zone.is_private:
        yield Objection(
            f"the hosted zone of {domain} is private, and devices are outside: make a "
            "public one"
        )
        return
    yield from _of_delegation(zone)
    if zone.cas and not _AMAZON_CAS & set(zone.cas):
        yield Objection(
            f"{domain} lets only {', '.join(zone.cas)} issue certificates (CAA): ACM "
            "cannot validate its own; add 0 issue amazon.com"
        )
    if not facts.stacks:
        names = sorted(set(wanted.names) & zone.records)
        if names:
            yield Objection(
                f"records of {', '.join(names)} are in zone {zone.id} already: remove "
                "them, or give hotsite a domain of its own below this one",
                may_be_ours=True,
            )


def _of_delegation(zone: ZoneFacts) -> Iterator[Objection]:
    if zone.delegated is None:
        yield Objection(
            f"nobody here could be asked where {zone.domain} is delegated to",
            blocks=False,
        )
    elif not {one.lower().rstrip(".") for one in zone.delegated} & {
        one.lower().rstrip(".") for one in zone.name_servers
    }:
        there = ", ".join(zone.delegated) or "nobody"
        yield Objection(
            f"{zone.domain} is not delegated to its hosted zone {zone.id}: the world "
            f"asks {there}; put NS records with {', '.join(zone.name_servers)} into "
            "the zone above (certificates are not issued before)"
        )


def _of_region(facts: RegionFacts, wanted: Wanted) -> Iterator[Objection]:
    region = facts.region
    if not facts.is_there:
        yield Objection(f"AWS has no Region {region}: see [[sites]] in hotsite.toml")
        return
    if not facts.is_open:
        yield Objection(
            f"{region} is not enabled for this account: "
            f"aws account enable-region --region-name {region}"
        )
        return
    for room in rooms(facts.limits, wanted.fleet):
        if not room.is_enough:
            code = room.limit.code
            how = f" (quota {code} of iotcore)" if code else ""
            yield Objection(
                f"{region}: {wanted.fleet.size:,} devices need {room.wanted:,} of "
                f"'{room.limit.need}', and {room.limit.value:,.0f} is the limit{how}: "
                "ask Service Quotas for more"
            )
    free = facts.free_runs
    if free is not None and 0 < facts.to_reserve > free - _UNRESERVED_MIN:
        yield Objection(
            f"{region}: hotsite reserves {facts.to_reserve} runs of Lambda at once, "
            f"and of {free} unreserved ones Lambda keeps {_UNRESERVED_MIN}: ask "
            f"Service Quotas for more (quota {_RUNS_CODE} of lambda)"
        )
    for taken in facts.taken:
        yield Objection(f"{region}: {_says(taken)}")
    for text in facts.unread:
        yield Objection(f"{region}: {text}", blocks=False)


def _of_fleet(facts: Facts) -> Iterator[Objection]:
    # With our own stacks there are canaries, too.
    found = [one.region for one in facts.regions if one.has_things]
    if found and not facts.stacks:
        yield Objection(
            f"{', '.join(found)}: there is a fleet already; nothing of it is touched, "
            "and hotsite seed records it afterwards",
            blocks=False,
        )


def _says(taken: Taken) -> str:
    what = f"{_WORDS.get(taken.kind, taken.kind)} {taken.title}"
    if taken.kind in _KEPT:
        return (
            f"{what} is there and no stack has it (kept by an earlier destroy?): "
            "--take-over gives it to the new stack, or choose another prefix"
        )
    return f"the name of {what} is taken: remove it, or choose another prefix"
