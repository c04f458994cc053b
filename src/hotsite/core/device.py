"""Keep one device connected: a state machine without any I/O.

Time and chance come in as arguments, inputs go into ``Device.handle`` and what
is to be done comes out. What an input means in a state is one table,
``TRANSITIONS``. A name is resolved again at each attempt, because it moves when a
Region dies, and a missing PUBACK means a dead connection, because that is the
earliest sign of a Region that went silent.
"""

# ruff: noqa: SLF001 - the table names the handlers of the class above it

from collections.abc import Callable
from enum import Enum
from math import inf
from typing import Any, TypeAlias, get_args

from hotsite.core.candidates import Candidates
from hotsite.core.device_values import (
    Close,
    DevicePolicy,
    Dial,
    Dialled,
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
    Send,
    Start,
    Stayed,
    Stop,
    Tick,
)
from hotsite.core.move import Mover
from hotsite.core.mqtt_packets import (
    THROTTLED,
    Connack,
    Connect,
    Disconnect,
    Pingresp,
    Puback,
    Publish,
    Suback,
)
from hotsite.core.outbox import Outbox
from hotsite.core.session import Session
from hotsite.core.telemetry import move_topic
from hotsite.errors import InvalidInputError

# A question's token: a whole number that JSON keeps exactly.
_TOKEN_MAX = 2**53 - 1


class State(Enum):
    """Where a device is on its way to a broker."""

    OFFLINE = "offline"
    RESOLVING = "resolving"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    WAITING = "waiting"


class Device:
    """One device: ``identity``, ``outbox``, ``state``, where its name ``resolved``."""

    __slots__ = (
        "_attempt_ends_s",
        "_candidates",
        "_connack",
        "_mover",
        "_policy",
        "_session",
        "_uniform",
        "_wait_until_s",
        "identity",
        "outbox",
        "resolved",
        "state",
    )

    def __init__(
        self,
        identity: Identity,
        outbox: Outbox,
        policy: DevicePolicy,
        *,
        uniform: Callable[[], float],
    ) -> None:
        """Make an offline device.

        Args:
            identity: Who it is and where it looks.
            outbox: What it still has to send.
            policy: Its limits.
            uniform: A source of random numbers from 0 to 1.
        """
        self.identity = identity
        self.outbox = outbox
        self.state = State.OFFLINE
        self._policy = policy
        self._uniform = uniform
        self._candidates = Candidates(
            identity.endpoints, identity.ports, policy.backoff
        )
        self._connack = Connack()
        self._mover = Mover()
        self.resolved = Resolved("", "")
        self._session: Session | None = None
        self._attempt_ends_s = inf
        self._wait_until_s = inf

    @property
    def site(self) -> str:
        """Return the site that the last name resolved to; "" before the first."""
        return self.resolved.site

    def handle(self, happened: Input, *, now_s: float) -> list[Output]:
        """Take one input and return what is to be done, in order.

        Args:
            happened: What happened; never to a query or a connection that a
                ``Close`` ended.
            now_s: The time, in seconds; never less than the time before.

        Returns:
            The outputs. Ask for ``deadline_s`` afterwards.
        """
        return TRANSITIONS[self.state][type(happened)](self, happened, now_s)

    def assume(self, identity: Identity, outbox: Outbox, now_s: float) -> list[Output]:
        """Have another outbox from now on, on the connection that stands, if any."""
        self.identity, self.outbox = identity, outbox
        return self._join(now_s) if self.state is State.CONNECTED else []

    def deadline_s(self) -> float:
        """Return when the next ``Tick`` is due; infinity for never."""
        if self.state is State.WAITING:
            return self._wait_until_s
        if self.state in {State.RESOLVING, State.CONNECTING}:
            return self._attempt_ends_s
        if self._session is None:
            return inf
        return min(self._session.deadline_s(), self._mover.due_s)

    def _start(self, start: Start, now_s: float) -> list[Output]:
        self.state = State.WAITING
        self._wait_until_s = self._candidates.not_before(now_s)
        return self._watch_wait(start, now_s)

    def _begin(self, _happened: Input, now_s: float) -> list[Output]:
        self.state = State.RESOLVING
        self._attempt_ends_s = now_s + self._policy.attempt_s_max
        return [Resolve(self._candidates.name)]

    def _dial(self, resolved: Resolved, now_s: float) -> list[Output]:
        if self._candidates.passes_over(resolved.address, now_s):
            return self._begin(resolved, now_s)
        self.state = State.CONNECTING
        self.resolved = resolved
        return [Dial(resolved.address, self._candidates.name, self._candidates.port)]

    def _greet(self, _dialled: Dialled, now_s: float) -> list[Output]:
        self._candidates.note_connect(now_s)
        # No broker has the session of the other Region: the outbox is the session.
        connect = Connect(
            self.identity.thing,
            keep_alive_s=round(self._policy.keep_alive_s),
            version=self._policy.version,
        )
        return [Send(connect)]

    def _take_connack(self, connack: Connack, now_s: float) -> list[Output]:
        if connack.reason_code:
            reason = f"refused with reason code {connack.reason_code:#04x}"
            is_throttled = connack.reason_code in THROTTLED
            return [Close(), *self._fail(reason, now_s, is_throttled=is_throttled)]
        self.state = State.CONNECTED
        self._connack = connack
        return self._join(now_s)

    def _join(self, now_s: float) -> list[Output]:
        session = Session(self.outbox, self._policy, self.identity, site=self.site)
        self._session = session
        token = int(self._uniform() * _TOKEN_MAX)
        failed = self._candidates.take_failed()
        replay_count = session.open(self._connack, now_s, token=token, failed=failed)
        joined = Joined(self.site, self.resolved.address, replay_count)
        return [joined, *session.greet(now_s)]

    def _take_puback(self, puback: Puback, now_s: float) -> list[Output]:
        session = self._connected()
        return session.take_puback(puback, now_s) + self._judge(session, now_s)

    def _take_publish(self, publish: Publish, now_s: float) -> list[Output]:
        session = self._connected()
        outputs = session.take_publish(publish, now_s)
        self._candidates.spread(session.throttle_spread_s)
        if publish.topic == move_topic(self.identity.thing):
            outputs += self._hear_order(publish.payload, now_s)
        return outputs

    def _take_suback(self, suback: Suback, now_s: float) -> list[Output]:
        return self._connected().take_suback(suback, now_s)

    def _take_pingresp(self, _pingresp: Pingresp, _now_s: float) -> list[Output]:
        self._connected().take_pingresp()
        return []

    def _send_queued(self, queued: Queued, now_s: float) -> list[Output]:
        self.outbox.append(queued.message)
        return self._connected().pump(now_s)

    def _hold_queued(self, queued: Queued, _now_s: float) -> list[Output]:
        self.outbox.append(queued.message)
        return []

    def _watch(self, _tick: Tick, now_s: float) -> list[Output]:
        session = self._connected()
        if died := self._judge(session, now_s):
            return died
        outputs = session.keep_alive(now_s) + session.pump(now_s)
        if now_s >= self._mover.due_s:
            outputs.append(Resolve(self._mover.ask()))
        return outputs

    def _judge(self, session: Session, now_s: float) -> list[Output]:
        if reason := session.death(now_s):
            return [Close(), *self._leave(reason, now_s, is_site_bad=True)]
        return []

    def _hear_order(self, payload: bytes, now_s: float) -> list[Output]:
        names, uniform = self.identity.endpoints, self._uniform()
        try:
            self._mover.take(payload, names, now_s=now_s, uniform=uniform)
        except InvalidInputError as error:
            return [Stayed(str(error))]
        return []

    def _move(self, resolved: Resolved, now_s: float) -> list[Output]:
        """Go where an order leads, of which DNS told before."""
        name = self._mover.end()
        if not name:
            return []
        if resolved.site == self.site:
            return [Stayed(f"{name} leads to this site already")]
        left = self._say_goodbye(f"moved to {name}")
        self._candidates.prefer(name)
        self._begin(resolved, now_s)
        return [*left, Moved(name, resolved.site), *self._dial(resolved, now_s)]

    def _stay(self, failed: ResolveFailed, _now_s: float) -> list[Output]:
        return [Stayed(failed.reason)] if self._mover.end() else []

    def _watch_attempt(self, _tick: Tick, now_s: float) -> list[Output]:
        if now_s < self._attempt_ends_s:
            return []
        missing = "address" if self.state is State.RESOLVING else "CONNACK"
        reason = f"no {missing} in {self._policy.attempt_s_max:g} s"
        return [Close(), *self._fail(reason, now_s)]

    def _watch_wait(self, tick: Start | Tick, now_s: float) -> list[Output]:
        return [] if now_s < self._wait_until_s else self._begin(tick, now_s)

    def _fail_attempt(
        self, happened: ResolveFailed | Lost, now_s: float
    ) -> list[Output]:
        return self._fail(happened.reason, now_s)

    def _lose(self, lost: Lost, now_s: float) -> list[Output]:
        return self._leave(lost.reason, now_s)

    def _take_disconnect(self, disconnect: Disconnect, now_s: float) -> list[Output]:
        reason = f"the broker left with reason code {disconnect.reason_code:#04x}"
        return self._end(reason, now_s)

    def _violate(self, happened: Input, now_s: float) -> list[Output]:
        return self._end(f"the broker sent {type(happened).__name__} early", now_s)

    def _end(self, reason: str, now_s: float) -> list[Output]:
        """Close for a reason that the broker gave, connected or not yet."""
        is_joined = self.state is State.CONNECTED
        step = self._leave if is_joined else self._fail
        return [Close(), *step(reason, now_s)]

    def _leave(
        self, reason: str, now_s: float, *, is_site_bad: bool = False
    ) -> list[Output]:
        lived_s = now_s - self._connected().joined_at_s
        self._forget_session()
        address = self.resolved.address if is_site_bad else None
        self.state = State.WAITING
        self._wait_until_s = self._candidates.leave(
            address, self._uniform(), now_s, lived_s=lived_s
        )
        return [Left(self.site, reason)]

    def _fail(
        self, reason: str, now_s: float, *, is_throttled: bool = False
    ) -> list[Output]:
        candidates, uniform = self._candidates, self._uniform()
        is_dialled = self.state is State.CONNECTING
        address = self.resolved.address if is_dialled else None
        if is_dialled:
            candidates.blame(self.site)
        self.state = State.WAITING
        if is_throttled:
            self._wait_until_s = candidates.throttle(uniform, now_s)
        else:
            self._wait_until_s = candidates.fail(address, uniform, now_s)
        return [Failed(reason)]

    def _stop(self, _stop: Stop, _now_s: float) -> list[Output]:
        self.state = State.OFFLINE
        return [Close()]

    def _leave_politely(self, _stop: Stop, _now_s: float) -> list[Output]:
        return self._say_goodbye("stopped")

    def _say_goodbye(self, reason: str) -> list[Output]:
        self._forget_session()
        self.state = State.OFFLINE
        return [Send(Disconnect()), Close(is_polite=True), Left(self.site, reason)]

    def _ignore(self, _happened: Input, _now_s: float) -> list[Output]:
        """Do nothing."""
        return []

    def _forget_session(self) -> None:
        self._session = None
        self._mover.interrupt()
        self.outbox.leave()

    def _connected(self) -> Session:
        assert self._session is not None, "connected without a session"  # noqa: S101 - STYLE.md: assert for our own mistakes
        return self._session


# Each handler takes the one kind of input that its column names, which the type
# of a table cannot say: hence Any.
_Handler: TypeAlias = Callable[[Device, Any, float], list[Output]]
_IGNORED: dict[type[Input], _Handler] = dict.fromkeys(get_args(Input), Device._ignore)
# What a state does not name is ignored there: it is late, or so already.
TRANSITIONS: dict[State, dict[type[Input], _Handler]] = {
    State.OFFLINE: {
        **_IGNORED,
        Start: Device._start,
        Queued: Device._hold_queued,
    },
    State.RESOLVING: {
        **_IGNORED,
        Stop: Device._stop,
        Tick: Device._watch_attempt,
        Resolved: Device._dial,
        ResolveFailed: Device._fail_attempt,
        Queued: Device._hold_queued,
    },
    State.CONNECTING: {
        **_IGNORED,
        Stop: Device._stop,
        Tick: Device._watch_attempt,
        Dialled: Device._greet,
        Lost: Device._fail_attempt,
        Queued: Device._hold_queued,
        Connack: Device._take_connack,
        Puback: Device._violate,
        Suback: Device._violate,
        Pingresp: Device._violate,
        Publish: Device._violate,
        Disconnect: Device._take_disconnect,
    },
    State.CONNECTED: {
        **_IGNORED,
        Stop: Device._leave_politely,
        Tick: Device._watch,
        Lost: Device._lose,
        Resolved: Device._move,
        ResolveFailed: Device._stay,
        Queued: Device._send_queued,
        Connack: Device._violate,
        Puback: Device._take_puback,
        Suback: Device._take_suback,
        Pingresp: Device._take_pingresp,
        Publish: Device._take_publish,
        Disconnect: Device._take_disconnect,
    },
    State.WAITING: {
        **_IGNORED,
        Stop: Device._stop,
        Tick: Device._watch_wait,
        Queued: Device._hold_queued,
    },
}
