"""A killed Region returns to its cloud: replication, faults, and who watches it."""

import os
import signal

import pytest
from tests.local.cloud_world import TABLES, small_config, wait_until

from hotsite.errors import InvalidInputError, NotReadyError
from hotsite.local import launcher
from hotsite.local.client import LocalCloud

pytestmark = [pytest.mark.local, pytest.mark.timeout(120)]

LONG_S = 10_000.0


@pytest.fixture
def launched(tmp_path):
    config = small_config(tmp_path, block=17)
    with launcher.Launched(config, lambda _: None) as there:
        there.wait_ready()
        yield there


@pytest.fixture
def local(launched, tmp_path):
    return LocalCloud.open(tmp_path / "cloud")


def key(pk):
    return {"pk": {"S": pk}, "sk": {"S": "-"}}


def put(local, site, pk, value):
    local.client("dynamodb", site).put_item(
        TableName=TABLES.registry, Item=key(pk) | {"value": {"S": value}}
    )


def delete(local, site, pk):
    local.client("dynamodb", site).delete_item(TableName=TABLES.registry, Key=key(pk))


def values(local, site):
    found = local.client("dynamodb", site).scan(
        TableName=TABLES.registry, ConsistentRead=True
    )
    return {item["pk"]["S"]: item["value"]["S"] for item in found["Items"]}


def await_both(local, wanted):
    for site in ("a", "b"):
        wait_until(lambda site=site: values(local, site) == wanted, 15)


def test_stranded_writes_and_deletes_replicate_after_the_return(local):
    for pk in ("kept", "gone-in-a", "gone-in-b", "fought-over", "put-again"):
        put(local, "a", pk, "old")
    await_both(local, values(local, "a"))
    local.set_lag(LONG_S)
    put(local, "a", "stranded", "of a")
    put(local, "a", "fought-over", "earlier, of a")
    delete(local, "a", "gone-in-a")
    delete(local, "a", "put-again")
    local.fault("kill", "a")
    put(local, "b", "meanwhile", "of b")
    put(local, "b", "fought-over", "later, of b")
    put(local, "b", "put-again", "later, of b")
    delete(local, "b", "gone-in-b")
    local.set_lag(0)
    local.fault("return", "a")
    await_both(
        local,
        {
            "kept": "old",
            "stranded": "of a",
            "meanwhile": "of b",
            "fought-over": "later, of b",
            "put-again": "later, of b",
        },
    )
    wait_until(lambda: local.replication_lag_s() == 0)


def test_a_delete_that_is_older_than_a_put_loses_against_it(local):
    put(local, "a", "pump", "old")
    await_both(local, {"pump": "old"})
    local.set_lag(LONG_S)
    delete(local, "a", "pump")
    put(local, "b", "pump", "new")
    local.set_lag(0)
    await_both(local, {"pump": "new"})


def test_a_put_that_is_older_than_a_delete_does_not_bring_the_item_back(local):
    put(local, "a", "pump", "old")
    await_both(local, {"pump": "old"})
    local.set_lag(LONG_S)
    put(local, "b", "pump", "newer")
    delete(local, "a", "pump")
    local.set_lag(0)
    await_both(local, {})


def test_a_long_stall_drains_when_it_ends(local):
    local.set_lag(LONG_S)
    wanted = {f"thing-{number}": "x" for number in range(1_200)}
    client = local.client("dynamodb", "a")
    for pk in wanted:
        item = key(pk) | {"value": {"S": "x"}}
        client.put_item(TableName=TABLES.registry, Item=item)
    assert values(local, "b") == {}
    local.set_lag(0)
    await_both(local, wanted)
    wait_until(lambda: local.replication_lag_s() == 0)


def test_a_region_returns_twice_and_is_watched_again(local, launched):
    for turn in ("first", "second"):
        put(local, "a", turn, "x")
        local.fault("kill", "a")
        with pytest.raises(InvalidInputError, match="was killed"):
            local.fault("kill", "a")
        local.fault("return", "a")
        states = {p.identity.name: p.state for p in local.check().processes}
        assert set(states.values()) == {"running"}
    await_both(local, {"first": "x", "second": "x"})
    (pid,) = (
        p.identity.pid for p in local.state.processes if p.identity.name == "region-a"
    )
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(NotReadyError, match=rf"region-a \(pid {pid}\).*SIGKILL"):
        launched.wait_end()


def test_only_a_killed_region_can_return(local):
    with pytest.raises(InvalidInputError, match=r"region-b was not killed: .*running"):
        local.fault("return", "b")
    local.fault("freeze", "b")
    with pytest.raises(InvalidInputError, match="frozen"):
        local.fault("return", "b")
