"""Who came to this site lately, in the Region's own table: for the guard alone.

A table that is written for each of a million devices would be the first thing to
break when they come. So there are 64 items of each kind; a device writes the one that
its name falls to, and a worker leaves out what it has written a moment ago. Two devices
may share an item: the count is never too high, and never above 64.
"""

import hashlib
from typing import Any

from hotsite.adapters.aws import items
from hotsite.adapters.aws.session import translated
from hotsite.ports import Clock

SLOTS = 64
# Of a window of two minutes, a fraction; a worker writes at most two items a second.
_AGAIN_S = 30.0
# Of everybody who came, and of those whom another site had not let in.
_CAME, _TURNED_AWAY = "resume", "turned-away"


class DynamoResumes:
    """Implements ``ports.operations.Resumes`` and ``ports.operations.ResumeNotes``."""

    def __init__(self, dynamodb: Any, table: str, clock: Clock) -> None:
        """Take a client, the name of the Region's own table, and the time."""
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._written_s: dict[str, float] = {}

    def note(self, thing: str, *, is_turned_away: bool = False) -> None:
        """Write down that a device asked for a resume here."""
        slot = hashlib.sha256(thing.encode()).digest()[0] % SLOTS
        self._write(_key(_CAME, slot))
        if is_turned_away:
            self._write(_key(_TURNED_AWAY, slot))

    def count(self, within_s: float) -> int:
        """Return how many devices, of different items, came here lately."""
        return self._count(_CAME, within_s)

    def turned_away(self, within_s: float) -> int:
        """Return how many of them had not been let in elsewhere before."""
        return self._count(_TURNED_AWAY, within_s)

    def _write(self, name: str) -> None:
        now_s = self._clock.now_s()
        if now_s - self._written_s.get(name, 0.0) < _AGAIN_S:
            return
        item = {"name": name, "v": items.VERSION, "at_s": now_s}
        with translated("note a resume"):
            self._dynamodb.put_item(TableName=self._table, Item=items.to_wire(item))
        self._written_s[name] = now_s

    def _count(self, kind: str, within_s: float) -> int:
        keys = [{"name": {"S": _key(kind, slot)}} for slot in range(SLOTS)]
        wanted = {self._table: {"Keys": keys, "ConsistentRead": True}}
        with translated("count resumes"):
            answer = self._dynamodb.batch_get_item(RequestItems=wanted)
        since_s = self._clock.now_s() - within_s
        found = map(items.from_wire, answer["Responses"].get(self._table, ()))
        return sum(1 for item in found if item["at_s"] >= since_s)


def _key(kind: str, slot: int) -> str:
    return f"{kind}#{slot:02d}"
