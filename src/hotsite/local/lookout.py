"""Watch a local cloud and its fleet, and say what changed, as facts."""

import queue
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

from hotsite.core.journal import (
    DeviceConnected,
    DeviceDisconnected,
    DnsAnswered,
    Fact,
    FleetSampled,
    SiteHealth,
)
from hotsite.errors import HotsiteError
from hotsite.local.client import LocalCloud
from hotsite.local.fleet import Fleet

_LOOK_EVERY_S = 0.25
_DNS_LIMIT_S = 1.0


class Lookout:
    """Looks at DNS, health and replication in a thread of its own."""

    def __init__(self, cloud: LocalCloud) -> None:
        """Start to look."""
        self._cloud = cloud
        self._fleet: Fleet | None = None
        self._facts: queue.SimpleQueue[Fact] = queue.SimpleQueue()
        self._trouble: HotsiteError | None = None
        self._answer: str | None = ""
        self._health: dict[str, bool] = {}
        self._lag_s: float | None = None
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def follow(self, fleet: Fleet | None) -> None:
        """Take the fleet's events from now on; of None, nobody's."""
        self._fleet = fleet

    def look(self) -> list[Fact]:
        """Return what happened since the last look.

        Raises:
            NotReadyError: The cloud or the fleet has died.
        """
        if self._trouble is not None:
            raise self._trouble
        found = []
        while not self._facts.empty():
            found.append(self._facts.get())
        if self._fleet is not None:
            for said in self._fleet.events():
                found += self._fact_of(said)
        return found

    def close(self) -> None:
        """Stop looking."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._is_over.is_set():
            began_s = time.monotonic()
            try:
                self._look_at_dns()
                self._look_at_sites()
            except HotsiteError as error:
                self._trouble = error
                return
            self._is_over.wait(max(0.0, began_s + _LOOK_EVERY_S - time.monotonic()))

    def _look_at_dns(self) -> None:
        state = self._cloud.state
        name = state.witness_name
        query = dns.message.make_query(name, dns.rdatatype.A)
        try:
            answer = dns.query.udp(
                query, state.dns_address, timeout=_DNS_LIMIT_S, port=state.dns_port
            )
        except (dns.exception.DNSException, OSError):
            region = None
        else:
            region = self._region_in(answer)
        if region != self._answer:
            self._answer = region
            self._facts.put(DnsAnswered(name, region))

    def _region_in(self, answer: dns.message.Message) -> str | None:
        for found in answer.answer:
            if found.rdtype == dns.rdatatype.A:
                return self._cloud.region_at(str(found[0]))
        return None

    def _look_at_sites(self) -> None:
        for site in self._cloud.health():
            if self._health.get(site.region) != site.is_healthy:
                self._health[site.region] = site.is_healthy
                self._facts.put(
                    SiteHealth(
                        site.region,
                        is_healthy=site.is_healthy,
                        checkers_healthy=site.checkers_healthy,
                        checkers=site.checkers,
                    )
                )
        self._lag_s = self._cloud.replication_lag_s()

    def _fact_of(self, said: Mapping[str, Any]) -> Iterator[Fact]:
        kind = said["kind"]
        if kind == "device_connected":
            region = self._cloud.region_at(said["address"]) or said["site"]
            yield DeviceConnected(said["thing"], region)
        elif kind == "device_disconnected":
            yield DeviceDisconnected(said["thing"], said["reason"])
        elif kind == "fleet_sample":
            yield FleetSampled(
                connected=self._by_region(said["connected"]),
                offline=said["offline"],
                backlog=said["backlog"],
                published=said["published"],
                acknowledged=said["acknowledged"],
                replication_lag_s=self._lag_s,
            )

    def _by_region(self, connected: Mapping[str, int]) -> dict[str, int]:
        counts = {site.region: 0 for site in self._cloud.state.sites}
        for site, count in connected.items():
            region = next((name for name in counts if f".{name}." in site), site)
            counts[region] = counts.get(region, 0) + count
        return counts
