"""Answer DNS questions as Route 53 does: zones and health in, one answer out.

Pure: no sockets, no clock, no dice. Who is unhealthy, the draw of weighted
records and the latencies of latency records are arguments.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from hotsite.errors import InvalidInputError

# RFC 1034 section 3.6.2 asks servers to follow aliases and sets no bound; a
# chain of ours has two links, so a longer one than this is a loop.
CHAIN_LINKS_MAX = 8

# ANY may be refused (RFC 8482 section 4.3); zone transfers are not a feature of
# Route 53 public zones, and nothing local needs one.
REFUSED_TYPES = frozenset({"ANY", "AXFR", "IXFR"})

SERVED_TYPES = frozenset({"A", "AAAA", "CNAME", "NS", "SOA", "TXT"})

# Route 53 API, ResourceRecordSet: Weight is 0 to 255; TTL 0 to 2147483647.
WEIGHT_MAX = 255
TTL_S_MAX = 2_147_483_647

# The SOA record that Route 53 gives every new public zone, with its TTL of 900 s
# (Route 53 developer guide, "The start of authority (SOA) record").
_SOA_TTL_S = 900
_SOA_VALUE = "ns-2048.awsdns-64.net. hostmaster.example.com. 1 7200 900 1209600 86400"
_SOA_FIELDS = 7


class ResponseCode(Enum):
    """The RCODE of an answer (RFC 1035 section 4.1.1)."""

    NO_ERROR = 0
    FORMAT_ERROR = 1
    SERVER_FAILURE = 2
    NAME_ERROR = 3
    NOT_IMPLEMENTED = 4
    REFUSED = 5


class Role(Enum):
    """Which half of a failover pair a record is."""

    PRIMARY = "PRIMARY"
    SECONDARY = "SECONDARY"


@dataclass(frozen=True, slots=True)
class Simple:
    """The record is always answered, whatever its health."""


@dataclass(frozen=True, slots=True)
class Failover:
    """The record is one half of an active/standby pair."""

    role: Role


@dataclass(frozen=True, slots=True)
class Weighted:
    """The record gets ``weight`` (0 to 255) of the group's sum of answers."""

    weight: int


@dataclass(frozen=True, slots=True)
class Latency:
    """The record answers those who are nearest to ``region``."""

    region: str


Routing = Simple | Failover | Weighted | Latency


@dataclass(frozen=True, slots=True)
class Record:
    """One resource record set, as Route 53 keeps it.

    Attributes:
        name: Owner, lower case, without the last dot; ``*.`` is a wildcard.
        type: One of ``SERVED_TYPES``.
        ttl_s: How long an answer may be kept, in seconds, 0 to 2**31 - 1.
        values: Record data in the master-file form, names without compression.
        routing: How Route 53 picks among records of the same name and type.
        set_identifier: What tells such records apart; None only when simple.
        health_check_id: The check that decides whether the record is healthy;
            a record without one always is.
    """

    name: str
    type: str
    ttl_s: int
    values: tuple[str, ...]
    routing: Routing = Simple()
    set_identifier: str | None = None
    health_check_id: str | None = None


_Sets = dict[tuple[str, str], tuple[Record, ...]]


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: a name in lower case without the last dot, and a type."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Conditions:
    """What the answer depends on besides the zone.

    Attributes:
        unhealthy: Health checks that are not healthy now.
        draw: A random number, 0 up to but not including 1, for weighted records.
        latency_s: Seconds from the asker to a Region; an unknown one is last.
    """

    unhealthy: frozenset[str] = frozenset()
    draw: float = 0.0
    latency_s: Mapping[str, float] = field(default_factory=dict)

    def distance(self, record: Record) -> tuple[float, str]:
        """Return what latency records are ordered by; ties go by identifier."""
        region = record.routing.region if isinstance(record.routing, Latency) else ""
        return self.latency_s.get(region, math.inf), record.set_identifier or ""


@dataclass(frozen=True, slots=True)
class Choice:
    """The record that was picked from a group, and the rule that picked it."""

    record: Record
    reason: str


@dataclass(frozen=True, slots=True)
class Line:
    """One value of an answer, under its concrete owner name."""

    owner: str
    type: str
    ttl_s: int
    value: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send back.

    Attributes:
        code: The response code.
        lines: The answer section, CNAME chain first.
        authority: The SOA that lets resolvers keep a negative answer.
        is_repeatable: Whether the same conditions, whatever the draw, give the
            same answer, so that it may be cached.
    """

    code: ResponseCode
    lines: tuple[Line, ...] = ()
    authority: Line | None = None
    is_repeatable: bool = True


@dataclass(frozen=True, slots=True)
class Zone:
    """One hosted zone; a zone that Route 53 would not accept cannot be made.

    Attributes:
        name: The apex, lower case, without the last dot.
        records: Every record set. Without an SOA, Route 53's default is added.

    Raises:
        InvalidInputError: A record breaks a rule of Route 53 or of DNS.
    """

    name: str
    records: tuple[Record, ...]
    _sets: _Sets = field(init=False, repr=False, compare=False)
    _names: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check every record and index them by name and type."""
        sets: _Sets = {}
        for record in self.records:
            _check_record(record, self.name)
            key = (record.name, record.type)
            sets[key] = (*sets.get(key, ()), record)
        soa = Record(self.name, "SOA", _SOA_TTL_S, (_SOA_VALUE,))
        sets.setdefault((self.name, "SOA"), (soa,))
        for group in sets.values():
            _check_group(group)
        names: set[str] = set()
        for name, kind in sets:
            if kind == "CNAME" and sum(owner == name for owner, _ in sets) > 1:
                raise InvalidInputError(f"{name}: a CNAME stands alone (RFC 1034)")
            # RFC 4592 section 2.2.2: a name above a record exists, even if empty.
            above = name
            while above != self.name:
                names.add(above)
                above = above.partition(".")[2]
        names.add(self.name)
        object.__setattr__(self, "_sets", sets)
        object.__setattr__(self, "_names", frozenset(names))

    def find(self, question: Question) -> tuple[Record, ...] | None:
        """Return the record sets that answer a question in this zone.

        Args:
            question: A name at or below the apex.

        Returns:
            The group of the asked type, else the CNAME group of the name; an
            empty tuple if the name exists without them; None if the name does
            not exist. A wildcard stands in as RFC 4592 section 3.3.1 says.
        """
        name = question.name
        if name not in self._names:
            above = name.partition(".")[2]
            while above not in self._names:
                above = above.partition(".")[2]
            name = f"*.{above}"
            if name not in self._names:
                return None
        own = self._sets.get((name, question.type))
        return own or self._sets.get((name, "CNAME"), ())

    @property
    def negative(self) -> Line:
        """The SOA of a negative answer, with the TTL of RFC 2308 section 5."""
        record = self._sets[(self.name, "SOA")][0]
        value = record.values[0]
        ttl_s = min(record.ttl_s, int(value.split()[-1]))
        return Line(self.name, "SOA", ttl_s, value)

    def groups(self) -> tuple[tuple[Record, ...], ...]:
        """Return the record sets grouped by name and type."""
        return tuple(self._sets.values())


def choose(group: Sequence[Record], conditions: Conditions) -> Choice:
    """Pick one record of a group as Route 53 does, and say by which rule.

    Args:
        group: Records of the same name, type and kind of routing; not empty.
        conditions: Health, draw and latencies.
    """
    routing = group[0].routing
    if isinstance(routing, Simple):
        return Choice(group[0], "the only record")
    healthy = [r for r in group if r.health_check_id not in conditions.unhealthy]
    if isinstance(routing, Failover):
        return _choose_failover(group, healthy)
    if isinstance(routing, Weighted):
        return _choose_weighted(group, healthy, conditions.draw)
    why = "the nearest healthy Region" if healthy else "all unhealthy: the nearest"
    return Choice(min(healthy or group, key=conditions.distance), why)


def resolve(zones: Sequence[Zone], question: Question, given: Conditions) -> Answer:
    """Answer a question, following CNAME chains through our own zones.

    Args:
        zones: The zones that we are the authority of.
        question: What was asked.
        given: Health, draw and latencies.

    Returns:
        The answer. REFUSED outside our zones; NAME_ERROR when the last name of
        the chain does not exist (RFC 6604 section 3); NO_ERROR with an SOA when it
        exists without the type (RFC 2308 section 2.2).
    """
    if question.type in REFUSED_TYPES:
        return Answer(ResponseCode.REFUSED)
    lines: tuple[Line, ...] = ()
    name, is_repeatable = question.name, True
    for _ in range(CHAIN_LINKS_MAX):
        zone = zone_of(zones, name)
        if zone is None:
            code = ResponseCode.NO_ERROR if lines else ResponseCode.REFUSED
            return Answer(code, lines, None, is_repeatable)
        group = zone.find(Question(name, question.type))
        if not group:
            code = ResponseCode.NAME_ERROR if group is None else ResponseCode.NO_ERROR
            return Answer(code, lines, zone.negative, is_repeatable)
        picked = choose(group, given).record
        is_repeatable &= not isinstance(picked.routing, Weighted)
        kind, ttl_s = picked.type, picked.ttl_s
        lines += tuple(Line(name, kind, ttl_s, value) for value in picked.values)
        if picked.type == question.type:
            return Answer(ResponseCode.NO_ERROR, lines, None, is_repeatable)
        name = normal_name(picked.values[0])
    return Answer(ResponseCode.SERVER_FAILURE)


def zone_of(zones: Sequence[Zone], name: str) -> Zone | None:
    """Return the closest enclosing zone of a name, or None outside all."""
    enclosing = [z for z in zones if name == z.name or name.endswith(f".{z.name}")]
    return max(enclosing, key=lambda zone: len(zone.name), default=None)


def normal_name(text: str) -> str:
    """Return a name as it is compared: lower case, without the last dot."""
    return text.lower().removesuffix(".")


def _choose_failover(group: Sequence[Record], healthy: Sequence[Record]) -> Choice:
    """Apply the failover rules (Route 53 API, ``ResourceRecordSet$Failover``)."""
    for role, reason in (
        (Role.PRIMARY, "the primary is healthy"),
        (Role.SECONDARY, "the primary is unhealthy"),
    ):
        for record in healthy:
            if record.routing == Failover(role):
                return Choice(record, reason)
    primary = next((r for r in group if r.routing == Failover(Role.PRIMARY)), group[0])
    return Choice(primary, "no healthy record: the primary regardless")


def _choose_weighted(
    group: Sequence[Record], healthy: Sequence[Record], draw: float
) -> Choice:
    """Apply the weights (Route 53 developer guide, "How Route 53 chooses records").

    Weighted records with weight 0 are considered only when no record with a
    weight is healthy; when nothing is healthy, everything counts as healthy.
    """
    heavy = [r for r in healthy if _weight(r) > 0]
    reason = "by weight"
    if not heavy:
        reason = "no weight is healthy" if healthy else "all unhealthy: by weight"
        pool = list(healthy or group)
        heavy = [r for r in pool if _weight(r) > 0] or pool
    # Weights that are all 0 mean equal shares (``ResourceRecordSet$Weight``).
    weights = [_weight(r) or 1 for r in heavy]
    left = draw * sum(weights)
    for record, weight in zip(heavy, weights, strict=True):
        left -= weight
        if left < 0:
            return Choice(record, reason)
    return Choice(heavy[-1], reason)


def _weight(record: Record) -> int:
    return record.routing.weight if isinstance(record.routing, Weighted) else 0


def _check_record(record: Record, apex: str) -> None:
    is_apex = record.name == apex
    is_shared = isinstance(record.routing, Weighted | Latency)
    is_alone = is_shared or record.type in {"CNAME", "SOA"}
    has_routing = not isinstance(record.routing, Simple)
    has_identifier = record.set_identifier is not None
    soa_fits = (
        record.type != "SOA" or len(" ".join(record.values).split()) == _SOA_FIELDS
    )
    weight = _weight(record)
    rules = (
        (record.type in SERVED_TYPES, f"type {record.type} is not served"),
        (is_apex or record.name.endswith(f".{apex}"), f"is outside the zone {apex}"),
        (record.name == normal_name(record.name), "must be lower case, no last dot"),
        (not is_apex or record.type != "CNAME", "no CNAME at the apex (RFC 1034)"),
        (is_apex or record.type not in {"NS", "SOA"}, "delegation is not served"),
        (record.values, "has no value"),
        (not is_alone or len(record.values) == 1, "takes exactly one value"),
        (0 <= record.ttl_s <= TTL_S_MAX, f"TTL {record.ttl_s} is out of range"),
        (0 <= weight <= WEIGHT_MAX, f"weight {weight} is not 0 to {WEIGHT_MAX}"),
        (has_routing == has_identifier, "set identifier: exactly with a routing"),
        (soa_fits, "SOA takes seven fields (RFC 1035 section 3.3.13)"),
    )
    _require(rules, record)


def _check_group(group: Sequence[Record]) -> None:
    kinds = {type(record.routing) for record in group}
    routings = {record.routing for record in group}
    identifiers = {record.set_identifier for record in group}
    is_weighted = kinds == {Weighted}
    is_one_ttl = len({record.ttl_s for record in group}) == 1
    rules = (
        (len(kinds) == 1, "routing policies cannot be mixed"),
        (len(identifiers) == len(group), "the same set identifier twice"),
        (is_weighted or len(routings) == len(group), "the same routing value twice"),
        (not is_weighted or is_one_ttl, "a weighted group has one TTL"),
    )
    _require(rules, group[0])


def _require(rules: Sequence[tuple[object, str]], record: Record) -> None:
    for is_fine, problem in rules:
        if not is_fine:
            raise InvalidInputError(f"{record.name} {record.type}: {problem}")
