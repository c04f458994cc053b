"""Answer DNS messages from zones and health, fast enough for a storm.

It holds what is served now, and a cache of packed answers that is thrown away
whenever zones or health change. No sockets.
"""

import random
from collections.abc import Sequence

from hotsite.core.dns import Answer, Conditions, ResponseCode, Zone, resolve
from hotsite.errors import InvalidInputError
from hotsite.local.dns.wire import (
    FLAG_RESPONSE,
    HEADER,
    pack_answer,
    pack_error,
    read_request,
)

# Entries per transport. Names under a wildcard could otherwise fill the memory.
_CACHE_ENTRIES_MAX = 4096
_IDENTIFIER_BYTES = 2


class Responder:
    """The authority: one message in, one message out.

    Args:
        seed: Start of the draws for weighted records.
    """

    def __init__(self, *, seed: int) -> None:
        self.query_count = 0
        self._zones: tuple[Zone, ...] = ()
        self._unhealthy: frozenset[str] = frozenset()
        # Draws spread answers; they protect nothing.
        self._draw = random.Random(seed).random  # noqa: S311
        self._cache: dict[bytes, bytes] = {}
        self._stream_cache: dict[bytes, bytes] = {}

    def serve(self, zones: Sequence[Zone], *, unhealthy: frozenset[str]) -> None:
        """Answer from these zones and this health from now on.

        Args:
            zones: The zones to be the authority of.
            unhealthy: The health checks that are not healthy.
        """
        self._zones = tuple(zones)
        self._unhealthy = unhealthy
        self._cache.clear()
        self._stream_cache.clear()

    def respond(self, packet: bytes, *, is_stream: bool = False) -> bytes | None:
        """Answer one message.

        Args:
            packet: What arrived, whatever it is.
            is_stream: Whether it came over TCP.

        Returns:
            The response; None when there is nobody to answer, because it is
            shorter than a header, or itself a response (which could loop).
        """
        self.query_count += 1
        cache = self._stream_cache if is_stream else self._cache
        # The whole message but its identifier is the key: spelling, flags and
        # EDNS offer included, so a hit needs no other patch than the identifier.
        key = packet[_IDENTIFIER_BYTES:]
        known = cache.get(key)
        if known is not None:
            return packet[:_IDENTIFIER_BYTES] + known
        if len(packet) < HEADER.size or packet[2] << 8 & FLAG_RESPONSE:
            return None
        try:
            request = read_request(packet)
        except InvalidInputError:
            return pack_error(packet, ResponseCode.FORMAT_ERROR)
        if request.opcode:
            return pack_error(packet, ResponseCode.NOT_IMPLEMENTED)
        if request.edns_version:
            # BADVERS: its low bits are zero, its high bits travel in the OPT record.
            answer = Answer(ResponseCode.NO_ERROR)
        elif not request.is_internet:
            answer = Answer(ResponseCode.REFUSED)
        else:
            given = Conditions(self._unhealthy, self._draw())
            answer = resolve(self._zones, request.question, given)
        response = pack_answer(request, answer, is_stream=is_stream)
        if answer.is_repeatable:
            if len(cache) >= _CACHE_ENTRIES_MAX:
                cache.clear()
            cache[key] = response[_IDENTIFIER_BYTES:]
        return response
