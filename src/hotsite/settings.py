"""Settings: frozen dataclasses, parsed once at a face from a mapping.

Nothing here reads a file or the environment: a face hands over what it read
(``hotsite.toml``), and everything behind it works with these values. Unknown
keys are errors, because a misspelt objective is an objective nobody checks.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hotsite.core import expiry, records
from hotsite.core.epoch import LETTERS, SITES
from hotsite.core.expiry import FirmwareSettings
from hotsite.core.strategy import Strategy, witness_name
from hotsite.errors import InvalidInputError

# RFC 1035 section 2.3.4 and RFC 1123 section 2.1: labels of 1 to 63 letters,
# digits and hyphens; a name has at most 253 characters.
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
# An origin has no path (RFC 6454, section 6.1), and our names are lower case.
_ORIGIN = re.compile(r"https://[a-z0-9.-]+(:\d{1,5})?")
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
# Route 53 API, ResourceRecordSet$Weight.
_WEIGHT_MAX = 255
_PREFIX = re.compile(r"[a-z][a-z0-9-]{1,19}")


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """One Region that hotsite is deployed in.

    Attributes:
        letter: The letter in its own names (``iot-a.``), ``a`` to ``d``.
        region: The AWS Region, for example ``eu-central-1``.
        weight: Its share of the weights of both, 0 to 255 (Route 53 API,
            ``ResourceRecordSet$Weight``); used where both sites are active and share
            by weight.
    """

    letter: str
    region: str
    weight: int = 100


class Sharing(StrEnum):
    """What Route 53 goes by where both sites are active."""

    WEIGHTED = "weighted"
    LATENCY = "latency"


@dataclass(frozen=True, slots=True)
class DnsSettings:
    """How fast the failover names move.

    Attributes:
        ttl_s: TTL of the failover records, in seconds, 1 to 60 (Route 53:
            60 s or less with health checks, ``ResourceRecordSet.TTL``).
        interval_s: Health-check interval, 10 or 30 s (``RequestInterval``).
        failure_threshold: Checks in a row that turn a checker's opinion, 1 to
            10 (``FailureThreshold``). 1 flaps in a brown-out; 2 or 3 do not.
        sharing: How two active sites share the fleet: ``weighted``, by the sites'
            weights, or ``latency``, each device to the nearest.
    """

    ttl_s: int = 10
    interval_s: int = 10
    failure_threshold: int = 2
    sharing: Sharing = Sharing.WEIGHTED


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
class OutboxSettings:
    """What your devices keep to send again.

    Attributes:
        reach_s: How far back a device can send again what a broker has
            acknowledged, in seconds. It has to cover the replication lag of a sick
            Region plus the time to notice its death.
    """

    reach_s: float = 420.0


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
class AppSettings:
    """Who may call the API from a browser.

    Attributes:
        origins: Scheme and host of each page, https; by default that of the
            companion app, ``https://app.<domain>``.
    """

    origins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OnboardingSettings:
    """How devices are onboarded.

    Attributes:
        custody: ``device``: private keys are made on devices and stay there.
            ``escrow``: AWS IoT makes one for who asks for it; whoever holds the app's
            token at that moment holds the device's key.
    """

    custody: str = "device"


@dataclass(frozen=True, slots=True)
class TelemetrySettings:
    """How telemetry is kept, and how large the fleet is that sends it.

    Attributes:
        hot_days: How long the hot table keeps a message, in days, 1 or more.
        fleet_size: How many devices there are; unknown by default.
        connects_per_s: How many connections a second each Region admits: AWS IoT
            Core's quota is 3,000 in the larger Regions and 100 in others ("Connect
            requests per second per account").
    """

    hot_days: int = 30
    fleet_size: int | None = None
    connects_per_s: float = 3000.0

    @property
    def throttle_spread_s(self) -> float | None:
        """Return N / R: how far a throttled fleet spreads its attempts, in seconds."""
        if self.fleet_size is None:
            return None
        return self.fleet_size / self.connects_per_s


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything hotsite needs to know about one fleet.

    Attributes:
        domain: The owner's domain; the only place that devices ever look.
        prefix: First part of the names of tables, stacks and policies.
        strategy: What the other Region does while nothing is wrong.
        sites: The active site first, then the standby, and up to two more.
        dns: How fast the names move.
        objectives: What drills are judged against.
        issuer: Who signs the tokens of the app's users.
        app: Who may call the API from a browser.
        onboarding: How devices are onboarded.
        telemetry: How telemetry is kept.
        outbox: What devices keep to send again.
        firmware: When signatures of firmware expire.
    """

    domain: str
    prefix: str = "hotsite"
    strategy: Strategy = Strategy.HOT_SITE
    sites: tuple[SiteSettings, ...] = (
        SiteSettings("a", "eu-central-1"),
        SiteSettings("b", "eu-west-1"),
    )
    dns: DnsSettings = DnsSettings()
    objectives: ObjectiveSettings = ObjectiveSettings()
    issuer: IssuerSettings = IssuerSettings()
    app: AppSettings = AppSettings()
    onboarding: OnboardingSettings = OnboardingSettings()
    telemetry: TelemetrySettings = TelemetrySettings()
    outbox: OutboxSettings = OutboxSettings()
    firmware: FirmwareSettings = FirmwareSettings()  # noqa: RUF009 - it is frozen

    @property
    def active(self) -> SiteSettings:
        """Return the site that the failover names answer first."""
        return self.sites[0]

    @property
    def standby(self) -> SiteSettings:
        """Return the site that takes over, the first of those that may."""
        return self.sites[1]

    @property
    def is_pair(self) -> bool:
        """Tell whether there are two sites, as in nearly every fleet."""
        return tuple(site.letter for site in self.sites) == SITES

    def is_off(self, site: SiteSettings) -> bool:
        """Tell whether a site's compute is off until it is needed: a pilot light."""
        return self.strategy is Strategy.PILOT_LIGHT and site != self.active

    def may_be_off(self, site: SiteSettings) -> bool:
        """Tell whether a site's compute may be off at all: a standby's alone."""
        return site != self.active and not self.is_shared

    @property
    def is_shared(self) -> bool:
        """Tell whether both sites answer the failover names."""
        return self.strategy is Strategy.ACTIVE_ACTIVE

    @property
    def witness_name(self) -> str:
        """Return the name that leads to the active site."""
        return witness_name(self.strategy, self.domain)

    @property
    def iot_name(self) -> str:
        """Return the failover name of the MQTT endpoint."""
        return f"iot.{self.domain}"

    @property
    def api_name(self) -> str:
        """Return the failover name of the onboarding API."""
        return f"api.{self.domain}"

    @property
    def app_name(self) -> str:
        """Return where the companion app is served, if it is."""
        return f"app.{self.domain}"

    @property
    def app_origins(self) -> tuple[str, ...]:
        """Return the origins from which browsers may call the API."""
        return self.app.origins or (f"https://{self.app_name}",)

    def own_iot_name(self, site: SiteSettings) -> str:
        """Return the MQTT name that always means this one site."""
        return f"iot-{site.letter}.{self.domain}"

    def own_api_name(self, site: SiteSettings) -> str:
        """Return the API name that always means this one site."""
        return f"api-{site.letter}.{self.domain}"

    def from_name(self, noun: str, site: SiteSettings) -> str:
        """Return the name that a site and those after it answer (``iot``, ``api``)."""
        return f"{noun}-from-{site.letter}.{self.domain}"

    def table(self, noun: str) -> str:
        """Return the name of a table.

        Args:
            noun: ``registry``, ``telemetry``, ``applied``, ``operations`` or
                ``escrow``.
        """
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
    settings = records.read(Settings, mapping, where=source)
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
        (1 <= dns.ttl_s <= 60, "dns.ttl_s", "1 to 60 seconds"),  # noqa: PLR2004
        (dns.interval_s in {10, 30}, "dns.interval_s", "10 or 30 (Route 53)"),
        (
            1 <= dns.failure_threshold <= 10,  # noqa: PLR2004
            "dns.failure_threshold",
            "1 to 10 (Route 53)",
        ),
        (settings.objectives.rto_s > 0, "objectives.rto_s", "more than 0 seconds"),
        (settings.objectives.rpo_messages >= 0, "objectives.rpo_messages", "0 or more"),
        (settings.outbox.reach_s > 0, "outbox.reach_s", "more than 0 seconds"),
        (
            settings.issuer.url.startswith("https://"),
            "issuer.url",
            "an https URL (API Gateway accepts no other issuer)",
        ),
        (
            all(_ORIGIN.fullmatch(one) for one in settings.app.origins),
            "app.origins",
            "a list of https://HOST or https://HOST:PORT, nothing after it",
        ),
        (
            settings.onboarding.custody in {"device", "escrow"},
            "onboarding.custody",
            '"device" or "escrow"',
        ),
        *_telemetry_rules(settings.telemetry),
    )
    for is_fine, key, wanted in rules:
        if not is_fine:
            raise InvalidInputError(f"{source}: {key} must be {wanted}")
    _check_sites(settings, source)
    expiry.check(settings.firmware, where=source)


def _telemetry_rules(telemetry: TelemetrySettings) -> Iterator[tuple[bool, str, str]]:
    size = telemetry.fleet_size
    yield telemetry.hot_days >= 1, "telemetry.hot_days", "1 or more days"
    yield size is None or size >= 1, "telemetry.fleet_size", "1 or more"
    rate = telemetry.connects_per_s
    yield rate > 0, "telemetry.connects_per_s", "more than 0"


def _check_sites(settings: Settings, source: str) -> None:
    where, sites = f"{source}: [[sites]]", settings.sites
    letters = tuple(site.letter for site in sites)
    if letters[: len(SITES)] != SITES:
        raise InvalidInputError(f'{where} needs letter "a", then letter "b"')
    if letters != LETTERS[: len(letters)]:
        raise InvalidInputError(
            f'{where}: further standbys need letter "c", then letter "d", and there '
            f"may be no more; here are {', '.join(letters)}"
        )
    if settings.strategy is not Strategy.HOT_SITE and not settings.is_pair:
        raise InvalidInputError(
            f'{where}: strategy "{settings.strategy.value}" takes two sites, here are '
            f"{len(sites)}: more than two need hot-site"
        )
    for site in sites:
        if not _REGION.fullmatch(site.region):
            raise InvalidInputError(f"{where}: {site.region!r} is not an AWS Region")
        if not 0 <= site.weight <= _WEIGHT_MAX:
            raise InvalidInputError(f"{where}: weight must be 0 to {_WEIGHT_MAX}")
    regions = [site.region for site in sites]
    twice = sorted({one for one in regions if regions.count(one) > 1})
    if twice:
        which = "both sites" if settings.is_pair else "two sites"
        raise InvalidInputError(f"{where}: {which} are in {twice[0]}")
