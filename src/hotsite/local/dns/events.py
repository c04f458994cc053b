"""Tell whoever listens what happened, without waiting for the slow ones."""

import asyncio
import json
from collections.abc import Mapping

# A listener that is further behind than this is dropped.
_EVENTS_WAITING_MAX = 1000

Fact = str | int | float | bool | None


class Events:
    """Fans events out to the control connections that asked for them."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[bytes | None]] = set()

    def tell(self, event: Mapping[str, Fact]) -> None:
        """Send one event to every listener."""
        line = encode(event)
        for queue in list(self._queues):
            try:
                queue.put_nowait(line)
            except asyncio.QueueFull:
                self.leave(queue)

    def join(self) -> asyncio.Queue[bytes | None]:
        """Add a listener; its queue ends with None if it is dropped."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(_EVENTS_WAITING_MAX)
        self._queues.add(queue)
        return queue

    def leave(self, queue: asyncio.Queue[bytes | None]) -> None:
        """Remove a listener."""
        self._queues.discard(queue)
        if queue.full():
            queue.get_nowait()
        queue.put_nowait(None)


def encode(document: Mapping[str, object]) -> bytes:
    """Write one JSON object as one line."""
    return json.dumps(document, separators=(",", ":")).encode() + b"\n"
