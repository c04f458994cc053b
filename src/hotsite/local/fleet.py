"""Run the fleet: processes of the reference agent, driven over their pipes.

A power cut is a SIGKILL of one process; its devices begin again from what is in
their outbox file, in a new epoch. An acknowledgement that was not on disk yet is
forgotten, as in a real device: its message goes again.
"""

import contextlib
import json
import queue
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

from hotsite.core.intervals import Intervals
from hotsite.errors import NotReadyError
from hotsite.ports import DeviceAccount

_ANSWER_LIMIT_S = 20.0
_STOP_LIMIT_S = 5.0
_POWER_CUT = {"kind": "device_disconnected", "reason": "power cut"}
# What a process counts from its start, and what a sample of the fleet adds up.
_COUNTED = ("published", "acknowledged")
_ADDED = ("offline", "backlog", *_COUNTED)


@dataclass(frozen=True, slots=True)
class Member:
    """One device of the fleet, as files on this machine."""

    thing: str
    certificate: Path
    private_key: Path


class Process:
    """One process that runs many devices' logic."""

    def __init__(self, config: Path) -> None:
        """Start the process; it ends when its standard input is closed.

        Args:
            config: What the agent's fleet runner takes; its log goes beside it.
        """
        self._log = config.with_suffix(".log")
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._reports: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hotsite.faces.agent.fleet", str(config)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def events(self) -> Iterator[dict[str, Any]]:
        """Yield what the devices said since the last call.

        Raises:
            NotReadyError: The fleet's process has ended.
        """
        while not self._events.empty():
            yield self._events.get()
        if self._process.poll() is not None:
            raise NotReadyError(
                f"the fleet's process ended with {self._process.returncode}: "
                f"{self._last_words()}"
            )

    def quiesce(self) -> None:
        """Stop making new messages; deliver those that wait."""
        self._send({"command": "pause"})

    def ask(self) -> None:
        """Ask every device for its own account; ``accounts`` returns them."""
        self._send({"command": "report"})

    def accounts(self) -> Sequence[DeviceAccount]:
        """Return the accounts that were asked for.

        Raises:
            NotReadyError: The fleet's process does not answer.
        """
        until_s = time.monotonic() + _ANSWER_LIMIT_S
        accounts: list[DeviceAccount] = []
        while True:
            try:
                said = self._reports.get(timeout=max(0.0, until_s - time.monotonic()))
            except queue.Empty as error:
                raise NotReadyError("the fleet's process does not report") from error
            if said["kind"] == "report_done":
                return accounts
            accounts.append(
                DeviceAccount(
                    thing=said["thing"],
                    epoch=said["epoch"],
                    published=Intervals.from_pairs(map(tuple, said["published"])),
                    acknowledged=Intervals.from_pairs(map(tuple, said["acknowledged"])),
                    dropped=said["dropped"],
                )
            )

    def kill(self) -> Iterator[dict[str, Any]]:
        """Kill the process as a power cut does; yield what it had still said."""
        self._process.kill()
        self._process.wait(_STOP_LIMIT_S)
        self.stop()
        while not self._events.empty():
            yield self._events.get()

    def stop(self) -> None:
        """End the process, by force if need be."""
        if self._process.stdin and not self._process.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.close()
        try:
            self._process.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_STOP_LIMIT_S)
        self._reader.join(_STOP_LIMIT_S)
        if self._process.stdout:
            self._process.stdout.close()

    def _send(self, command: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101 - opened with PIPE
        try:
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
        except (OSError, ValueError) as error:
            raise NotReadyError(
                f"the fleet's process is gone: {self._last_words()}"
            ) from error

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - opened with PIPE
        for line in self._process.stdout:
            try:
                said = json.loads(line)
            except ValueError:
                # Half a line: the process was killed while it wrote.
                return
            is_report = said["kind"] in {"device_reported", "report_done"}
            (self._reports if is_report else self._events).put(said)

    def _last_words(self) -> str:
        text = self._log.read_text(errors="replace").strip()
        return text.splitlines()[-1] if text else "it said nothing"


@dataclass(slots=True)
class _Part:
    """One part of the fleet: a process, or none while it has no power.

    Attributes:
        path: Its configuration.
        size: Its devices.
        process: What runs it.
        connected: Devices that said that they are connected.
        sample: What it last said of itself, or nothing yet.
        former: What its former processes had counted.
    """

    path: Path
    size: int
    process: Process | None
    connected: set[str] = field(default_factory=set)
    sample: dict[str, Any] | None = None
    former: Counter[str] = field(default_factory=Counter)
    is_fresh: bool = False

    def running(self) -> Process:
        """Return the process.

        Raises:
            NotReadyError: It has no power.
        """
        if self.process is None:
            raise NotReadyError("a part of the fleet has no power")
        return self.process

    def follow(self, said: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
        """Take in one event; yield it unless it is a sample."""
        if said["kind"] == "fleet_sample":
            self.sample, self.is_fresh = dict(said), True
            return
        if said["kind"] == "device_connected":
            self.connected.add(said["thing"])
        elif said["kind"] == "device_disconnected":
            self.connected.discard(said["thing"])
        yield said

    def lose_power(self) -> Iterator[Mapping[str, Any]]:
        """Kill the process; yield what was said, and who is gone."""
        for said in self.running().kill():
            yield from self.follow(said)
        self.process = None
        for thing in sorted(self.connected):
            yield {**_POWER_CUT, "thing": thing}
        self.connected.clear()
        if self.sample is not None:
            self.former.update({name: self.sample[name] for name in _COUNTED})
            nobody = {"connected": {}, "offline": self.size}
            self.sample |= {**nobody, **dict.fromkeys(_COUNTED, 0)}


class Fleet:
    """All devices of a drill, in one process or several."""

    def __init__(self, configs: Sequence[Mapping[str, Any]], folder: Path) -> None:
        """Start the processes; they end when their standard inputs are closed.

        Args:
            configs: What the agent's fleet runner takes, one a process.
            folder: Where configurations, outboxes and logs go.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._parts: list[_Part] = []
        self._said: list[Mapping[str, Any]] = []
        for number, config in enumerate(configs):
            path = folder / f"fleet-{number}.json"
            path.write_text(json.dumps(config, indent=1))
            size = len(config["devices"])
            self._parts.append(_Part(path, size, Process(path)))

    def events(self) -> Iterator[Mapping[str, Any]]:
        """Yield what the devices said since the last call, all samples as one.

        Raises:
            NotReadyError: A process of the fleet has ended by itself.
        """
        said, self._said = self._said, []
        yield from said
        for part in self._parts:
            if part.process is not None:
                for event in part.process.events():
                    yield from part.follow(event)
        alive = [part for part in self._parts if part.process is not None]
        if any(p.is_fresh for p in alive) and all(p.sample for p in self._parts):
            yield self._sample()

    def cut_power(self, number: int) -> int:
        """Kill one process; return how many devices it ran."""
        part = self._parts[number]
        self._said += part.lose_power()
        return part.size

    def restore_power(self, number: int) -> int:
        """Start a killed process again; return how many devices it runs."""
        part = self._parts[number]
        part.process = Process(part.path)
        return part.size

    def quiesce(self) -> None:
        """Stop making new messages; deliver those that wait."""
        for process in self._running():
            process.quiesce()

    def accounts(self) -> Sequence[DeviceAccount]:
        """Ask every device that has power for its own account.

        Raises:
            NotReadyError: A process of the fleet does not answer.
        """
        running = self._running()
        for process in running:
            process.ask()
        return list(chain.from_iterable(process.accounts() for process in running))

    def stop(self) -> None:
        """End the processes, by force if need be."""
        for process in self._running():
            process.stop()

    def _running(self) -> list[Process]:
        return [part.process for part in self._parts if part.process is not None]

    def _sample(self) -> Mapping[str, Any]:
        connected: Counter[str] = Counter()
        numbers: Counter[str] = Counter()
        for part in self._parts:
            part.is_fresh = False
            assert part.sample is not None  # noqa: S101 - its caller looked
            connected.update(part.sample["connected"])
            numbers.update({name: part.sample[name] for name in _ADDED})
            numbers.update(part.former)
        return {"kind": "fleet_sample", "connected": dict(connected), **numbers}
