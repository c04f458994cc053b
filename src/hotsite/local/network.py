"""Addresses of a local cloud: loopback blocks, and who has claimed which.

Block k (1, 3, 5, ...) gives Region a 127.0.k.1, Region b 127.0.(k+1).1, further ones
127.0.k.2 and 127.0.(k+1).2, and the global services 127.0.k.53. A cloud holds a
listening socket on 127.0.k.53:4500 as long as it lives; whoever connects is told which
cloud that is.
"""

import contextlib
import errno
import json
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hotsite.core.epoch import LETTERS, SITES
from hotsite.errors import NotReadyError, UnreachableError

CLAIM_PORT = 4500
GATEWAY_PORT = 4566
MQTT_PORT = 8883
HTTPS_PORT = 8443
ISSUER_PORT = 8444
DNS_PORT = 5353
DNS_PORT_PRIVILEGED = 53
BLOCK_MAX = 253
_ANSWER_S_MAX = 2.0
_GREETING = "hotsite local cloud"
# macOS has no 127.0.1.1 until somebody adds it to lo0.
_CANNOT_HAVE = frozenset({errno.EACCES, errno.EADDRNOTAVAIL})


@dataclass(frozen=True, slots=True)
class Block:
    """The addresses of one cloud.

    Attributes:
        number: Third octet of Region a, odd, 1 to 253.
    """

    number: int

    def region_address(self, letter: str) -> str:
        """Return the address of Region ``a``, ``b``, ``c`` or ``d``."""
        host, octet = divmod(LETTERS.index(letter), 2)
        return f"127.0.{self.number + octet}.{1 + host}"

    @property
    def global_address(self) -> str:
        """Return the address of what AWS runs outside Regions."""
        return f"127.0.{self.number}.53"


@dataclass(frozen=True, slots=True)
class Claim:
    """A block that is ours as long as the socket stays open.

    Attributes:
        block: The claimed block.
        listener: Its claim socket; serve it with :func:`greeting`.
    """

    block: Block
    listener: socket.socket


def greeting(name: str) -> bytes:
    """Return what a claim socket tells whoever connects.

    Args:
        name: The cloud's name.
    """
    return (json.dumps({"is": _GREETING, "name": name}) + "\n").encode()


def claim(*, dns_port: int, first: int = 1, letters: Sequence[str] = SITES) -> Claim:
    """Take the first free block.

    Args:
        dns_port: The port above 1023 that the DNS server will use.
        first: The first block to try, odd.
        letters: Of the Regions that need an address.

    Returns:
        The claim; every port of its block was free a moment ago.

    Raises:
        NotReadyError: A port is taken by something that is no hotsite cloud.
    """
    for number in range(first, BLOCK_MAX + 1, 2):
        block = Block(number)
        listener = _listen(block.global_address, CLAIM_PORT)
        if listener is not None:
            try:
                _refuse_taken(block, dns_port, letters)
            except NotReadyError:
                listener.close()
                raise
            return Claim(block, listener)
        if not _is_cloud(block.global_address):
            raise _taken(block.global_address, CLAIM_PORT)
    raise NotReadyError(f"all loopback blocks from 127.0.{first}.0 on are in use")


def endpoints(
    block: Block, *, dns_port: int, letters: Sequence[str] = SITES
) -> Iterator[tuple[str, int]]:
    """Yield every address and port that a cloud must have.

    Args:
        block: The cloud's block.
        dns_port: The port above 1023 that the DNS server uses.
        letters: Of its Regions.
    """
    for letter in letters:
        for port in (GATEWAY_PORT, MQTT_PORT, HTTPS_PORT):
            yield block.region_address(letter), port
    yield block.global_address, dns_port
    yield block.global_address, ISSUER_PORT


def may_bind(address: str, port: int) -> bool:
    """Tell whether this process may listen there, over UDP and TCP.

    Args:
        address: A loopback address.
        port: Such as 53, which ordinary users may not have.
    """
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                if kind == socket.SOCK_STREAM:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind((address, port))
            except OSError:
                return False
    return True


def _refuse_taken(block: Block, dns_port: int, letters: Sequence[str]) -> None:
    for address, port in endpoints(block, dns_port=dns_port, letters=letters):
        listener = _listen(address, port)
        if listener is None:
            raise _taken(address, port)
        listener.close()
    if not may_bind(block.global_address, dns_port):
        raise _taken(block.global_address, dns_port)


def _taken(address: str, port: int) -> NotReadyError:
    return NotReadyError(
        f"{address}:{port} is taken by something that is not a hotsite cloud"
    )


def _listen(address: str, port: int) -> socket.socket | None:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, port))
        listener.listen(16)
    except OSError as error:
        listener.close()
        if error.errno in _CANNOT_HAVE:
            raise UnreachableError(
                f"{address}:{port} cannot be used on this machine: {error.strerror}"
            ) from error
        return None
    return listener


def _is_cloud(address: str) -> bool:
    with contextlib.suppress(OSError, ValueError, AttributeError):
        limit_s = _ANSWER_S_MAX
        with socket.create_connection((address, CLAIM_PORT), limit_s) as caller:
            line = caller.makefile("rb").readline(1_000)
        return bool(json.loads(line).get("is") == _GREETING)
    return False
