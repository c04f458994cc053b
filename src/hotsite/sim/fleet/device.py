"""One device in virtual time: hotsite's own state machine on a simulated machine.

Does what ``faces/agent`` does with sockets, files and clocks, and decides as little;
its power may be cut at any moment, and its clock may be wrong when it is back.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from math import inf

from hotsite.core.device import Device, State
from hotsite.core.device_values import (
    Acknowledged,
    Close,
    DevicePolicy,
    Dial,
    Dialled,
    Dropped,
    Failed,
    Identity,
    Input,
    Joined,
    Left,
    Lost,
    Moved,
    Output,
    Queued,
    Resolve,
    Resolved,
    ResolveFailed,
    Resumed,
    Send,
    Start,
    Tick,
)
from hotsite.core.mqtt_packets import (
    Connack,
    Disconnect,
    Packet,
    Pingresp,
    Puback,
    Publish,
    Suback,
)
from hotsite.core.outbox import (
    Acknowledgement,
    Key,
    Message,
    Outbox,
    OutboxFullError,
    OutboxPolicy,
)
from hotsite.core.telemetry import (
    Telemetry,
    batch_topic,
    encode_message,
    sort_key,
    unpack,
)
from hotsite.sim.fleet.disk import SimDisk
from hotsite.sim.fleet.ledger import Account
from hotsite.sim.fleet.names import Names
from hotsite.sim.fleet.site import SimSite
from hotsite.sim.fleet.wire import Line, Wire
from hotsite.sim.scheduler import Scheduler

_SLACK_S = 0.001
_QUERY_S = (0.01, 0.2)
# The slowest PUBACK of a brown-out may still be under way when it is over.
_EFFECT_S = 10.0


@dataclass(slots=True)
class Unrest:
    """When something disturbs the fleet, so that no time is measured then.

    Attributes:
        count: How often something began or ceased.
        until_s: When its effects are over.
    """

    count: int = 0
    until_s: float = 0.0

    def note(self, until_s: float) -> None:
        """Note that something begins or ceases, and how long it may last."""
        self.count += 1
        self.until_s = max(self.until_s, until_s + _EFFECT_S)


@dataclass(frozen=True, slots=True)
class Around:
    """What the devices of a fleet share.

    Attributes:
        scheduler: The time.
        names: DNS.
        sites: The Regions by name.
        unrest: Tells whether a time was undisturbed.
        tell: Hears what happens, with the thing.
    """

    scheduler: Scheduler
    names: Names
    sites: Mapping[str, SimSite]
    unrest: Unrest
    tell: Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """What one device is.

    Attributes:
        identity: Who it is and where it looks.
        policy: Its limits.
        keeping: Its outbox.
        interval_s: Between two messages, on average, in seconds.
        commit_s: How long its disk takes, at least and at most, in seconds.
    """

    identity: Identity
    policy: DevicePolicy
    keeping: OutboxPolicy
    interval_s: float
    commit_s: tuple[float, float]


class SimDevice:
    """One device: its disk, its line, and while it has power, its program.

    Attributes:
        plan: What it is.
        account: The truth about its messages.
        disk: Its disk.
        line: Its way to the network.
        device: The running state machine; nothing without power.
        is_publishing: Whether it makes new messages.
    """

    def __init__(self, plan: DevicePlan, around: Around, chance: random.Random) -> None:
        """Stand there, without power."""
        self.plan = plan
        self.account = Account()
        self.disk = SimDisk(around.scheduler, chance, plan.commit_s)
        self.line = Line(around.scheduler, chance)
        self.device: Device | None = None
        self.is_publishing = True
        self._around = around
        self._chance = chance
        self._power = 0
        self._seq = 0
        self._clock_ahead_s = 0.0
        self._wire: Wire | None = None
        self._attempt = 0
        self._timer_s = inf
        self._reading = 0
        self._live: dict[Key, tuple[float, int, int]] = {}
        self._vouched: set[Key] = set()

    @property
    def thing(self) -> str:
        """Return the thing's name."""
        return self.plan.identity.thing

    @property
    def is_quiet(self) -> bool:
        """Say whether it runs, is connected and has nothing more to send."""
        device = self.device
        if device is None or device.state is not State.CONNECTED:
            return False
        return not (device.outbox.backlog_count or device.outbox.replay_count)

    def told(self) -> str:
        """Say where it stands, for people."""
        if self.device is None:
            return "no power"
        outbox, state = self.device.outbox, self.device.state
        waiting = f"{outbox.backlog_count} pending, {outbox.replay_count} to replay"
        return f"{state.value}, {waiting}"

    def boot(self, *, clock_ahead_s: float = 0.0) -> None:
        """Get power, unless it is there.

        Args:
            clock_ahead_s: How wrong the device's clock is, in seconds.
        """
        if self.device is not None:
            return
        self._clock_ahead_s = clock_ahead_s
        self._seq = 0
        snapshot = self.disk.start(epoch_min=max(1, int(self._clock_s())))
        outbox = Outbox(snapshot, self.plan.keeping)
        self.device = Device(
            self.plan.identity,
            outbox,
            self.plan.policy,
            uniform=self._chance.random,
        )
        self._around.tell(self.thing, f"boots, epoch {outbox.epoch}")
        self._feed(Start())
        self._later(self._chance.random() * self.plan.interval_s, self._produce)

    def cut_power(self) -> None:
        """Lose power, and all that is not on disk."""
        if self.device is None:
            return
        self._power += 1
        self._close(is_polite=False)
        self.disk.cut()
        self.device = None
        self._timer_s = inf
        self._around.names.forget(self.thing)
        self._around.tell(self.thing, "loses power")

    def _now_s(self) -> float:
        return self._around.scheduler.now_s()

    def _clock_s(self) -> float:
        return self._now_s() + self._clock_ahead_s

    def _later(self, delay_s: float, action: Callable[[], None]) -> None:
        """Do something unless power is lost before."""
        power = self._power

        def act() -> None:
            if power == self._power:
                action()

        self._around.scheduler.at(delay_s, act)

    def _produce(self) -> None:
        if self.is_publishing:
            self._publish()
        interval_s = self.plan.interval_s * self._chance.uniform(0.5, 1.5)
        self._later(interval_s, self._produce)

    def _publish(self) -> None:
        device = self._running()
        try:
            evicted = device.outbox.reserve()
        except OutboxFullError:
            self.account.counts["messages refused by a full outbox"] += 1
            return
        if evicted is not None:
            self.account.dropped.add(evicted.key)
            self.disk.drop((evicted.key,), is_given_up=evicted.is_given_up)
        self._seq += 1
        self._reading += 1
        key = Key(device.outbox.epoch, self._seq)
        reading = f'{{"reading":{self._reading}}}'
        payload = encode_message(Telemetry(key, self._clock_s(), reading))
        self.account.make(key, payload)
        message = Message(key, payload)
        self.disk.append(message, partial(self._queue, message))

    def _queue(self, message: Message) -> None:
        self.account.durable.add(message.key)
        device, calm_s = self._running(), self._around.unrest.until_s
        is_alone = device.outbox.backlog_count == 1
        is_calm = device.state is State.CONNECTED and self._now_s() > calm_s
        if is_alone and is_calm:
            self._live[message.key] = (self._now_s(), *self._circumstances())
        self._feed(Queued(message))

    def _feed(self, happened: Input) -> None:
        device = self._running()
        for output in device.handle(happened, now_s=self._clock_s()):
            self._perform(output)
        self._set_timer()

    def _perform(self, output: Output) -> None:
        match output:
            case Send(packet):
                if self._vouched and isinstance(packet, Publish):
                    self._check(packet)
                if self._wire is not None:
                    self._wire.send(packet)
            case Resolve(name):
                self._resolve(name)
            case Dial():
                self._dial(output)
            case Close(is_polite):
                self._close(is_polite=is_polite)
            case Acknowledged(key, by):
                self._note(key, by)
            case Resumed():
                self._resume(output)
            case Dropped(keys):
                self.disk.drop(keys)
            case _:
                self._tell(output)

    def _note(self, key: Key, by: Acknowledgement) -> None:
        self.disk.acknowledge(key, by)
        now_s = self._now_s()
        self.account.acknowledge(key, by.site, now_s)
        live = self._live.pop(key, None)
        if live is not None and live[1:] == self._circumstances():
            waited_s = now_s - live[0]
            self.account.live_s_max = max(self.account.live_s_max, waited_s)

    def _resume(self, resumed: Resumed) -> None:
        """Note what a site vouches for; it must have that, and all that it has."""
        table = self._around.sites[resumed.site].table
        counts, problems = self.account.counts, self.account.problems
        for key in resumed.vouched:
            self.disk.acknowledge(key, resumed.acknowledgement)
            if (self.thing, sort_key(key)) not in table.since_s:
                problems.append(f"{resumed.site} vouched for {key}, which it lacks")
        self._vouched = set(resumed.vouched)
        counts["questions asked"] += 1
        counts["messages vouched for"] += len(resumed.vouched)
        counts["messages replayed"] += resumed.missing_count
        self._around.tell(
            self.thing,
            f"may leave out {len(resumed.vouched)}, replays {resumed.missing_count}: "
            f"{resumed.reason}",
        )

    def _check(self, publish: Publish) -> None:
        """See that nothing is sent again that the site has vouched for."""
        if publish.topic == batch_topic(self.thing):
            messages, _ = unpack(publish.payload)
            again = self._vouched.intersection(one.key for one in messages)
            if again:
                self.account.problems.append(f"replays {again}, which was vouched for")

    def _circumstances(self) -> tuple[int, int]:
        """Return what changes with each connection and each disturbance."""
        return self._attempt, self._around.unrest.count

    def _tell(self, output: Output) -> None:
        tell = self._around.tell
        match output:
            case Joined(site, _, replay_count):
                self.account.counts["connections"] += 1
                tell(self.thing, f"joins {site}, with {replay_count} to replay")
            case Left(site, reason):
                tell(self.thing, f"leaves {site}: {reason}")
            case Moved(name, site):
                self.account.counts["planned moves"] += 1
                tell(self.thing, f"moves to {name}, which is in {site}")
            case Failed(reason):
                self.account.counts["attempts failed"] += 1
                tell(self.thing, f"fails: {reason}")
            case _:
                pass

    def _resolve(self, name: str) -> None:
        self._attempt += 1
        attempt = self._attempt

        def answer() -> None:
            if attempt != self._attempt:
                return
            found = self._around.names.resolve(self.thing, name)
            if found is None:
                self._feed(ResolveFailed("SERVFAIL"))
            else:
                site, ttl_s = found
                self._feed(Resolved(site, site, ttl_s))

        delay_s = self._chance.uniform(*_QUERY_S)
        until_s = self.line.up_at_s - self._now_s()
        self._later(max(delay_s, until_s), answer)

    def _dial(self, where: Dial) -> None:
        attempt, power = self._attempt, self._power
        held: list[Wire] = []

        def is_mine() -> bool:
            wire = self._wire
            return power == self._power and wire is not None and wire in held

        def hear(packet: Packet) -> None:
            if is_mine():
                self._hear(packet)

        def lose(reason: str) -> None:
            if is_mine():
                self._close(is_polite=False)
                self._feed(Lost(reason))

        def dialled(wire: Wire | None) -> None:
            if attempt != self._attempt or power != self._power:
                return
            if wire is None:
                self._feed(Lost("connection refused"))
                return
            held.append(wire)
            self._wire = wire
            self._feed(Dialled())

        broker = self._around.sites[where.address].broker
        broker.dial(self.thing, self.line, (hear, lose), dialled)

    def _hear(self, packet: Packet) -> None:
        if isinstance(
            packet, Publish | Puback | Connack | Suback | Pingresp | Disconnect
        ):
            self._feed(packet)

    def _close(self, *, is_polite: bool) -> None:
        self._attempt += 1
        self._vouched = set()
        if self._wire is not None:
            self._wire.close(is_polite=is_polite)
            self._wire = None

    def _set_timer(self) -> None:
        due_s = self._running().deadline_s()
        if due_s == inf:
            return
        delay_s = max(0.0, due_s - self._clock_s()) + _SLACK_S
        at_s = self._now_s() + delay_s
        if self._timer_s <= at_s:
            return
        self._timer_s = at_s

        def wake() -> None:
            if self._timer_s == at_s:
                self._timer_s = inf
                self._feed(Tick())

        self._later(delay_s, wake)

    def _running(self) -> Device:
        assert self.device is not None, "without power nothing runs"  # noqa: S101 - STYLE.md: assert for our own mistakes
        return self.device
