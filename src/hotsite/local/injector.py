"""Inject faults into a running local cloud, and end them.

Each process is told the whole of what it has to suffer, whenever that differs from
what it was told last; one that is frozen or dead hears of it when it is back.
"""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hotsite.core import records
from hotsite.errors import InvalidInputError
from hotsite.local import cloud, control, faults
from hotsite.local.cloud import CloudState, SiteState
from hotsite.local.dns.client import DnsControl
from hotsite.local.faults import Fault
from hotsite.local.processes import Processes
from hotsite.local.region.faults import RegionFaults

_ANSWER_S_MAX = 3.0


@dataclass(frozen=True, slots=True)
class _Order:
    """What one process has to suffer: a value to compare, and a way to say it."""

    process: str
    wanted: object
    tell: Callable[[], object]


class Injector:
    """The faults of one cloud.

    Args:
        processes: Of the cloud.
        state: Where they are.

    Attributes:
        faults: What lasts now; kills and freezes are states of processes.
    """

    def __init__(self, processes: Processes, state: CloudState) -> None:
        self.faults: tuple[Fault, ...] = ()
        self._processes = processes
        self._state = state
        self._told = {order.process: order.wanted for order in self._orders(())}
        self._lock = asyncio.Lock()

    async def inject(self, fault: Fault) -> None:
        """Inject a fault, which replaces one of the same kind and Region.

        Args:
            fault: With the letter or code of its Region.

        Raises:
            InvalidInputError: There is no such fault or Region, or the Region is
                not in a state for it.
            NotReadyError: A Region died while it returned.
            UnreachableError: A process did not answer.
        """
        faults.check(fault)
        async with self._lock:
            if fault.kind in faults.OF_THE_CLOUD:
                await self._settle((*self._without(fault), fault))
                return
            site = self._site(fault.region)
            if fault.kind in faults.OF_A_REGION:
                fault = Fault(fault.kind, site.region, fault.share, fault.seed)
                await self._settle((*self._without(fault), fault))
            else:
                await self._signal(fault.kind, site)

    async def mend(self, kind: str, region: str) -> None:
        """End a fault.

        Args:
            kind: As it was injected.
            region: Letter or code of the Region; empty for the whole cloud.

        Raises:
            InvalidInputError: There is no such fault now.
            NotReadyError: A Region died while it returned.
            UnreachableError: A process did not answer.
        """
        if kind not in faults.MENDABLE:
            known = ", ".join(faults.MENDABLE)
            raise InvalidInputError(f"what can be mended is one of {known}")
        faults.check_place(kind, region)
        if kind in faults.SIGNALS:
            async with self._lock:
                await self._signal(faults.SIGNALS[kind], self._site(region))
            return
        fault = Fault(kind, self._site(region).region if region else "")
        async with self._lock:
            rest = self._without(fault)
            if rest == self.faults:
                where = f" of {region}" if region else ""
                raise InvalidInputError(f"there is no fault {kind}{where} to mend")
            await self._settle(rest)

    async def _signal(self, kind: str, site: SiteState) -> None:
        name = f"region-{site.letter}"
        if kind == "return":
            await self._processes.restart(name)
            self._told[name] = RegionFaults()
        else:
            getattr(self._processes, kind)(name)
        await self._settle(self.faults)

    async def _settle(self, wanted: tuple[Fault, ...]) -> None:
        """Tell every process that runs what it does not know yet."""
        running = {c.name for c in self._processes.children if c.state == "running"}
        for order in self._orders(wanted):
            is_news = self._told[order.process] != order.wanted
            if is_news and order.process in running:
                await asyncio.to_thread(order.tell)
                self._told[order.process] = order.wanted
        self.faults = wanted

    def _orders(self, wanted: tuple[Fault, ...]) -> Iterator[_Order]:
        for site in self._state.sites:
            suffered = _region_faults(wanted, site, self._state)
            path = cloud.region_control(self._state, site)
            order = {"command": "suffer", "faults": records.write(suffered)}
            tell = partial(control.call, path, order, limit_s=_ANSWER_S_MAX)
            yield _Order(f"region-{site.letter}", suffered, tell)
        is_cut = any(fault.kind == faults.PARTITION for fault in wanted)
        path = Path(self._state.backbone_control)
        request = {"command": "cut", "is_cut": is_cut}
        yield _Order("backbone", is_cut, partial(control.call, path, request))
        unseen = tuple(
            site.address
            for site in self._state.sites
            if Fault(faults.UNSEEN, site.region) in wanted
        )
        is_frozen = Fault(faults.DNS_FREEZE) in wanted
        tell_dns = partial(self._tell_dns, unseen, is_frozen=is_frozen)
        yield _Order("dns", (unseen, is_frozen), tell_dns)

    def _tell_dns(self, unseen: tuple[str, ...], *, is_frozen: bool) -> None:
        names = DnsControl(Path(self._state.dns_control))
        names.set_frozen(is_frozen=is_frozen)
        names.set_unseen(unseen)

    def _without(self, fault: Fault) -> tuple[Fault, ...]:
        return tuple(each for each in self.faults if not each.is_same(fault))

    def _site(self, name: str) -> SiteState:
        for site in self._state.sites:
            if name in {site.letter, site.region}:
                return site
        raise InvalidInputError(f"there is no Region {name!r} in this cloud")


def _region_faults(
    wanted: tuple[Fault, ...], site: SiteState, state: CloudState
) -> RegionFaults:
    """Return what one Region has to suffer of all faults."""
    own = {fault.kind: fault for fault in wanted if fault.region == site.region}
    kinds = {fault.kind for fault in wanted}
    brown_out = own.get(faults.BROWN_OUT, Fault(faults.BROWN_OUT))
    others = tuple(each.address for each in state.sites if each != site)
    return RegionFaults(
        is_broker_silent=faults.BROKER in own,
        are_tables_failing=faults.TABLES in own,
        is_registry_silent=faults.CONTROL_PLANE in own,
        # Each Region stands in for the one endpoint that global services have.
        are_globals_silent=faults.CONTROL_PLANE in kinds,
        share=brown_out.share,
        seed=brown_out.seed,
        unreachable=others if faults.PARTITION in kinds else (),
    )
