"""The move message: a device is told to go to another site, before anything broke.

For planned work on a Region: the owner says where to go and in which time the
fleet shall spread, so nobody has to be cut off. A device goes only to a name that
it holds already. Orders carry a number that grows; what is not newer than the
newest that was heard is an old message. The number is kept in memory only: after a
restart a device connects by its first name anyway. The orders of a failover carry the
number of its epoch and lead to the failover name, so one that comes late, or to a
device that has forgotten the number, leads to where DNS leads then.
"""

import json
from dataclasses import dataclass
from math import inf

from hotsite.core import jsontext, records
from hotsite.core.names import is_aws_name
from hotsite.errors import InvalidInputError

VERSION = 1
# A planned move takes this share of the CONNECTs that a Region admits: others connect
# meanwhile (docs/adr/0010-device-agent.md).
PACE_SHARE = 0.8
_WHERE = "move"
_WITHIN_S_MAX = 86_400.0


@dataclass(frozen=True, slots=True)
class Move:
    """What is said on ``cmd/<thing>/move``.

    Attributes:
        to: The letter of a site, or one of the device's own names.
        within_s: Each device goes at a random moment of so many seconds.
        epoch: The number of the order; larger than that of each one before.
        v: Version of the format.
    """

    to: str
    within_s: float
    epoch: int
    v: int = VERSION


def encode(move: Move) -> bytes:
    """Return an order as JSON."""
    return json.dumps(records.write(move), separators=(",", ":")).encode()


def decode(payload: bytes | str) -> Move:
    """Return the order that a payload holds.

    Raises:
        InvalidInputError: It is no order, or one of another version.
    """
    move = records.read(Move, jsontext.parse(payload, where=_WHERE), where=_WHERE)
    if move.v != VERSION:
        raise InvalidInputError(f"move: version {move.v} is unknown")
    if not 0 <= move.within_s <= _WITHIN_S_MAX or move.epoch < 0:
        what = f"within_s must be 0 to {_WITHIN_S_MAX:g} and epoch 0 or more"
        raise InvalidInputError(f"move: {what}")
    return move


def destination(to: str, names: tuple[str, ...]) -> str:
    """Return the name of a device's own that an order means.

    Args:
        to: What the order says. The letter of a site means the name whose first
            label ends with it: ``b`` is ``iot-b.example.com``.
        names: The names that the device holds.

    Raises:
        InvalidInputError: The device does not hold such a name. One of AWS is
            never gone to: it dies with its Region.
    """
    if is_aws_name(to):
        raise InvalidInputError(f"move: {to!r} belongs to AWS")
    for name in names:
        if to == name or (len(to) == 1 and name.split(".")[0].endswith(f"-{to}")):
            return name
    raise InvalidInputError(f"move: {to!r} is no name or site of this device")


class Mover:
    """The order that a device carries out, if any.

    Attributes:
        name: Where to go; "" for nowhere.
        due_s: When to ask DNS for it, in seconds.
    """

    __slots__ = ("_epoch", "_is_asking", "_when_s", "name")

    def __init__(self) -> None:
        self._epoch = -1
        self._when_s = inf
        self._is_asking = False
        self.name = ""

    @property
    def due_s(self) -> float:
        """Return when to ask where the name leads; infinity for never."""
        return inf if self._is_asking else self._when_s

    def take(
        self, payload: bytes, names: tuple[str, ...], *, now_s: float, uniform: float
    ) -> None:
        """Take an order.

        Args:
            payload: What arrived.
            names: The names that the device holds.
            now_s: The time, in seconds.
            uniform: A random number, 0 to 1.

        Raises:
            InvalidInputError: It is not followed; the reason is one line.
        """
        move = decode(payload)
        if move.epoch <= self._epoch:
            raise InvalidInputError(f"move: {move.epoch} is not newer")
        name = destination(move.to, names)
        self._epoch, self.name, self._is_asking = move.epoch, name, False
        self._when_s = now_s + uniform * move.within_s

    def ask(self) -> str:
        """Return the name to ask for; it is asked for once."""
        self._is_asking = True
        return self.name

    def interrupt(self) -> None:
        """Note that the connection was lost; it is asked again on the next one."""
        self._is_asking = False

    def end(self) -> str:
        """Return where to go, and forget it."""
        name, self.name, self._when_s, self._is_asking = self.name, "", inf, False
        return name
