"""Run the fleet: processes of the reference agent, driven over their pipes."""

import json
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hotsite.core.intervals import Intervals
from hotsite.errors import NotReadyError
from hotsite.ports import DeviceAccount

_ANSWER_LIMIT_S = 20.0
_STOP_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class Member:
    """One device of the fleet, as files on this machine."""

    thing: str
    certificate: Path
    private_key: Path


class Fleet:
    """One process that runs many devices' logic."""

    def __init__(self, config: Mapping[str, Any], folder: Path) -> None:
        """Start the process; it ends when its standard input is closed.

        Args:
            config: What the agent's fleet runner takes.
            folder: Where its configuration, outbox and log go.
        """
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "fleet.json"
        path.write_text(json.dumps(config, indent=1))
        self._log = folder / "fleet.log"
        self._events: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._reports: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "hotsite.faces.agent.fleet", str(path)],
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

    def accounts(self) -> Sequence[DeviceAccount]:
        """Ask every device for its own account.

        Raises:
            NotReadyError: The fleet's process does not answer.
        """
        self._send({"command": "report"})
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

    def stop(self) -> None:
        """End the process, by force if need be."""
        if self._process.stdin and not self._process.stdin.closed:
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
            said = json.loads(line)
            is_report = said["kind"] in {"device_reported", "report_done"}
            (self._reports if is_report else self._events).put(said)

    def _last_words(self) -> str:
        text = self._log.read_text(errors="replace").strip()
        return text.splitlines()[-1] if text else "it said nothing"
