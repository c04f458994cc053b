"""Settings: frozen dataclasses, parsed once at a face from a mapping.

Nothing here reads a file or the environment: a face hands over what it read
(``hotsite.toml``), and everything behind it works with these values. Unknown
keys are errors, because a misspelt objective is an objective nobody checks.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar, get_args, get_origin

from hotsite.errors import InvalidInputError

_Section = TypeVar("_Section")

# RFC 1035 section 2.3.4 and RFC 1123 section 2.1: labels of 1 to 63 letters,
# digits and hyphens; a name has at most 253 characters.
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
_PREFIX = re.compile(r"[a-z][a-z0-9-]{1,19}")


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """One Region that hotsite is deployed in.

    Attributes:
        letter: The letter in its own names (``iot-a.``), ``a`` or ``b``.
        region: The AWS Region, for example ``eu-central-1``.
    """

    letter: str
    region: str


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """How fast the failover names move.

    Attributes:
        ttl_s: TTL of the failover records, in seconds, 1 to 60 (Route 53:
            60 s or less with health checks, ``ResourceRecordSet.TTL``).
        interval_s: Health-check interval, 10 or 30 s (``RequestInterval``).
        failure_threshold: Checks in a row that turn a checker's opinion, 1 to
            10 (``FailureThreshold``). 1 flaps in a brown-out; 2 or 3 do not.
    """

    ttl_s: int = 10
    interval_s: int = 10
    failure_threshold: int = 2


@dataclass(frozen=True, slots=True)
class ObjectiveSettings:
    """What a drill is judged against.

    Attributes:
        rto_s: Longest allowed time from the fault until 99 % of the devices'
            telemetry is stored in the surviving site, in seconds.
        rpo_messages: Most acknowledged messages that may be missing at the end.
    """

    rto_s: float = 60.0
    rpo_messages: int = 0


@dataclass(frozen=True, slots=True)
class IssuerSettings:
    """Who signs the tokens of the companion app's users.

    Attributes:
        url: Issuer of the JSON Web Tokens (claim ``iss``), an https URL.
        audience: What the tokens must be for (claim ``aud``).
    """

    url: str = "https://issuer.example.com/"
    audience: str = "hotsite"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything hotsite needs to know about one fleet.

    Attributes:
        domain: The owner's domain; the only place that devices ever look.
        prefix: First part of the names of tables, stacks and policies.
        strategy: ``hot-site`` or ``pilot-light``.
        sites: The active site first, then the standby.
        dns: How fast the names move.
        objectives: What drills are judged against.
        issuer: Who signs the tokens of the app's users.
    """

    domain: str
    prefix: str = "hotsite"
    strategy: str = "hot-site"
    sites: tuple[SiteSettings, ...] = (
        SiteSettings("a", "eu-central-1"),
        SiteSettings("b", "eu-west-1"),
    )
    dns: DnsSettings = DnsSettings()
    objectives: ObjectiveSettings = ObjectiveSettings()
    issuer: IssuerSettings = IssuerSettings()

    @property
    def active(self) -> SiteSettings:
        """Return the site that the failover names answer first."""
        return self.sites[0]

    @property
    def standby(self) -> SiteSettings:
        """Return the site that takes over."""
        return self.sites[1]

    @property
    def iot_name(self) -> str:
        """Return the failover name of the MQTT endpoint."""
        return f"iot.{self.domain}"

    @property
    def api_name(self) -> str:
        """Return the failover name of the onboarding API."""
        return f"api.{self.domain}"

    def own_iot_name(self, site: SiteSettings) -> str:
        """Return the MQTT name that always means this one site."""
        return f"iot-{site.letter}.{self.domain}"

    def own_api_name(self, site: SiteSettings) -> str:
        """Return the API name that always means this one site."""
        return f"api-{site.letter}.{self.domain}"

    def table(self, noun: str) -> str:
        """Return the name of a table: ``registry``, ``telemetry``, ``applied``."""
        return f"{self.prefix}-{noun}"

    @property
    def fleet_group(self) -> str:
        """Return the name of the thing group that every device joins."""
        return f"{self.prefix}-fleet"

    @property
    def thing_type(self) -> str:
        """Return the name of the devices' thing type."""
        return f"{self.prefix}-device"


def parse(mapping: Mapping[str, Any], *, source: str) -> Settings:
    """Turn what ``hotsite.toml`` says into settings.

    Args:
        mapping: The parsed TOML document.
        source: Where it came from; every error message starts with it.

    Returns:
        Settings in which every value was checked.

    Raises:
        InvalidInputError: A key is unknown, or a value is not allowed.
    """
    known = {field.name for field in fields(Settings)}
    _refuse_unknown(mapping, known, f"{source}:")
    values: dict[str, Any] = {
        key: _text(mapping[key], f"{source}: {key}")
        for key in ("domain", "prefix", "strategy")
        if key in mapping
    }
    if "domain" not in values:
        raise InvalidInputError(
            f'{source}: domain is missing; write domain = "fleet.example.com"'
        )
    if "sites" in mapping:
        values["sites"] = _sites(mapping["sites"], source)
    for name, kind in (
        ("dns", DnsSettings),
        ("objectives", ObjectiveSettings),
        ("issuer", IssuerSettings),
    ):
        if name in mapping:
            values[name] = _section(kind, mapping[name], f"{source}: [{name}]")
    settings = Settings(**values)
    _check(settings, source)
    return settings


def _check(settings: Settings, source: str) -> None:
    dns = settings.dns
    rules = (
        (_DOMAIN.fullmatch(settings.domain), "domain", "a lower-case domain name"),
        (
            not settings.domain.endswith("amazonaws.com"),
            "domain",
            "a domain of your own, never one of AWS",
        ),
        (_PREFIX.fullmatch(settings.prefix), "prefix", "2 to 20 of a-z, 0-9 and -"),
        (
            settings.strategy in {"hot-site", "pilot-light"},
            "strategy",
            '"hot-site" or "pilot-light"',
        ),
        (1 <= dns.ttl_s <= 60, "dns.ttl_s", "1 to 60 seconds"),  # noqa: PLR2004
        (dns.interval_s in {10, 30}, "dns.interval_s", "10 or 30 (Route 53)"),
        (
            1 <= dns.failure_threshold <= 10,  # noqa: PLR2004
            "dns.failure_threshold",
            "1 to 10 (Route 53)",
        ),
        (settings.objectives.rto_s > 0, "objectives.rto_s", "more than 0 seconds"),
        (settings.objectives.rpo_messages >= 0, "objectives.rpo_messages", "0 or more"),
        (
            settings.issuer.url.startswith("https://"),
            "issuer.url",
            "an https URL (API Gateway accepts no other issuer)",
        ),
    )
    for is_fine, key, wanted in rules:
        if not is_fine:
            raise InvalidInputError(f"{source}: {key} must be {wanted}")


def _sites(value: object, source: str) -> tuple[SiteSettings, ...]:
    where = f"{source}: [[sites]]"
    if not isinstance(value, list):
        raise InvalidInputError(f"{where} must be a list of tables")
    sites = tuple(_section(SiteSettings, item, where) for item in value)
    letters = [site.letter for site in sites]
    regions = [site.region for site in sites]
    if letters != ["a", "b"]:
        raise InvalidInputError(f'{where} needs letter "a", then letter "b"')
    for region in regions:
        if not _REGION.fullmatch(region):
            raise InvalidInputError(f"{where}: {region!r} is not an AWS Region")
    if len(set(regions)) != len(regions):
        raise InvalidInputError(f"{where}: both sites are in {regions[0]}")
    return sites


def _section(kind: type[_Section], value: object, where: str) -> _Section:
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{where} must be a table")
    wanted = {field.name: field for field in fields(kind)}  # type: ignore[arg-type]
    _refuse_unknown(value, set(wanted), where)
    values = {}
    for key, item in value.items():
        types = wanted[key].type
        allowed = get_args(types) if get_origin(types) else (types,)
        is_number = float in allowed and isinstance(item, int | float)
        if isinstance(item, bool) or not (is_number or isinstance(item, allowed)):
            names = " or ".join(getattr(t, "__name__", str(t)) for t in allowed)
            raise InvalidInputError(f"{where} {key} must be {names}, not {item!r}")
        values[key] = item
    try:
        return kind(**values)
    except TypeError as error:
        missing = sorted(wanted.keys() - values.keys())
        raise InvalidInputError(f"{where} lacks {', '.join(missing)}") from error


def _text(value: object, where: str) -> str:
    if not isinstance(value, str):
        raise InvalidInputError(f"{where} must be a string, not {value!r}")
    return value


def _refuse_unknown(mapping: Mapping[str, object], known: set[str], where: str) -> None:
    for key in sorted(mapping.keys() - known):
        raise InvalidInputError(
            f"{where} unknown key {key!r}; known are {', '.join(sorted(known))}"
        )
