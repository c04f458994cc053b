"""Run the agent's event loop, with small TLS buffers, and signals."""

import asyncio
import signal
from asyncio import sslproto
from collections.abc import Coroutine
from typing import Any

INTERRUPTED = 130
# RFC 8446 section 5.1: a record holds at most 2^14 bytes.
_TLS_RECORD_BYTES_MAX = 16_384


def run(main: Coroutine[Any, Any, int]) -> int:
    """Run a coroutine to its exit code.

    A TLS connection costs 304 KB as asyncio comes, because ``asyncio.sslproto``
    allocates 256 KiB for each. With the largest TLS record's size 2,000 devices cost
    66 KB each, and 74 KB with uvloop, which connects them no faster (measured).
    """
    sslproto.SSLProtocol.max_size = _TLS_RECORD_BYTES_MAX
    with asyncio.Runner() as runner:
        return runner.run(main)


def exit_on_signals() -> "asyncio.Future[int]":
    """Return what is done with an exit code when somebody asks to stop.

    Returns:
        0 after SIGTERM, because stopping was asked for; 130 after SIGINT.
    """
    loop = asyncio.get_running_loop()
    stopped: asyncio.Future[int] = loop.create_future()

    def stop(code: int) -> None:
        if not stopped.done():
            stopped.set_result(code)

    loop.add_signal_handler(signal.SIGTERM, stop, 0)
    loop.add_signal_handler(signal.SIGINT, stop, INTERRUPTED)
    return stopped
