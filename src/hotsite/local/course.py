"""``ports.CourseWorld`` on this machine: real guards, real outages, real operators.

What breaks is broken in the cloud's own processes, and operators run the flow that
the command runs, in a thread of their own, while the drill looks on.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from hotsite.adapters.aws.hot_store import HotStore
from hotsite.adapters.clock import SystemClock
from hotsite.core.course import Ending, OperationTold, Outage, SiteSpoke
from hotsite.core.epoch import SITES
from hotsite.core.journal import (
    DeviceConnectable,
    DeviceUnconnectable,
    Fact,
)
from hotsite.core.operations import Kind
from hotsite.errors import HotsiteError, NotReadyError, RetryableError
from hotsite.flows.control import Control
from hotsite.flows.failover import Request, operate
from hotsite.local import faults
from hotsite.local.client import LocalCloud
from hotsite.local.regions import OnLocalWorld
from hotsite.local.world import LocalWorld
from hotsite.ports import DeviceAccount, FleetPlan, Held, Stored
from hotsite.ports.course import Ended
from hotsite.ports.operations import SitesSeen

# Two switches that change at one time are not both seen on for longer than this.
_LOOK_EVERY_S = 0.5

Operating = Callable[[Callable[[str], None]], Control]


class Switches:
    """Asks each site for its switch, again and again, in threads of their own."""

    def __init__(self, sites: SitesSeen) -> None:
        """Begin to ask."""
        self._sites = sites
        self._facts: queue.SimpleQueue[SiteSpoke] = queue.SimpleQueue()
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(letter,), daemon=True)
            for letter in SITES
        ]
        for thread in self._threads:
            thread.start()

    def said(self) -> Iterator[SiteSpoke]:
        """Yield what changed since the last call."""
        while not self._facts.empty():
            yield self._facts.get()

    def close(self) -> None:
        """Stop asking."""
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _run(self, letter: str) -> None:
        last = None
        while not self._is_over.wait(_LOOK_EVERY_S):
            said = self._ask(letter)
            if said != last:
                last = said
                self._facts.put(said)

    def _ask(self, letter: str) -> SiteSpoke:
        try:
            seen = self._sites.see(letter)
        except RetryableError:
            return SiteSpoke(letter, None, None, "")
        return SiteSpoke(letter, seen.is_on, seen.epoch.number, seen.epoch.active)


class Listener:
    """Follows the hot store of one site, in a thread of its own.

    A store that is frozen answers nobody for a long time; only this thread waits.
    """

    def __init__(self, open_store: Callable[[], HotStore]) -> None:
        """Begin to listen; a store that failed is opened anew."""
        self._open_store = open_store
        self._arrived: queue.SimpleQueue[Stored] = queue.SimpleQueue()
        self._is_over = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()

    def arrived(self) -> Iterator[Stored]:
        """Yield what arrived since the last call."""
        while not self._arrived.empty():
            yield self._arrived.get()

    def close(self) -> None:
        """Stop listening, after the call that is under way."""
        self._is_over.set()

    def _run(self) -> None:
        store = self._open_store()
        while not self._is_over.wait(_LOOK_EVERY_S):
            try:
                for item in store.stored():
                    self._arrived.put(item)
            except HotsiteError:
                # Its stream goes on elsewhere once it is back.
                store = self._open_store()


class Operator:
    """One operation, in a thread: the drill goes on to look meanwhile."""

    def __init__(self, request: Request, operating: Operating) -> None:
        """Begin."""
        self.told: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.ended: Ended | None = None
        self._control = operating(self.told.put)
        self._thread = threading.Thread(target=self._run, args=(request,), daemon=True)
        self._thread.start()

    def _run(self, request: Request) -> None:
        try:
            operation = operate(request, self._control)
        except RetryableError as error:
            self.ended = Ended(Ending.NOT_READY, str(error))
        except HotsiteError as error:
            self.ended = Ended(Ending.REFUSED, str(error))
        except BaseException as error:
            # The drill would wait for ever for who is dead.
            self.ended = Ended(Ending.NOT_READY, f"{type(error).__name__}: {error}")
            raise
        else:
            self.ended = Ended(Ending.DONE, f"{operation.id} is done")


class LocalCourseWorld(OnLocalWorld):
    """Implements ``ports.CourseWorld`` on a running local cloud."""

    def __init__(
        self, world: LocalWorld, cloud: LocalCloud, operating: Operating
    ) -> None:
        """Take the drill's world, its cloud, and what opens an operator's ports."""
        super().__init__(world)
        self._cloud = cloud
        self._operating = operating
        self._switches = Switches(operating(lambda _line: None).sites)
        self._operator: Operator | None = None
        self._listeners = [Listener(partial(self._store, letter)) for letter in SITES]
        self._things: frozenset[str] = frozenset()

    def close(self) -> None:
        """Stop looking; the cloud and the fleet are others' to end."""
        self._switches.close()
        for listener in self._listeners:
            listener.close()

    def prove(
        self, things: Sequence[str], *, region: str
    ) -> Iterator[DeviceConnectable | DeviceUnconnectable]:
        """Connect to a Region's own name with each device's certificate."""
        return self._world.prove(things, region=region)

    def start_fleet(self, things: Sequence[str], plan: FleetPlan) -> None:
        """Let the devices connect and publish."""
        self._things = frozenset(things)
        self._world.start_fleet(things, plan)

    def quiesce_fleet(self) -> None:
        """Stop making new messages; deliver those that wait."""
        self._world.quiesce_fleet()

    def hurt(self, outage: Outage, site: str, *, share: float) -> None:
        """Break something, until it is mended."""
        part = share if outage is Outage.BROWN_OUT else 0.0
        self._cloud.fault(outage.value, _place(outage, site), share=part)

    def mend(self, outage: Outage, site: str) -> None:
        """Let something be whole again."""
        self._cloud.mend(outage.value, _place(outage, site))

    def operate(self, kind: Kind, site: str, because: str) -> None:
        """Let an operator begin an operation."""
        request = Request(kind, site, because or None)
        self._operator = Operator(request, self._operating)

    def operated(self) -> Ended | None:
        """Return how the operation ended; nothing while it goes on."""
        if self._operator is None:
            raise NotReadyError("no operation was begun")
        return self._operator.ended

    def heard(self) -> Mapping[str, tuple[float, float]]:
        """Return what arrived in any store since the last look."""
        found: dict[str, tuple[float, float]] = {}
        for listener in self._listeners:
            for item in listener.arrived():
                before = found.get(item.thing, (0.0, 0.0))
                if item.thing in self._things and item.published_at_s > before[0]:
                    found[item.thing] = (item.published_at_s, item.seen_at_s)
        return found

    def observe(self) -> Sequence[Fact]:
        """Return what happened since the last look."""
        facts = [*super().observe(), *self._switches.said()]
        if self._operator is not None:
            with contextlib.suppress(queue.Empty):
                while True:
                    facts.append(OperationTold(self._operator.told.get_nowait()))
        return facts

    def held(self, region: str) -> Sequence[Held]:
        """Return all that a site's hot store holds of the fleet."""
        return self._world.held(region)

    def accounts(self) -> Sequence[DeviceAccount]:
        """Return what the devices say of their own messages."""
        return self._world.accounts()

    def _store(self, letter: str) -> HotStore:
        return HotStore(
            self._cloud.client("dynamodb", letter),
            self._cloud.client("dynamodbstreams", letter),
            self._cloud.state.tables.telemetry,
            SystemClock(),
        )


def _place(outage: Outage, site: str) -> str:
    return "" if outage.value in faults.OF_THE_CLOUD else site
