"""One device in virtual time: hotsite's own state machine on a simulated machine.

Does what ``faces/agent`` does with sockets, files and clocks, and decides as little;
its power may be cut at any moment, and its clock may be wrong when it is back.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf

from hotsite.core.device import Device, State
from hotsite.core.device_values import (
    Acknowledged,
    Close,
    DevicePolicy,
    Dial,
    Dropped,
    Failed,
    Identity,
    Input,
    Joined,
    Left,
    Moved,
    Output,
    Queued,
    Resolve,
    Resumed,
    Send,
    Start,
    Tick,
)
from hotsite.core.mqtt_packets import (
    Publish,
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
from hotsite.sim.fleet.around import Around
from hotsite.sim.fleet.disk import SimDisk
from hotsite.sim.fleet.ledger import Account
from hotsite.sim.fleet.modem import Modem
from hotsite.sim.fleet.wire import Line

_SLACK_S = 0.001


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """What one device is.

    Attributes:
        identity: Who it is and where it looks.
        policy: Its limits.
        keeping: Its outbox.
        interval_s: Between two messages, on average, in seconds.
        commit_s: How long its disk takes, at least and at most, in seconds.
        has_clock: Whether it knows the time at boot; without, it is 1970 each time.
    """

    identity: Identity
    policy: DevicePolicy
    keeping: OutboxPolicy
    interval_s: float
    commit_s: tuple[float, float]
    has_clock: bool = True


class SimDevice:
    """One device: its disk, its line, and while it has power, its program.

    Attributes:
        plan: What it is.
        account: The truth about its messages.
        disk: Its disk.
        device: The running state machine; nothing without power.
        is_publishing: Whether it makes new messages.
    """

    def __init__(self, plan: DevicePlan, around: Around, chance: random.Random) -> None:
        """Stand there, without power."""
        self.plan = plan
        self.account = Account()
        self.disk = SimDisk(around.scheduler, chance, plan.commit_s)
        self.device: Device | None = None
        self.is_publishing = True
        self._around = around
        self._chance = chance
        self._power = 0
        self._seq = 0
        self._clock_ahead_s = 0.0
        self._modem = Modem(self.thing, around, chance, self._feed)
        self._timer_s = inf
        self._reading = 0
        self._live: dict[Key, tuple[float, int, int]] = {}
        self._vouched: set[Key] = set()
        self._joined_s = inf

    @property
    def thing(self) -> str:
        """Return the thing's name."""
        return self.plan.identity.thing

    @property
    def line(self) -> Line:
        """Return its way to the network."""
        return self._modem.line

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
            clock_ahead_s: How wrong its clock is, if it has one, in seconds.
        """
        if self.device is not None:
            return
        has_clock = self.plan.has_clock
        self._clock_ahead_s = clock_ahead_s if has_clock else -self._now_s()
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
        self._vouched.clear()
        self._modem.close(is_polite=False)
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
                self._modem.send(packet)
            case Resolve(name):
                self._modem.resolve(name)
            case Dial():
                self._modem.dial(output)
            case Close(is_polite):
                self._vouched.clear()
                self._modem.close(is_polite=is_polite)
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
        if resumed.reason == "answered":
            counts["messages replayed though they were there"] += sum(
                table.since_s.get((self.thing, sort_key(key)), inf) < self._joined_s
                for key in self._running().outbox.replayed()
            )
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
        return self._modem.attempt, self._around.unrest.count

    def _tell(self, output: Output) -> None:
        tell = self._around.tell
        match output:
            case Joined(site, _, replay_count):
                self.account.counts["connections"] += 1
                self._joined_s = self._now_s()
                tell(self.thing, f"joins {site}, with {replay_count} to replay")
            case Left(site, reason):
                self._vouched.clear()
                tell(self.thing, f"leaves {site}: {reason}")
            case Moved(name, site):
                self.account.counts["planned moves"] += 1
                tell(self.thing, f"moves to {name}, which is in {site}")
            case Failed(reason):
                self.account.counts["attempts failed"] += 1
                tell(self.thing, f"fails: {reason}")
            case _:
                pass

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
