"""`python -m hotsite.local.backbone CONFIG.json`: replication between the Regions.

AWS replicates global tables inside DynamoDB: asynchronously, the last writer of an
item wins, and several writes to one item may arrive as one (DynamoDB Developer
Guide, "How DynamoDB global tables work"). Here one pump per table and direction
reads a Region's own writes and hands them to the other, which decides who wins.

What has not left a Region when it dies stays there, as on AWS: before a pump hands
anything over, the source must just have answered. A pump survives both Regions:
it tries again for ever, and its position never passes what was not applied. While
the Regions are cut off from each other, it reads its source and hands nothing over.
"""

import asyncio
import http.client
import json
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import permutations
from pathlib import Path
from typing import Any

from hotsite.errors import HotsiteError, InvalidInputError, UnreachableError
from hotsite.local import control, records
from hotsite.local.copies import Copier
from hotsite.local.pumps import ANSWER_S_MAX, CUT, Gateway, PumpStatus

BATCH_MAX = 500
_WAIT_S_MAX = 1.0
_BACKOFF_S_MIN = 0.05
_BACKOFF_S_MAX = 1.0
# A pump that holds this many changes stops asking for more.
_HELD_MAX = 20_000


@dataclass(frozen=True, slots=True)
class BackboneConfig:
    """What the backbone is told when it starts.

    Attributes:
        gateways: The Regions.
        tables: Names of the global tables.
        control_socket: Path of the Unix socket to answer on.
        account_id: 12 digits; empty for a cloud without buckets to copy.
        lag_s: How long after its write a change may be handed over.
    """

    gateways: tuple[Gateway, ...]
    tables: tuple[str, ...]
    control_socket: str
    account_id: str = ""
    lag_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """One write of a Region, as it listed it.

    Attributes:
        key: One text per item.
        written_at_s: When, in seconds since the epoch.
        body: What the other Region is given.
    """

    key: str
    written_at_s: float
    body: Mapping[str, Any]


def due(
    held: Sequence[Change], *, now_s: float, lag_s: float
) -> tuple[list[Change], list[Change]]:
    """Split held changes into what may go now and what has to wait.

    Order is kept: a change that is not due holds back everything behind it.

    Args:
        held: Changes in the order of the source.
        now_s: Seconds since the epoch.
        lag_s: How old a change must be, 0 or more.

    Returns:
        The due ones, several writes to one item as the last of them; the rest.
    """
    count = 0
    while count < len(held) and held[count].written_at_s + lag_s <= now_s:
        count += 1
    return coalesce(held[:count]), list(held[count:])


def coalesce(changes: Iterable[Change]) -> list[Change]:
    """Keep the last write to each item, in the order of those last writes."""
    last: dict[str, Change] = {}
    for change in changes:
        last.pop(change.key, None)
        last[change.key] = change
    return list(last.values())


class Endpoint:
    """A kept-alive HTTP connection to one Region, for one thread.

    Args:
        gateway: Where it is.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Return the parsed answer to one request.

        Raises:
            UnreachableError: No answer in time, or not a good one.
        """
        if self._connection is None:
            self._connection = http.client.HTTPConnection(
                self._gateway.address, self._gateway.port, timeout=ANSWER_S_MAX
            )
        try:
            content = None if body is None else json.dumps(body).encode()
            headers = {"Content-Type": "application/json"}
            self._connection.request(method, path, content, headers)
            response = self._connection.getresponse()
            document = json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError) as error:
            self._connection.close()
            self._connection = None
            why = f"{type(error).__name__}: {error}"
            raise UnreachableError(f"{self._gateway.region}: {why}") from error
        if response.status != http.HTTPStatus.OK:
            raise UnreachableError(
                f"{self._gateway.region}: {path} answered {response.status}"
            )
        return document


class Pump(threading.Thread):
    """Moves one table's changes from one Region to the other.

    Args:
        table: Name of the table.
        source: The Region that wrote.
        replica: The Region that is written to.
        lag_s: How old a change must be.
    """

    def __init__(
        self, table: str, source: Gateway, replica: Gateway, *, lag_s: float
    ) -> None:
        super().__init__(daemon=True, name=f"{table} {source.region}")
        self.lag_s = lag_s
        self.is_cut = False
        self._table = table
        self._regions = (source.region, replica.region)
        self._source = Endpoint(source)
        self._replica = Endpoint(replica)
        self._cursor = ""
        self._held: list[Change] = []
        self._applied = 0
        self._last_lag_s: float | None = None
        self._source_trouble = "not asked yet"
        self._replica_trouble = ""

    def run(self) -> None:
        """Pump for ever, slower while something does not answer."""
        backoff_s = _BACKOFF_S_MIN
        while True:
            if self.step():
                backoff_s = _BACKOFF_S_MIN
            else:
                time.sleep(backoff_s)
                backoff_s = min(2 * backoff_s, _BACKOFF_S_MAX)

    def step(self) -> bool:
        """Read what the source wrote and hand over what is due.

        Returns:
            Whether both Regions answered.
        """
        try:
            self._fetch()
            self._source_trouble = ""
        except UnreachableError as error:
            self._source_trouble = str(error)
            return False
        try:
            self._hand_over()
            self._replica_trouble = ""
        except UnreachableError as error:
            self._replica_trouble = str(error)
            return False
        return True

    def status(self, *, now_s: float) -> PumpStatus:
        """Return how far this pump is behind.

        Args:
            now_s: Seconds since the epoch.
        """
        held = self._held
        lag_s = now_s - held[0].written_at_s if held else 0.0
        return PumpStatus(
            table=self._table,
            source=self._regions[0],
            replica=self._regions[1],
            pending=len(held),
            lag_s=None if self._source_trouble else round(max(0.0, lag_s), 3),
            applied=self._applied,
            last_lag_s=self._last_lag_s,
            trouble=self._source_trouble or self._replica_trouble,
        )

    def _fetch(self) -> None:
        wait_s = _WAIT_S_MAX
        if self._held:
            due_s = self._held[0].written_at_s + self.lag_s - time.time()
            wait_s = max(0.0, min(due_s, _WAIT_S_MAX))
        limit = min(BATCH_MAX, _HELD_MAX - len(self._held))
        # A full queue still asks: only a source that lives may hand over.
        query = {"limit": max(1, limit), "wait_s": f"{wait_s:.3f}"}
        if self._cursor:
            query["after"] = self._cursor
        path = f"/_hotsite/tables/{self._table}/changes"
        answer = self._source.ask("GET", f"{path}?{urllib.parse.urlencode(query)}")
        if limit <= 0:
            return
        self._held = self._held + [_change(each) for each in answer["changes"]]
        self._cursor = str(answer["cursor"])

    def _hand_over(self) -> None:
        ready, rest = due(self._held, now_s=time.time(), lag_s=self.lag_s)
        if not ready:
            return
        if self.is_cut:
            raise UnreachableError(CUT)
        path = f"/_hotsite/tables/{self._table}/apply"
        for start in range(0, len(ready), BATCH_MAX):
            batch = ready[start : start + BATCH_MAX]
            self._replica.ask("POST", path, {"changes": [each.body for each in batch]})
        self._applied += len(ready)
        self._last_lag_s = round(max(0.0, time.time() - ready[-1].written_at_s), 3)
        self._held = rest


class Backbone:
    """All pumps, and the answers to questions about them.

    Args:
        config: What to replicate between which Regions.
    """

    def __init__(self, config: BackboneConfig) -> None:
        self._lag_s = config.lag_s
        self._pumps = [
            Pump(table, source, replica, lag_s=config.lag_s)
            for table in config.tables
            for source, replica in permutations(config.gateways, 2)
        ]
        self._copiers = [
            Copier(source, replica, account_id=config.account_id, lag_s=config.lag_s)
            for source, replica in permutations(config.gateways, 2)
            if config.account_id
        ]

    def start(self) -> None:
        """Start every pump."""
        for mover in self._movers:
            mover.start()

    @property
    def _movers(self) -> tuple[Pump | Copier, ...]:
        return (*self._pumps, *self._copiers)

    async def answer(self, request: control.Request) -> object:
        """Answer ``status``, ``lag`` and ``cut``.

        Raises:
            InvalidInputError: It asks for something else.
        """
        if request.get("command") == "status":
            now_s = time.time()
            pumps = [asdict(pump.status(now_s=now_s)) for pump in self._pumps]
            copies = [
                asdict(status)
                for copier in self._copiers
                for status in copier.status(now_s=now_s)
            ]
            return {"lag_s": self._lag_s, "pumps": pumps, "copies": copies}
        if request.get("command") == "lag":
            self._lag_s = control.number(request, "lag_s")
            for mover in self._movers:
                mover.lag_s = self._lag_s
            return {"lag_s": self._lag_s}
        if request.get("command") == "cut":
            for mover in self._movers:
                mover.is_cut = bool(request.get("is_cut"))
            return {}
        raise InvalidInputError(f"unknown command {request.get('command')!r}")


def _change(listed: Mapping[str, Any]) -> Change:
    key = json.dumps(listed["key"], sort_keys=True)
    return Change(key, float(listed["written_at_s"]), listed)


async def _serve(config: BackboneConfig) -> None:
    backbone = Backbone(config)
    backbone.start()
    server = await control.serve(Path(config.control_socket), backbone.answer)
    sys.stdout.write('{"kind": "ready"}\n')
    sys.stdout.flush()
    await server.serve_forever()


def main(arguments: list[str]) -> int:
    """Replicate until killed.

    Args:
        arguments: The path of the configuration.

    Returns:
        The exit code: 2 wrong configuration.
    """
    try:
        config = records.read(BackboneConfig, Path(arguments[0]))
    except HotsiteError as error:
        sys.stderr.write(f"backbone: {error}\n")
        return 2
    asyncio.run(_serve(config))
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
