"""Loaded by Python when a Lambda worker of a local Region starts.

On AWS a function resolves names by its VPC's resolver. Here the machine's resolver
does not know ours: the site's own names lead to the Region's address, and all others
are asked of the local cloud's name server, where there is one. While the Regions are
cut off from each other, a connection to another Region's address gets no answer, as if
its packets were lost. This folder is on ``PYTHONPATH`` of the workers only, and nothing
of hotsite is imported, because a function must find in its package what it needs.
"""

import errno
import os
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

_NAMES = frozenset(os.environ.get("HOTSITE_REGION_NAMES", "").split())
_ADDRESS = os.environ.get("HOTSITE_REGION_ADDRESS", "")
_SERVER = os.environ.get("HOTSITE_NAME_SERVER", "")
_ANSWER_S_MAX = 1.0
_ANSWER_BYTES_MAX = 4096
# RFC 1035, section 3.2.2 and 4.1.4: types, and a name that goes on elsewhere.
_A, _CNAME, _POINTER = 1, 5, 0xC0
_HEAD = ">HHHHHH"
_UNREACHABLE = os.environ.get("HOTSITE_REGION_UNREACHABLE", "")
# tcp(7): with six retries of a SYN a connection attempt ends after 127 seconds, and
# the first retries come a second apart.
_CONNECT_S_MAX, _AGAIN_S = 127.0, 1.0
_ask_the_machine = socket.getaddrinfo


def _getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
    name = host.lower().rstrip(".") if isinstance(host, str) else ""
    if name in _NAMES:
        found = _ask_the_machine(_ADDRESS, *arguments, **options)
        if not (_SERVER and found[0][3]):
            return found
        # Who asks for the end of the chain compares it with that of other names.
        end, _ = _look_up(name)
        return [(*one[:3], end if one[3] else "", one[4]) for one in found]
    if not _SERVER or "." not in name or name.replace(".", "").isdigit():
        return _ask_the_machine(host, *arguments, **options)
    end, address = _look_up(name)
    found = _ask_the_machine(address, *arguments, **options)
    return [(*one[:3], end if one[3] else "", one[4]) for one in found]


def _look_up(name: str) -> tuple[str, str]:
    """Return the last name of a chain of CNAMEs, and its first address."""
    where, _, port = _SERVER.rpartition(":")
    labels = (label.encode() for label in name.split("."))
    wire = b"".join(bytes([len(label)]) + label for label in labels)
    query = struct.pack(_HEAD, 1, 0x0100, 1, 0, 0, 0)
    query += wire + b"\0" + struct.pack(">HH", _A, 1)
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(_ANSWER_S_MAX)
            asking.connect((where, int(port)))
            asking.send(query)
            return _read(asking.recv(_ANSWER_BYTES_MAX))
    except (OSError, IndexError, struct.error) as error:
        raise socket.gaierror(socket.EAI_AGAIN, f"{name}: {error}") from error


def _read(answer: bytes) -> tuple[str, str]:
    count = struct.unpack_from(_HEAD, answer)[3]
    name, at = _name(answer, struct.calcsize(_HEAD))
    at += 4
    for _ in range(count):
        owner, at = _name(answer, at)
        kind, _class, _ttl, length = struct.unpack_from(">HHIH", answer, at)
        at += 10
        if owner == name and kind == _CNAME:
            name, _ = _name(answer, at)
        elif owner == name and kind == _A:
            return name, socket.inet_ntoa(answer[at : at + 4])
        at += length
    raise socket.gaierror(socket.EAI_NONAME, f"{name} has no address")


def _name(message: bytes, at: int) -> tuple[str, int]:
    labels, end = [], 0
    while (length := message[at]) != 0:
        if length >= _POINTER:
            end = end or at + 2
            at = struct.unpack_from(">H", message, at)[0] & 0x3FFF
            continue
        labels.append(message[at + 1 : at + 1 + length].decode("ascii").lower())
        at += 1 + length
    return ".".join(labels), end or at + 1


def _is_unreachable(address: Any) -> bool:
    try:
        with open(_UNREACHABLE, encoding="ascii") as file:  # noqa: PTH123 - in every connect
            return isinstance(address, tuple) and address[0] in file.read().split()
    except OSError:
        return False


def _patient(connect: Callable[..., Any]) -> Callable[..., Any]:
    """Return what connects as soon as the address can be reached, or gives up."""

    def attempt(self: socket.socket, address: Any) -> Any:
        limit_s = self.gettimeout()
        until_s = time.monotonic() + (_CONNECT_S_MAX if limit_s is None else limit_s)
        while _is_unreachable(address):
            left_s = until_s - time.monotonic()
            if limit_s == 0:
                raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))
            if left_s <= 0:
                raise TimeoutError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
            time.sleep(min(left_s, _AGAIN_S))
        return connect(self, address)

    return attempt


if (_NAMES and _ADDRESS) or _SERVER:
    socket.getaddrinfo = _getaddrinfo
if _UNREACHABLE:
    socket.socket.connect = _patient(socket.socket.connect)  # type: ignore[method-assign]
