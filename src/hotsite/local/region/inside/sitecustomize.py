"""Loaded by Python when a Lambda worker of a local Region starts.

On AWS a function resolves the site's own names by DNS. Here the machine's
resolver does not know them, so those names lead to the Region's address. While
the Regions are cut off from each other, a connection to another Region's address
gets no answer, as if its packets were lost. This folder is on ``PYTHONPATH`` of
the workers only, and nothing of hotsite is imported, because a function must find
in its package what it needs.
"""

import errno
import os
import socket
import time
from collections.abc import Callable
from typing import Any

_NAMES = frozenset(os.environ.get("HOTSITE_REGION_NAMES", "").split())
_ADDRESS = os.environ.get("HOTSITE_REGION_ADDRESS", "")
_UNREACHABLE = os.environ.get("HOTSITE_REGION_UNREACHABLE", "")
# tcp(7): with six retries of a SYN a connection attempt ends after 127 seconds, and
# the first retries come a second apart.
_CONNECT_S_MAX, _AGAIN_S = 127.0, 1.0
_ask_the_machine = socket.getaddrinfo


def _getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
    is_ours = isinstance(host, str) and host.lower().rstrip(".") in _NAMES
    return _ask_the_machine(_ADDRESS if is_ours else host, *arguments, **options)


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


if _NAMES and _ADDRESS:
    socket.getaddrinfo = _getaddrinfo
if _UNREACHABLE:
    socket.socket.connect = _patient(socket.socket.connect)  # type: ignore[method-assign]
