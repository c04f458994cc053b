"""A fleet of several processes, one of which loses its power; no broker answers."""

import json
import time

import pytest

from hotsite.errors import NotReadyError
from hotsite.faces.agent.sensor import Sensor
from hotsite.local.fleet import Fleet

LIMIT_S = 60


@pytest.fixture
def fleet(fleet_file, tmp_path):
    whole = json.loads(fleet_file(count=4).read_text())
    configs = [
        {
            **whole,
            "devices": whole["devices"][part::2],
            "outbox": str(tmp_path / f"outbox-{part}.sqlite"),
        }
        for part in (0, 1)
    ]
    fleet = Fleet(configs, tmp_path / "fleet")
    yield fleet
    fleet.stop()


def sampled(fleet, is_wanted):
    """Follow the fleet until one of its samples is as wanted; return that."""
    until_s = time.monotonic() + LIMIT_S
    while time.monotonic() < until_s:
        for said in fleet.events():
            if said["kind"] == "fleet_sample" and is_wanted(said):
                return said
        time.sleep(0.05)
    raise AssertionError("no such sample")


def epochs(fleet):
    found = {}
    for account in fleet.accounts():
        found.setdefault(account.thing, []).append(account)
    return found


def test_a_part_that_loses_its_power_answers_for_all_its_epochs_afterwards(fleet):
    before = sampled(fleet, lambda said: said["published"] >= 8)
    assert before["offline"] == 4
    early = epochs(fleet)
    assert set(early) == {f"thing-{n}" for n in range(4)}

    assert fleet.cut_power(0) == 2
    assert set(epochs(fleet)) == {"thing-1", "thing-3"}
    dark = sampled(fleet, lambda said: said["published"] > before["published"])
    assert dark["offline"] == 4

    assert fleet.restore_power(0) == 2
    after = sampled(fleet, lambda said: said["published"] > dark["published"] + 8)
    assert after["backlog"] >= after["published"] - 2
    late = epochs(fleet)
    for thing in ("thing-0", "thing-2"):
        old, new = late[thing]
        assert old.epoch == early[thing][0].epoch < new.epoch
        # What was durable when the power went is known for ever.
        assert not early[thing][0].published.difference(old.published)
    assert [len(late[thing]) for thing in ("thing-1", "thing-3")] == [1, 1]


def test_a_process_that_dies_by_itself_ends_the_fleet(fleet):
    sampled(fleet, lambda said: said["published"] >= 1)
    fleet._parts[1].process._process.kill()
    with pytest.raises(NotReadyError, match="the fleet's process ended with -9"):
        sampled(fleet, lambda said: False)


def test_a_sensor_repeats_its_walk_and_no_other_ones():
    one, same, other = Sensor("7 a"), Sensor("7 a"), Sensor("7 b")
    walk = [one.read() for _ in range(200)]
    assert walk == [same.read() for _ in range(200)]
    assert walk != [other.read() for _ in range(200)]
    values = [reading["temperature_c"] for reading in walk]
    assert 0 < max(values) - min(values) < 10
