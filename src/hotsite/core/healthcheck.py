"""Decide what is healthy as Route 53 health checks do.

Pure: results of probes in, opinions and verdicts out. Each health check is
watched by several checkers; each has its own opinion, and the share of
healthy opinions decides.

Sources: Route 53 API reference, ``HealthCheckConfig``; Route 53 developer guide,
"How Amazon Route 53 determines whether a health check is healthy".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from hotsite.errors import InvalidInputError

# "If more than 18% of health checkers report that an endpoint is healthy,
# Route 53 considers it healthy" (developer guide, the page named above).
HEALTHY_PERCENT_MIN = 18

# API reference, HealthCheckConfig: RequestInterval, FailureThreshold,
# HealthThreshold and SearchString.
INTERVALS_S = frozenset({10, 30})
FAILURE_THRESHOLD_MAX = 10
THRESHOLD_MAX = 256
SEARCH_CHARACTERS_MAX = 255
_PORT_MAX = 65_535


class CheckType(Enum):
    """What a health check does; the values are those of the Route 53 API."""

    HTTP = "HTTP"
    HTTPS = "HTTPS"
    HTTP_STR_MATCH = "HTTP_STR_MATCH"
    HTTPS_STR_MATCH = "HTTPS_STR_MATCH"
    TCP = "TCP"
    CALCULATED = "CALCULATED"

    @property
    def has_tls(self) -> bool:
        """Whether the probe speaks TLS before it asks."""
        return self in {CheckType.HTTPS, CheckType.HTTPS_STR_MATCH}

    @property
    def has_search(self) -> bool:
        """Whether the probe looks for a string in the body."""
        return self in {CheckType.HTTP_STR_MATCH, CheckType.HTTPS_STR_MATCH}


@dataclass(frozen=True, slots=True)
class HealthCheckConfig:
    """One health check; one that Route 53 would not accept cannot be made.

    Attributes:
        id: Its name in records and in other checks.
        type: What it does.
        fqdn: The name that is resolved (IPv4 only), sent as Host and as SNI.
        address: An IPv4 address that is probed instead of resolving ``fqdn``.
        port: The port that is probed, 1 to 65535; 0 only when calculated.
        path: What is asked for, beginning with a slash.
        interval_s: Seconds from a response to the next request, 10 or 30.
        failure_threshold: Results in a row, 1 to 10, that turn an opinion.
        is_inverted: Whether the verdict is turned round at the end.
        is_disabled: Whether it is not probed and counts as healthy; inverted,
            as unhealthy (``Disabled``: "to stop routing traffic to a resource,
            change the value of Inverted").
        has_sni: Whether the TLS greeting names ``fqdn``.
        children: The checks that a calculated check counts.
        threshold: How many of them must be healthy, 0 to 256.
        search_string: What must stand in the body, up to 255 characters.

    Raises:
        InvalidInputError: A value is outside what Route 53 allows.
    """

    id: str
    type: CheckType
    fqdn: str = ""
    address: str = ""
    port: int = 0
    path: str = "/"
    interval_s: int = 30
    failure_threshold: int = 3
    is_inverted: bool = False
    is_disabled: bool = False
    has_sni: bool = True
    children: tuple[str, ...] = ()
    threshold: int = 0
    search_string: str = ""

    def __post_init__(self) -> None:
        """Refuse what Route 53 refuses."""
        is_probed = self.type is not CheckType.CALCULATED
        threshold_fits = 1 <= self.failure_threshold <= FAILURE_THRESHOLD_MAX
        search_fits = len(self.search_string) <= SEARCH_CHARACTERS_MAX
        rules = (
            (self.id, "a health check needs an id"),
            (not is_probed or self.fqdn or self.address, "needs a name or an address"),
            (not is_probed or 1 <= self.port <= _PORT_MAX, "port must be 1 to 65535"),
            (is_probed or not self.port, "a calculated check has no port"),
            (is_probed or self.children, "a calculated check needs children"),
            (
                not is_probed or not self.children,
                "only a calculated check has children",
            ),
            (self.path.startswith("/"), "path must begin with a slash"),
            (self.interval_s in INTERVALS_S, "interval must be 10 or 30 s"),
            (threshold_fits, "failure threshold must be 1 to 10"),
            (0 <= self.threshold <= THRESHOLD_MAX, "threshold must be 0 to 256"),
            (
                self.type.has_search == bool(self.search_string),
                "a search string belongs to the STR_MATCH types, and they need one",
            ),
            (search_fits, "search string is longer than 255 characters"),
        )
        for is_fine, problem in rules:
            if not is_fine:
                raise InvalidInputError(f"health check {self.id!r}: {problem}")


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one checker thinks of one endpoint.

    Attributes:
        is_healthy: Its opinion; a new checker has seen nothing and says healthy
            ("healthy until there is enough data").
        contrary: Results in a row that spoke against the opinion.
    """

    is_healthy: bool = True
    contrary: int = 0


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of the checkers of one health check say healthy."""

    healthy: int
    checkers: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What DNS goes by, with the sentence that explains it."""

    is_healthy: bool
    reason: str


def observe(opinion: Opinion, *, is_ok: bool, failure_threshold: int) -> Opinion:
    """Fold one result into a checker's opinion.

    Args:
        opinion: What the checker thought before.
        is_ok: Whether the probe succeeded.
        failure_threshold: Results in a row, 1 to 10, that turn the opinion;
            the same number in both directions (``FailureThreshold``).

    Returns:
        The opinion after the result.
    """
    if is_ok == opinion.is_healthy:
        return Opinion(opinion.is_healthy)
    contrary = opinion.contrary + 1
    if contrary >= failure_threshold:
        return Opinion(is_ok)
    return Opinion(opinion.is_healthy, contrary)


def judge(
    checks: Mapping[str, HealthCheckConfig], tallies: Mapping[str, Tally]
) -> dict[str, Verdict]:
    """Give the verdict on every health check.

    Args:
        checks: Every health check by its id.
        tallies: What the checkers say; a check without one has no data yet.

    Returns:
        One verdict per check.

    Raises:
        InvalidInputError: A calculated check counts an unknown check, or itself.
    """
    verdicts: dict[str, Verdict] = {}
    for name in checks:
        _judge_into(verdicts, name, (), (checks, tallies))
    return verdicts


def _judge_into(
    verdicts: dict[str, Verdict],
    name: str,
    above: tuple[str, ...],
    known: tuple[Mapping[str, HealthCheckConfig], Mapping[str, Tally]],
) -> Verdict:
    if name in verdicts:
        return verdicts[name]
    checks, tallies = known
    if name not in checks:
        raise InvalidInputError(f"health check {above[-1]!r}: unknown child {name!r}")
    if name in above:
        raise InvalidInputError(f"health check {name!r} counts itself")
    check = checks[name]
    if check.is_disabled:
        verdict = Verdict(is_healthy=True, reason="disabled")
    elif check.type is CheckType.CALCULATED:
        below = [
            _judge_into(verdicts, child, (*above, name), known)
            for child in check.children
        ]
        verdict = _count(check, sum(v.is_healthy for v in below))
    else:
        verdict = _share(tallies.get(name, Tally(0, 0)))
    if check.is_inverted:
        verdict = Verdict(not verdict.is_healthy, f"inverted: {verdict.reason}")
    verdicts[name] = verdict
    return verdict


def _count(check: HealthCheckConfig, healthy: int) -> Verdict:
    """Apply ``HealthThreshold``: 0 is always healthy, > children never."""
    total = len(check.children)
    return Verdict(
        healthy >= check.threshold,
        f"{healthy} of {total} children healthy, {check.threshold} needed",
    )


def _share(tally: Tally) -> Verdict:
    if not tally.checkers:
        return Verdict(is_healthy=True, reason="no data yet")
    return Verdict(
        tally.healthy * 100 > HEALTHY_PERCENT_MIN * tally.checkers,
        f"{tally.healthy} of {tally.checkers} checkers healthy",
    )
