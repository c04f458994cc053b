"""The last process of a local cloud: ends the others when the supervisor is gone.

A pipe from the supervisor is its standard input. The supervisor writes
``+<group>`` and ``-<group>`` lines; when the pipe ends, whatever the reason, the
sentinel kills every group it was told of, and every process that carries the
cloud's mark in its environment. SIGKILL works on stopped processes too.

It imports nothing but the standard library and is started as a file, so that it
is there before anything that could need it.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

MARK_NAME = "HOTSITE_LOCAL_CLOUD"
OVER = "over"
_PROCESSES = Path("/proc")
_PASSES_MAX = 60
_PASS_S = 0.05


def marked(mark: str) -> tuple[int, ...]:
    """Return the processes that carry a cloud's mark in their environment.

    Where there is no ``/proc`` (macOS) the answer is empty, and only process
    groups protect against remains.

    Args:
        mark: The value of the variable ``HOTSITE_LOCAL_CLOUD``.
    """
    wanted = f"{MARK_NAME}={mark}".encode()
    found = []
    for folder in _PROCESSES.glob("[0-9]*"):
        # Processes come and go while we look, and others are not ours to read.
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return tuple(found)


def end(groups: Iterable[int], mark: str, *, spared: Iterable[int] = ()) -> bool:
    """Kill process groups, then whatever still carries the mark.

    Args:
        groups: Process groups to kill.
        mark: The cloud's mark; an empty one matches nothing.
        spared: Processes that stay, such as the caller.

    Returns:
        Whether nothing was left after at most 3 seconds.
    """
    for group in groups:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
    kept = {os.getpid(), *spared}
    for _ in range(_PASSES_MAX):
        left = set(marked(mark)) - kept if mark else set()
        if not left:
            return True
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_PASS_S)
    return False


def watch(lifeline: Iterable[str], mark: str) -> None:
    """Follow the supervisor's lines until its pipe ends, then kill.

    Args:
        lifeline: Lines ``+<group>`` and ``-<group>``, or ``over`` when the
            supervisor has ended everything itself.
        mark: The cloud's mark.
    """
    groups: set[int] = set()
    for line in lifeline:
        if line.strip() == OVER:
            return
        sign, number = line[:1], line[1:].strip()
        if number.isdecimal():
            (groups.add if sign == "+" else groups.discard)(int(number))
    end(groups, mark)
    # A process that was being forked while we looked shows up a moment later.
    time.sleep(_PASS_S)
    end((), mark)


def main() -> None:
    """Outlive every signal that a terminal or a shutdown sends."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sys.stdout.write('{"kind": "ready"}\n')
    sys.stdout.flush()
    watch(sys.stdin, sys.argv[1])


if __name__ == "__main__":
    main()
