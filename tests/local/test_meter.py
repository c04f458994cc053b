"""The RPO meter through the whole path: canary, rule, hot table, backbone, stream."""

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.local.cloud_world import wait_until

from hotsite.core.outbox import Key
from hotsite.core.telemetry import sort_key
from hotsite.local.client import LocalCloud

pytestmark = pytest.mark.local

ROOT = Path(__file__).parents[2]
HOTSITE = [sys.executable, "-m", "hotsite.faces.cli.main"]
NAME, BLOCK = "meter", "81"
A, B = "eu-central-1", "eu-west-1"
# The canary looks each 10 s, and 20 s pass between two of its runs.
HEARTBEATS_S = 90
LAG_S = 20


class World:
    """A local cloud that is up, and what ``hotsite status`` says of it."""

    def __init__(self, folder):
        self.folder = folder

    def up(self):
        where = self.folder / ".hotsite" / NAME
        flags = ["--detach", "--dir", str(where), "--block", BLOCK]
        command = [*HOTSITE, "local", "up", *flags]
        # Templates are made once, beside everything else that is built.
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
        self.local = LocalCloud.open(where)

    def down(self):
        command = [*HOTSITE, "local", "down", "--name", NAME]
        subprocess.run(command, cwd=self.folder, check=False)

    def status(self, code):
        done = subprocess.run(
            [*HOTSITE, "status", "--json", "--local", NAME],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)["rpo"]

    def until(self, check, *, code=0, limit_s=HEARTBEATS_S):
        found = []

        def look():
            found.append(self.status(code))
            return check(found[-1])

        try:
            wait_until(look, limit_s)
        except AssertionError:
            raise AssertionError(found[-3:]) from None
        return found[-1]


class Fleet(threading.Thread):
    """Rows of one device as Region a's rule would write them, some a second."""

    PAUSE_S = 0.2

    def __init__(self, world):
        super().__init__(daemon=True)
        self.table = world.local.client("dynamodb", "a")
        self.is_over = threading.Event()

    def run(self):
        seq = 0
        while not self.is_over.wait(self.PAUSE_S):
            seq += 1
            item = {
                "pk": {"S": "oven-1"},
                "sk": {"S": sort_key(Key(1, seq))},
                "origin": {"S": A},
                "received_at_s": {"N": repr(time.time())},
            }
            self.table.put_item(TableName="hotsite-telemetry", Item=item)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    found = World(tmp_path_factory.mktemp("meter"))
    try:
        found.up()
        yield found
    finally:
        found.down()


def test_figure_follows_the_lag_up_and_down_and_a_dead_region_is_told_by_the_other(
    world,
):
    # Heartbeats alone measure both Regions.
    found = world.until(lambda rpo: None not in (rpo[A]["hot_s"], rpo[B]["hot_s"]))
    assert all(one["is_covered"] for one in found.values())

    fleet = Fleet(world)
    fleet.start()
    world.until(lambda rpo: rpo[A]["messages"] > 0 and rpo[A]["hot_s"] < LAG_S / 2)
    world.local.set_lag(LAG_S)
    found = world.until(lambda rpo: LAG_S <= rpo[A]["hot_s"] <= 1.5 * LAG_S)
    assert found[A]["messages"] > 1 / Fleet.PAUSE_S * LAG_S / 4
    world.until(lambda rpo: LAG_S <= rpo[B]["hot_s"] <= 3 * LAG_S)
    world.local.set_lag(0)
    world.until(lambda rpo: rpo[A]["hot_s"] < LAG_S / 2)
    fleet.is_over.set()
    fleet.join()
    # Heartbeats go to the cold store, too, and are copied to the other Region.
    world.until(lambda rpo: rpo[A]["cold_s"] is not None, limit_s=3 * HEARTBEATS_S)

    world.local.fault("kill", "a")
    first = world.until(lambda rpo: rpo[A]["hot_s"] > LAG_S, code=3)
    world.until(lambda rpo: rpo[A]["hot_s"] > first[A]["hot_s"] + 10, code=3)
    assert world.status(3)[B]["hot_s"] is None
    world.local.fault("return", "a")
    world.until(lambda rpo: rpo[A]["hot_s"] < LAG_S, limit_s=2 * HEARTBEATS_S)
