"""How long a fleet takes to deliver what it kept while no Region answered.

Ten minutes of messages at one in 10 s are made at once, against a port that nobody
listens on; then the same devices find their Region. Done is when its hot table
holds all of them.
"""

import sys
import time
from collections.abc import Iterator, Mapping
from typing import Any

from bench_ground import CONNECT_S_MAX, Ground, ground
from benchmark import Result

from hotsite.adapters.aws.hot_store import HotStore
from hotsite.adapters.clock import SystemClock
from hotsite.core.hardship import Follow
from hotsite.errors import NotReadyError
from hotsite.local.fleet import Fleet
from hotsite.ports import FleetPlan

DEVICES = 300
INTERVAL_S = 10.0
AWAY_S = 600.0
REPLAY_S_MAX = 30.0
GIVE_UP_S = 180.0
MADE_EVERY_S = 0.2
NOBODY = 1
LOOK_EVERY_S = 0.25


def replay(count: int = DEVICES) -> Iterator[Result]:
    """Fill the outboxes, then let the devices find their Region."""
    with ground(count) as where:
        plan = FleetPlan(INTERVAL_S, seed=1, follow=Follow.OWN_NAMES)
        config = where.world.fleet_config(0, where.things, plan)
        backlog = fill(where, config, round(count * AWAY_S / INTERVAL_S))
        took_s, held = deliver(where, config, backlog)
    yield Result(
        "replay-of-10-minutes",
        took_s,
        "s",
        REPLAY_S_MAX,
        is_upper_bound=True,
        details={
            "devices": float(count),
            "messages": float(backlog),
            "held": float(held),
            "messages_per_s": backlog / took_s,
        },
    )


def fill(where: Ground, config: Mapping[str, object], wanted: int) -> int:
    """Let devices make messages that nobody takes; return how many they made."""
    lonely = {**config, "port": NOBODY, "interval_s": MADE_EVERY_S}
    fleet = Fleet([lonely], where.folder / "filling")
    try:
        until_s = time.monotonic() + GIVE_UP_S
        while time.monotonic() < until_s:
            for said in fleet.events():
                if said["kind"] == "fleet_sample" and said["backlog"] >= wanted:
                    fleet.quiesce()
                    return sum(one.published.size for one in fleet.accounts())
            time.sleep(LOOK_EVERY_S)
        raise NotReadyError("the devices made too few messages")
    finally:
        fleet.stop()


def deliver(
    where: Ground, config: Mapping[str, object], backlog: int
) -> tuple[float, int]:
    """Return the seconds from the first connection until all is stored.

    The table is counted once the devices have nothing left that nobody acknowledged,
    and read once it has enough rows: whoever reads all of a table four times a second
    measures that.
    """
    client = where.cloud.client("dynamodb", where.active)
    table = where.cloud.state.tables.telemetry
    streams = where.cloud.client("dynamodbstreams", where.active)
    store = HotStore(client, streams, table, SystemClock())
    before_s, before = SystemClock().now_s(), rows(client, table)
    fleet = Fleet([config], where.folder / "delivering")
    try:
        began_s = await_connection(fleet)
        until_s, held, waiting = began_s + GIVE_UP_S, 0, backlog
        while held < backlog and time.monotonic() < until_s:
            time.sleep(LOOK_EVERY_S)
            for said in fleet.events():
                waiting = said.get("backlog", waiting)
            if waiting or rows(client, table) - before < backlog:
                continue
            ended_s = time.monotonic()
            # The table also gets what is published live: of former epochs only.
            held = sum(
                item.held.size
                for item in store.held()
                if item.thing.startswith("device-") and item.epoch < int(before_s)
            )
        if held < backlog:
            raise NotReadyError(f"{held} of {backlog} messages arrived")
        return ended_s - began_s, held
    finally:
        fleet.stop()


def rows(client: Any, table: str) -> int:
    """Return how many rows a table has."""
    pages = client.get_paginator("scan").paginate(TableName=table, Select="COUNT")
    return sum(page["Count"] for page in pages)


def await_connection(fleet: Fleet) -> float:
    """Return when the first device connected."""
    until_s = time.monotonic() + CONNECT_S_MAX
    while time.monotonic() < until_s:
        if any(said["kind"] == "device_connected" for said in fleet.events()):
            return time.monotonic()
        time.sleep(0.01)
    raise NotReadyError("no device connected")


if __name__ == "__main__":
    for found in replay(*map(int, sys.argv[1:])):
        print(found)
