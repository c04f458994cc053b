"""Loaded by Python when a Lambda worker of a local Region starts.

On AWS a function resolves the site's own names by DNS. Here the machine's
resolver does not know them, so those names lead to the Region's address. This
folder is on ``PYTHONPATH`` of the workers only, and nothing of hotsite is
imported, because a function must find in its package what it needs.
"""

import os
import socket
from typing import Any

_NAMES = frozenset(os.environ.get("HOTSITE_REGION_NAMES", "").split())
_ADDRESS = os.environ.get("HOTSITE_REGION_ADDRESS", "")
_ask_the_machine = socket.getaddrinfo


def _getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
    is_ours = isinstance(host, str) and host.lower().rstrip(".") in _NAMES
    return _ask_the_machine(_ADDRESS if is_ours else host, *arguments, **options)


if _NAMES and _ADDRESS:
    socket.getaddrinfo = _getaddrinfo
