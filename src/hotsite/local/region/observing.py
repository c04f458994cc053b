"""Write down what a broker sees of its clients: one JSON line for each sighting.

Off unless the Region is told a file. No payloads: the keys of telemetry messages
and a digest at most. Lines are written at once, so that a Region that is killed
leaves all that it saw.
"""

import itertools
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from hotsite.core import sightings
from hotsite.core.mqtt_fields import Reader
from hotsite.core.mqtt_packets import MalformedPacketError, Version
from hotsite.core.sightings import Sighting

# Twice the largest message of AWS IoT Core (quota "Message size", 128 KB).
_PACKET_BYTES_MAX = 1 << 18
_CONNACK, _PUBACK = 2, 4


class Log:
    """The file that sightings of one Region are added to."""

    def __init__(self, path: Path, site: str) -> None:
        """Open it; a Region that returns goes on in the same file."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._descriptor = os.open(path, flags, 0o600)
        self.site = site
        self._numbers = itertools.count(1)

    def connection(self) -> "Observer":
        """Return the observer of a new connection."""
        return Observer(self, f"{self.site}/{os.getpid()}/{next(self._numbers)}")

    def write(self, sighting: Sighting) -> None:
        """Add one sighting."""
        line = json.dumps(sightings.write(sighting), separators=(",", ":"))
        os.write(self._descriptor, line.encode() + b"\n")


class Observer:
    """What is seen of one connection.

    It reads along and never disturbs: what it cannot read it leaves out, because
    other people's firmware may use what hotsite does not speak.
    """

    def __init__(self, log: Log, connection: str) -> None:
        self._log = log
        self._connection = connection
        self._version = Version.V5
        self._inbound, self._outbound = bytearray(), bytearray()
        self._waiting: dict[int, tuple[sightings.Message, ...]] = {}

    def hello(self, server_name: str, *, is_served: bool) -> None:
        """See the ClientHello."""
        self._log.write(sightings.Hello(*self._here(), server_name, is_served))

    def shown(self, certificate_id: str) -> None:
        """See the end of the TLS handshake."""
        self._log.write(sightings.Shown(*self._here(), certificate_id))

    def closed(self) -> None:
        """See the end of the connection."""
        self._log.write(sightings.Closed(*self._here()))

    def received(self, data: bytes) -> None:
        """Read along what the client sends."""
        self._inbound += data
        for first, body in _packets(self._inbound):
            try:
                self._see_received(first, Reader(body))
            except MalformedPacketError:
                continue

    def sent(self, data: bytes) -> None:
        """Read along what the broker answers."""
        self._outbound += data
        for first, body in _packets(self._outbound):
            try:
                self._see_sent(first, Reader(body))
            except MalformedPacketError:
                continue

    def _here(self) -> tuple[float, str, str]:
        return time.time(), self._log.site, self._connection

    def _see_received(self, first: int, reader: Reader) -> None:
        match first >> 4:
            case 1:
                self._see_connect(reader)
            case 3:
                self._see_publish(first, reader)
            case 8:
                reader.number(2)
                reader.properties(self._version)
                filters = tuple(_filters(reader))
                self._log.write(sightings.Subscribed(*self._here(), filters))
            case 14:
                code = 0 if reader.is_done() else reader.number(1)
                self._log.write(sightings.Disconnected(*self._here(), code))

    def _see_connect(self, reader: Reader) -> None:
        reader.binary()
        level, flags = reader.number(1), reader.number(1)
        known = set(Version)
        self._version = Version(level) if level in known else Version.V311
        keep_alive_s = reader.number(2)
        reader.properties(self._version)
        self._log.write(
            sightings.Connected(
                *self._here(),
                reader.text(),
                level,
                keep_alive_s,
                is_clean=bool(flags & 2),
            )
        )

    def _see_publish(self, first: int, reader: Reader) -> None:
        qos = first >> 1 & 3
        topic = reader.text()
        packet_id = reader.number(2) if qos else 0
        reader.properties(self._version)
        found, refused = sightings.messages_in(topic, reader.rest())
        if qos and found:
            self._waiting[packet_id] = found
        seen = sightings.Published(*self._here(), topic, qos, found, refused)
        self._log.write(seen)

    def _see_sent(self, first: int, reader: Reader) -> None:
        kind = first >> 4
        if kind == _CONNACK:
            is_present, code = bool(reader.number(1)), reader.number(1)
            self._log.write(sightings.Answered(*self._here(), code, is_present))
        elif kind == _PUBACK:
            messages = self._waiting.pop(reader.number(2), ())
            # v5 3.4.2.1: a reason code of 0x80 or more is no acknowledgement.
            code = 0 if reader.is_done() else reader.number(1)
            if messages and code < 0x80:  # noqa: PLR2004 - the line above
                self._log.write(sightings.Acknowledged(*self._here(), messages))


def _filters(reader: Reader) -> Iterator[str]:
    while not reader.is_done():
        yield reader.text()
        reader.number(1)


def _packets(buffer: bytearray) -> Iterator[tuple[int, bytes]]:
    """Take whole packets out of a buffer; one that is no MQTT empties it."""
    while True:
        head = _head(buffer)
        if head is None:
            return
        start, length = head
        if length > _PACKET_BYTES_MAX:
            buffer.clear()
            return
        if len(buffer) < start + length:
            return
        first, body = buffer[0], bytes(buffer[start : start + length])
        del buffer[: start + length]
        yield first, body


def _head(buffer: bytearray) -> tuple[int, int] | None:
    """Return where the body starts and how long it is, or None yet."""
    length = 0
    for index in range(4):
        if 1 + index >= len(buffer):
            return None
        length |= (buffer[1 + index] & 0x7F) << 7 * index
        if buffer[1 + index] < 0x80:  # noqa: PLR2004 - the continuation bit, v5 1.5.5
            return 2 + index, length
    return 5, _PACKET_BYTES_MAX + 1
