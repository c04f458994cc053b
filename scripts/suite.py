"""Run the whole test suite, in groups beside each other.

Tests with real Regions spend half of their time waiting (for health checks, for leases,
for processes), so they run beside those that compute. Two clouds live from the
beginning: four on two cores, beside what computes, starve each other, and what is
starved misses its own limits of time. Each group's output is printed when it has ended.
The folders of ``tests`` are in exactly one group each, but for ``rehearsal`` and
``fleet``, which take longer than all others: ``make rehearse``.
"""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from hotsite.faces.cli import artefacts
from hotsite.faces.cli.clouds import ARTEFACTS, DOMAIN
from hotsite.settings import Settings

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "build"
INTERRUPTED = 130
REHEARSED = {"rehearsal", "fleet"}
PATIENTLY = ("nice", "-n", "10")


@dataclass(frozen=True)
class Tests:
    """Folders below ``tests`` that run in one process.

    Attributes:
        folders: Which.
        is_patient: Whether they only compute, and take what CPU others leave: a live
            Region that is starved misses its own limits of time.
    """

    folders: tuple[str, ...]
    is_patient: bool = False

    @property
    def arguments(self) -> tuple[str, ...]:
        """Return what Python runs."""
        return ("-m", "pytest", *(f"tests/{folder}" for folder in self.folders))


@dataclass(frozen=True)
class Script:
    """A program that tests without pytest; it only computes.

    Attributes:
        arguments: What Python runs.
    """

    arguments: tuple[str, ...]
    folders: tuple[str, ...] = ()
    is_patient: bool = True


@dataclass(frozen=True)
class Group:
    """What runs one after the other, beside the other groups.

    Attributes:
        name: Its log is ``build/test-NAME.log``.
        steps: Each comes, whatever became of the one before.
    """

    name: str
    steps: tuple[Tests | Script, ...]


# The long ones, with two Regions each, from the beginning; a third one lives when
# computing is over.
GROUPS = (
    Group("local", (Tests(("local",)),)),
    Group("drills", (Tests(("drills",)),)),
    Group(
        "core",
        (
            Tests(("core", "flows", "sim", "pan"), is_patient=True),
            Tests(("disasters", "forecast", "infra", "faces"), is_patient=True),
            Tests(("docs", "clients")),
        ),
    ),
    Group(
        "seeds",
        (
            Script(("scripts/soak.py", "--seeds", "1000")),
            Tests(("contract", "agent", "adapters")),
        ),
    ),
)


def main(flags: Sequence[str]) -> int:
    """Run all groups; return 1 when anything failed."""
    check_groups()
    BUILD.mkdir(exist_ok=True)
    # Every group begins with a local cloud: what it is made of is made once.
    artefacts.make(Settings(DOMAIN), ROOT / ARTEFACTS, print)
    failed: list[str] = []
    printing = threading.Lock()

    def run(group: Group) -> None:
        log = BUILD / f"test-{group.name}.log"
        codes = []
        cpu_s = 0.0
        began = time.monotonic()
        with log.open("wb") as out:
            for command in commands(group, flags):
                code, used_s = run_for(command, out)
                codes.append(code)
                cpu_s += used_s
        took_s = time.monotonic() - began
        with printing:
            names = " ".join(folders(group))
            print(f"== {group.name}: {names} ({took_s:.0f} s, {cpu_s:.0f} s of CPU)")
            print(log.read_text(errors="replace"), flush=True)
            if any(codes):
                failed.append(group.name)

    threads = [threading.Thread(target=run, args=(group,)) for group in GROUPS]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(f"failed: {', '.join(failed)}" if failed else "all groups passed")
    return 1 if failed else 0


def run_for(command: Sequence[str], out: IO[bytes]) -> tuple[int, float]:
    """Run a command; return its exit code and the seconds of CPU it used in all."""
    child = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, used.ru_utime + used.ru_stime


def commands(group: Group, flags: Sequence[str]) -> list[list[str]]:
    """Return what a group runs, one after the other."""
    return [
        [
            *(PATIENTLY if step.is_patient else ()),
            sys.executable,
            *step.arguments,
            *(flags if isinstance(step, Tests) else ()),
        ]
        for step in group.steps
    ]


def folders(group: Group) -> list[str]:
    """Return the folders of a group."""
    return [folder for step in group.steps for folder in step.folders]


def check_groups() -> None:
    """Refuse to leave a folder of tests out, or to run one twice."""
    grouped = sorted(folder for group in GROUPS for folder in folders(group))
    there = sorted(
        {path.parent.name for path in ROOT.glob("tests/*/test_*.py")} - REHEARSED
    )
    if grouped != there:
        sys.exit(f"suite: groups hold {grouped}, tests hold {there}")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        # The groups had their own Ctrl-C, and end.
        sys.exit(INTERRUPTED)
