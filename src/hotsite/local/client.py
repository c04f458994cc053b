"""Use a local cloud that is up: its Regions, its faults, its names, its user."""

import asyncio
import json
import ssl
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from hotsite.adapters.resolver import DnsResolver
from hotsite.adapters.sites import HttpsSites
from hotsite.core import records
from hotsite.errors import InvalidInputError, NotReadyError, UnreachableError
from hotsite.local import cloud, control, deployment
from hotsite.local.cloud import CloudState, SiteState
from hotsite.local.dns.client import DnsControl
from hotsite.local.plan import Place
from hotsite.local.pumps import PumpStatus
from hotsite.local.templates import is_of_site

_ANSWER_S_MAX = 5.0
# Longer than the supervisor waits for each of four processes.
_CHANGE_S_MAX = 25.0
# A Region reads its whole state before it answers.
_RETURN_S_MAX = 60.0


@dataclass(frozen=True, slots=True)
class SiteHealth:
    """What the DNS server's health checkers think of one site.

    Attributes:
        region: AWS Region code.
        is_healthy: What they say together of its deep verdict; the records of
            the primary go by its standby's switch, too.
        checkers_healthy: Checkers that say healthy.
        checkers: Checkers there are.
    """

    region: str
    is_healthy: bool
    checkers_healthy: int
    checkers: int


class LocalCloud:
    """One local cloud that is up.

    Args:
        folder: The cloud's folder.
        state: What it says about itself.
    """

    def __init__(self, folder: Path, state: CloudState) -> None:
        self.folder = folder
        self.state = state

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Use the cloud of a folder.

        Args:
            folder: The cloud's folder.

        Raises:
            NotReadyError: It is not up, not ready, or something of it died.
        """
        found = cls(folder, cloud.read_state(folder))
        found.check()
        return found

    def check(self) -> CloudState:
        """Read the state again.

        Raises:
            NotReadyError: The cloud is gone, or something of it died.
        """
        self.state = cloud.read_state(self.folder)
        for trouble in cloud.troubles(self.state):
            raise NotReadyError(f"local cloud {self.state.name!r}: {trouble}")
        if self.state.state != cloud.READY:
            raise NotReadyError(f"local cloud {self.state.name!r} is not ready yet")
        return self.state

    def site(self, name: str) -> SiteState:
        """Return a site by its letter or Region.

        Raises:
            InvalidInputError: There is no such site.
        """
        for site in self.state.sites:
            if name in {site.letter, site.region}:
                return site
        raise InvalidInputError(f"there is no site {name!r} in this cloud")

    def address(self, name: str) -> str:
        """Return the loopback address of a site."""
        return self.site(name).address

    def region_at(self, address: str) -> str | None:
        """Return the Region that has a loopback address, or nothing."""
        for site in self.state.sites:
            if site.address == address:
                return site.region
        return None

    def client(self, service: str, name: str) -> Any:
        """Return a boto3 client.

        Args:
            service: Such as ``iot``.
            name: Letter or Region of the site.
        """
        site = self.site(name)
        place = Place(site.letter, site.region, site.gateway_url)
        return deployment.client(place, service, account_id=self.state.account_id)

    def fault(
        self, kind: str, name: str = "", *, share: float = 0.0, seed: int = 0
    ) -> float:
        """Break something, until it is mended; or let a Region thaw or return.

        A Region returns on its addresses with everything that it acknowledged, and
        suffers again what was not mended in the meantime.

        Args:
            kind: ``kill``, ``freeze``, ``thaw`` or ``return`` of a Region;
                ``broker``: MQTT connections are accepted and never answered;
                ``tables``: DynamoDB fails for everybody;
                ``brown-out``: a share of CONNECTs, of requests at API names and of
                deliveries by topic rules fails or hangs;
                ``control-plane``: AWS IoT's control plane and Route 53's never answer;
                ``unseen``: no health checker reaches the Region.
                Without a Region: ``partition``: the Regions do not reach each other;
                ``dns-freeze``: DNS answers as it does now.
            name: Letter or Region of the site; empty for the whole cloud.
            share: Of a brown-out, above 0 up to 1.
            seed: Of a brown-out, 0 or more.

        Returns:
            When it began, in seconds since the epoch.

        Raises:
            InvalidInputError: There is no such fault or site, it is dead already,
                or it was not killed and cannot return.
            NotReadyError: It died while it returned.
            UnreachableError: The supervisor, or what shall suffer, does not answer.
        """
        details = {"share": share, "seed": seed}
        return self._change({"command": "fault", "kind": kind, **details}, name)

    def mend(self, kind: str, name: str = "") -> float:
        """End a fault; ``kill`` by a return, ``freeze`` by a thaw.

        Args:
            kind: As it was injected.
            name: Letter or Region of the site; empty for the whole cloud.

        Returns:
            When it was mended, in seconds since the epoch.

        Raises:
            InvalidInputError: There is no such fault now.
            NotReadyError: A Region died while it returned.
            UnreachableError: The supervisor, or what suffers, does not answer.
        """
        return self._change({"command": "mend", "kind": kind}, name)

    def _change(self, request: Mapping[str, object], name: str) -> float:
        is_return = request["kind"] in {"kill", "return"}
        limit_s = _RETURN_S_MAX if is_return else _CHANGE_S_MAX
        path = Path(self.state.control)
        answer = control.call(path, {**request, "region": name}, limit_s=limit_s)
        return float(answer["injected_world_s"])

    def set_lag(self, lag_s: float) -> None:
        """Set how long after its write a change may reach the other Region.

        Args:
            lag_s: 0 or more.
        """
        request = {"command": "lag", "lag_s": lag_s}
        control.call(Path(self.state.backbone_control), request)

    def disable_dns_failover(self) -> None:
        """Answer names as if every site were healthy."""
        self.dns.disable_failover()

    @property
    def dns(self) -> DnsControl:
        """Return the commands of the DNS process."""
        return DnsControl(Path(self.state.dns_control))

    @property
    def resolver(self) -> DnsResolver:
        """Return what asks the cloud's name server."""
        return DnsResolver(self.state.dns_address, self.state.dns_port)

    @property
    def doors(self) -> HttpsSites:
        """Return how to ask the sites for themselves, by their own names."""
        resolver = self.resolver
        return HttpsSites(
            self.state.domain,
            port=self.state.https_port,
            context=ssl.create_default_context(cafile=self.state.ca),
            address_of=lambda name: asyncio.run(resolver.resolve(name)).address,
        )

    def health(self) -> tuple[SiteHealth, ...]:
        """Return what health checkers think of each site.

        Raises:
            NotReadyError: The cloud is gone, or something of it died.
        """
        try:
            status = self.dns.status()
        except UnreachableError:
            self.check()
            raise
        return tuple(
            SiteHealth(
                region=found.id.partition(".")[0],
                is_healthy=found.is_healthy,
                checkers_healthy=found.checkers_healthy,
                checkers=found.checkers,
            )
            for found in status.health
            if is_of_site(found.id)
        )

    def pumps(self) -> Iterator[PumpStatus]:
        """Yield how far each table is behind, in each direction.

        Raises:
            NotReadyError: The cloud is gone, or something of it died.
        """
        for pump in self._backbone()["pumps"]:
            yield records.read(PumpStatus, pump, where="backbone")

    def copies(self) -> Iterator[PumpStatus]:
        """Yield how far each bucket that is replicated is behind.

        Raises:
            NotReadyError: The cloud is gone, or something of it died.
        """
        for copier in self._backbone()["copies"]:
            yield records.read(PumpStatus, copier, where="backbone")

    def _backbone(self) -> Any:
        path = Path(self.state.backbone_control)
        try:
            answer = control.call(path, {"command": "status"})
        except UnreachableError:
            self.check()
            raise
        return answer

    def replication_lag_s(self) -> float | None:
        """Return how old the oldest change is that the other Region lacks.

        Returns:
            Seconds; 0 when nothing waits; nothing when a source does not answer.
        """
        lags = [pump.lag_s for pump in self.pumps()]
        known = [lag for lag in lags if lag is not None]
        return max(known, default=0.0) if len(known) == len(lags) else None

    def token(self) -> str:
        """Return a token of the local test user, as the companion app gets one.

        Raises:
            UnreachableError: The issuer does not answer.
        """
        form = {
            "grant_type": "password",
            "username": self.state.username,
            "password": self.state.password,
        }
        request = urllib.request.Request(  # noqa: S310 (an address of our own)
            f"{self.state.issuer_url}/token",
            data=urllib.parse.urlencode(form).encode(),
        )
        context = ssl.create_default_context(cafile=self.state.ca)
        try:
            with urllib.request.urlopen(  # noqa: S310 (an address of our own)
                request, timeout=_ANSWER_S_MAX, context=context
            ) as answer:
                return str(json.loads(answer.read())["access_token"])
        except (OSError, ValueError, KeyError) as error:
            raise UnreachableError(f"{self.state.issuer_url}: {error}") from error
