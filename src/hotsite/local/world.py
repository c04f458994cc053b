"""``ports.World`` on this machine: real sockets, real processes, real kills."""

import contextlib
import importlib.metadata
import os
import platform
import re
import secrets
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import TypeVar

from hotsite.adapters import device_key, mqtt_probe, onboarding_api
from hotsite.adapters.aws.hot_store import AppliedLags, HotStore
from hotsite.adapters.aws.tables import DynamoClaims
from hotsite.adapters.clock import SystemClock
from hotsite.adapters.mqtt import Credentials, Target
from hotsite.core.hardship import Follow
from hotsite.core.journal import (
    DeviceConnectable,
    DeviceOnboarded,
    DeviceUnconnectable,
    Fact,
    Machine,
)
from hotsite.core.onboarding import Claim, Entry, Request
from hotsite.core.scenario import FaultKind
from hotsite.errors import (
    HotsiteError,
    InvalidInputError,
    NotReadyError,
    RetryableError,
)
from hotsite.local.client import LocalCloud
from hotsite.local.fleet import Fleet, Member
from hotsite.local.lookout import Lookout
from hotsite.ports import DeviceAccount, FleetPlan, Held, Stored, WorldFacts

_Given = TypeVar("_Given")
_Got = TypeVar("_Got")

# Two cores share two brokers, their clients and TLS on both ends: more at a
# time only makes each of them slower.
_AT_A_TIME = 6
# A function's first start can outlast one attempt on a busy machine.
_TRIES_MAX = 4
# Longest wait for a Region's answer where the name may lead to the other one.
_ELSEWHERE_S = 10.0
# A supervisor notices a death at once, and writes it down before it cleans up.
_OBITUARY_S_MAX = 3.0
_LOOK_EVERY_S = 0.1
_FAULTS = {FaultKind.REGION_KILL: "kill", FaultKind.REGION_FREEZE: "freeze"}
# "<account prefix>-ats.iot.<region>.amazonaws.com", "d-….execute-api.<region>.…"
_REGION_IN_NAME = re.compile(r"\.(?:iot|execute-api)\.([a-z0-9-]+)\.amazonaws\.com$")


class LocalWorld:
    """Implements ``ports.World`` on a running local cloud."""

    def __init__(self, cloud: LocalCloud, folder: Path) -> None:
        """Take a cloud that is up, and a folder for keys and the fleet's files."""
        self._cloud = cloud
        self._folder = folder.resolve()
        self._clock = SystemClock()
        self._state = cloud.state
        self._regions = {site.letter: site.region for site in self._state.sites}
        self._ca_pem = Path(self._state.ca).read_text()
        self._context = ssl.create_default_context(cadata=self._ca_pem)
        self._dns = cloud.resolver
        self._lookout = Lookout(cloud)
        self._fleet: Fleet | None = None
        self._things: frozenset[str] = frozenset()
        # One key and secret a device, whatever has to be tried again.
        self._requests: dict[str, Request] = {}
        self._token = ""
        self._stores = {
            region: HotStore(
                cloud.client("dynamodb", region),
                cloud.client("dynamodbstreams", region),
                self._state.tables.telemetry,
                self._clock,
            )
            for region in self._regions.values()
        }
        self._ledgers = {
            region: DynamoClaims(
                cloud.client("dynamodb", region),
                self._state.tables.registry,
                origin=region,
                clock=self._clock,
            )
            for region in self._regions.values()
        }
        (self._folder / "devices").mkdir(parents=True, exist_ok=True)

    def facts(self) -> WorldFacts:
        """Return what the world says of itself."""
        packages = ("hotsite", "ministack", "boto3")
        versions = {name: importlib.metadata.version(name) for name in packages}
        memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return WorldFacts(
            name="local",
            versions={"python": platform.python_version(), **versions},
            machine=Machine(
                os.cpu_count() or 1,
                memory_bytes,
                f"{platform.system()} {platform.release()} {platform.machine()}",
            ),
            active=self._regions["a"],
            standby=self._regions["b"],
        )

    def onboard(
        self, things: Sequence[str], *, region: str | None
    ) -> Iterator[DeviceOnboarded]:
        """Onboard devices through the API, several at a time."""
        endpoint = onboarding_api.Endpoint(
            name=self._api_name(region),
            port=self._state.https_port,
            resolver=self._dns,
            context=self._context,
            token=self._fresh_token(),
            patience_s=onboarding_api.GATEWAY_LIMIT_S if region else _ELSEWHERE_S,
        )
        # The maker's import of serial numbers: it happens long before a device
        # is switched on, so it goes where the API will look.
        claims = self._ledgers[region or self._regions["b"]]
        yield from _together(partial(self._onboard, endpoint, claims), things)

    def lags(self, region: str) -> Mapping[str, float]:
        """Return how late each device was applied in a Region, in seconds."""
        client = self._cloud.client("dynamodb", region)
        return AppliedLags(client, self._state.tables.applied).read()

    def prove(
        self, things: Sequence[str], *, region: str
    ) -> Iterator[DeviceConnectable | DeviceUnconnectable]:
        """Connect to a Region's own name with each device's certificate."""
        yield from _together(partial(self._prove, region), things)

    def start_fleet(self, things: Sequence[str], plan: FleetPlan) -> None:
        """Let the devices connect and publish."""
        self._things = frozenset(things)
        count = min(plan.processes, len(things))
        # Every part has devices of all Regions' onboarding.
        parts = [things[number::count] for number in range(count)]
        configs = [self.fleet_config(n, part, plan) for n, part in enumerate(parts)]
        self._fleet = Fleet(configs, self._folder)
        self._lookout.follow(self._fleet)

    def now_s(self) -> float:
        """Return the time, in seconds since the epoch."""
        return self._clock.now_s()

    def stop_fleet(self) -> None:
        """End the fleet's processes; what they hold stays on disk."""
        self._running_fleet().stop()
        self._lookout.follow(None)
        self._fleet = None

    def fleet_config(
        self, number: int, things: Sequence[str], plan: FleetPlan
    ) -> Mapping[str, object]:
        """Return what the process of a number takes, for the fleet runner."""
        members = [self.member(thing) for thing in things]
        names = [self._iot_name(None)]
        if plan.follow is not Follow.DNS:
            names += [self._iot_name(region) for region in self._regions.values()]
        return {
            "devices": [
                {
                    "thing": member.thing,
                    "certificate": str(member.certificate),
                    "private_key": str(member.private_key),
                }
                for member in members
            ],
            "endpoints": names,
            "port": self._state.mqtt_port,
            "ca": self._state.ca,
            "resolver": {
                "address": self._state.dns_address,
                "port": self._state.dns_port,
            },
            "interval_s": plan.publish_interval_s,
            "seed": plan.seed + number,
            "outbox": str(self._folder / f"outbox-{number}.sqlite"),
            "keeping": {"retention_s": plan.retention_s},
            "standby_connection": plan.follow is Follow.PRE_WARMED,
        }

    def quiesce_fleet(self) -> None:
        """Stop making new messages; deliver those that wait."""
        self._running_fleet().quiesce()

    def set_replication_lag(self, lag_s: float) -> None:
        """Delay the replication of the global tables."""
        self._cloud.set_lag(lag_s)

    def disable_dns_failover(self) -> None:
        """Let DNS answer as if every site were healthy."""
        self._cloud.disable_dns_failover()

    def inject(self, fault: FaultKind, *, region: str) -> float:
        """Hurt a Region's whole process group; return when it was done."""
        if fault not in _FAULTS:
            raise InvalidInputError(f"the local world has no fault {fault.value}")
        self._cloud.fault(_FAULTS[fault], region)
        return self._clock.now_s()

    def restore(self, region: str) -> None:
        """Let a killed Region return with all that it acknowledged."""
        self._cloud.fault("return", region)

    def cut_power(self, process: int) -> int:
        """Kill a process of the fleet; return how many devices it ran."""
        return self._running_fleet().cut_power(process)

    def restore_power(self, process: int) -> int:
        """Start it again; return how many devices it runs."""
        return self._running_fleet().restore_power(process)

    def observe(self) -> Sequence[Fact]:
        """Return what happened since the last look: fleet, health, DNS."""
        return self._lookout.look()

    def stored(self, region: str) -> Sequence[Stored]:
        """Return what arrived in a site's hot store since the last look."""
        found = self._stores[region].stored()
        return [item for item in found if item.thing in self._things]

    def held(self, region: str) -> Sequence[Held]:
        """Return all that a site's hot store holds of the fleet."""
        # The canaries' messages are in the table, too.
        found = self._stores[region].held()
        return [item for item in found if item.thing in self._things]

    def accounts(self) -> Sequence[DeviceAccount]:
        """Return what the devices say of their own messages."""
        return self._running_fleet().accounts()

    def trouble(self) -> str | None:
        """Return who of the cloud has died, once its supervisor knows."""
        until_s = time.monotonic() + _OBITUARY_S_MAX
        while time.monotonic() < until_s:
            try:
                self._cloud.check()
            except HotsiteError as error:
                return str(error)
            time.sleep(_LOOK_EVERY_S)
        return None

    def close(self) -> None:
        """End the fleet; the cloud is its owner's to end."""
        self._lookout.close()
        if self._fleet is not None:
            self._fleet.stop()

    def _running_fleet(self) -> Fleet:
        if self._fleet is None:
            raise NotReadyError("the fleet was not started")
        return self._fleet

    def _onboard(
        self, endpoint: onboarding_api.Endpoint, claims: DynamoClaims, thing: str
    ) -> DeviceOnboarded:
        member = self.member(thing)
        if thing not in self._requests:
            key = device_key.make(thing)
            key.save(member.private_key)
            claim = Claim(thing, secrets.token_hex(16))
            self._requests[thing] = Request(claim, key.csr_pem)
        request = self._requests[thing]
        claims.add(Entry.of(request.claim, {"model": "drill"}))
        began_s = time.perf_counter()
        answer, site = _persist(partial(onboarding_api.onboard, request, endpoint))
        took_s = time.perf_counter() - began_s
        member.certificate.write_text(answer.certificate.pem)
        return DeviceOnboarded(thing, region_of(site) or site, took_s)

    def _prove(
        self, region: str, thing: str
    ) -> DeviceConnectable | DeviceUnconnectable:
        try:
            took_s = self.connect(region, self.member(thing))
        except HotsiteError as error:
            return DeviceUnconnectable(thing, region, str(error))
        return DeviceConnectable(thing, region, took_s)

    def connect(self, region: str, member: Member) -> float:
        """Connect to a Region's own name once; return how long it took.

        Args:
            region: AWS Region.
            member: Who connects, and with which certificate.

        Raises:
            UnreachableError: The broker did not answer.
            RefusedError: It does not let the device in.
        """
        credentials = Credentials(
            member.certificate.read_text(), member.private_key, self._ca_pem
        )
        address = self._cloud.address(region)
        target = Target(address, self._state.mqtt_port, self._iot_name(region))
        return mqtt_probe.connect_once(target, credentials, member.thing)

    def member(self, thing: str, certificate: int = 1) -> Member:
        """Return where a device keeps one of its certificates, and the key of it."""
        suffix = "" if certificate == 1 else f".{certificate}"
        base = self._folder / "devices" / f"{thing}{suffix}"
        return Member(thing, Path(f"{base}.pem"), Path(f"{base}.key"))

    def _fresh_token(self) -> str:
        self._token = self._token or self._cloud.token()
        return self._token

    def _letter(self, region: str) -> str:
        return next(key for key, value in self._regions.items() if value == region)

    def _api_name(self, region: str | None) -> str:
        suffix = f"-{self._letter(region)}" if region else ""
        return f"api{suffix}.{self._state.domain}"

    def _iot_name(self, region: str | None) -> str:
        suffix = f"-{self._letter(region)}" if region else ""
        return f"iot{suffix}.{self._state.domain}"


def region_of(site: str) -> str | None:
    """Return the AWS Region in an endpoint's name, or nothing."""
    found = _REGION_IN_NAME.search(site.rstrip("."))
    return found.group(1) if found else None


def _persist(work: Callable[[], _Got]) -> _Got:
    """Try as often as an app would: the same claim again gives the same answer."""
    for _ in range(_TRIES_MAX - 1):
        with contextlib.suppress(RetryableError):
            return work()
    return work()


def _together(
    work: Callable[[_Given], _Got], items: Sequence[_Given]
) -> Iterator[_Got]:
    """Yield results as they are done; one failure ends the rest."""
    with ThreadPoolExecutor(max_workers=_AT_A_TIME) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
