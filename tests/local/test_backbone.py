"""The backbone: laws of the pump as tables, then two real Region processes."""

import itertools
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.local.cloud_world import OPERATIONS, TABLES, small_config, wait_until

from hotsite.adapters.aws.operations import DynamoOperations
from hotsite.core.epoch import Epoch
from hotsite.core.operations import Book, Claim, Entry, Pause
from hotsite.errors import UnreachableError
from hotsite.local import launcher
from hotsite.local.backbone import Change, Endpoint, coalesce, due
from hotsite.local.client import LocalCloud
from hotsite.local.pumps import Gateway

changes = st.lists(
    st.builds(Change, st.sampled_from("abc"), st.integers(0, 9), st.just({}))
)


@given(changes, st.integers(0, 12), st.integers(0, 5))
def test_nothing_goes_early_and_nothing_is_lost(held, now_s, lag_s):
    ready, rest = due(held, now_s=now_s, lag_s=lag_s)
    assert all(change.written_at_s + lag_s <= now_s for change in ready)
    gone = held[: len(held) - len(rest)]
    assert gone + rest == held
    assert {change.key for change in ready} == {change.key for change in gone}
    assert not rest or rest[0].written_at_s + lag_s > now_s


@given(changes)
def test_the_last_write_to_each_item_remains_in_order(held):
    kept = coalesce(held)
    assert len({change.key for change in kept}) == len(kept)
    for change in kept:
        assert change is [each for each in held if each.key == change.key][-1]
    places = [max(i for i, each in enumerate(held) if each is c) for c in kept]
    assert places == sorted(places)


def test_a_dead_region_is_unreachable_at_once():
    endpoint = Endpoint(Gateway("eu-central-1", "127.0.220.1", 4566))
    with pytest.raises(UnreachableError, match=r"^eu-central-1: ConnectionRefused"):
        endpoint.ask("GET", "/_hotsite/tables/t/changes")


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    folder = tmp_path_factory.mktemp("backbone")
    with launcher.Launched(small_config(folder), lambda _: None) as launched:
        launched.wait_ready()
        yield LocalCloud.open(folder / "cloud")


class Sides:
    """The same table, seen from both Regions."""

    def __init__(self, local):
        self.local = local
        self.a = local.client("dynamodb", "a")
        self.b = local.client("dynamodb", "b")

    def put(self, side, pk, value):
        item = {"pk": {"S": pk}, "sk": {"S": "-"}, "value": {"S": value}}
        side.put_item(TableName=TABLES.registry, Item=item)

    def value(self, side, pk):
        key = {"pk": {"S": pk}, "sk": {"S": "-"}}
        found = side.get_item(TableName=TABLES.registry, Key=key, ConsistentRead=True)
        return found.get("Item", {}).get("value", {}).get("S")

    def converge(self, pk, value, limit_s=10):
        wait_until(
            lambda: self.value(self.a, pk) == self.value(self.b, pk) == value, limit_s
        )


@pytest.fixture
def sides(local):
    yield Sides(local)
    local.set_lag(0)
    for name in ("a", "b"):
        local.fault("thaw", name)
    wait_until(lambda: local.replication_lag_s() == 0)


names = (f"thing-{number}" for number in itertools.count())


@pytest.fixture
def pk():
    return next(names)


@pytest.mark.local
def test_writes_reach_the_other_region_both_ways(sides, pk):
    sides.put(sides.a, pk, "from a")
    sides.converge(pk, "from a")
    sides.put(sides.b, pk, "from b")
    sides.converge(pk, "from b")


@pytest.mark.local
def test_an_operation_of_either_region_is_in_the_book_of_both(sides):
    a, b = (DynamoOperations(each, OPERATIONS) for each in (sides.a, sides.b))
    claim, pause = Claim(Epoch(1, "b", 5.0)), Pause(is_paused=True, by="operator")
    b.write(claim, previous=None)
    a.write(pause, previous=None)
    a.note(Entry(6.0, "a", "operator", "pause", "work"))
    b.note(Entry(5.0, "b", "operator", "issued epoch 1 (b)", "a is dead"))
    written = Book({claim.key: claim, pause.key: pause})
    wait_until(lambda: a.read() == b.read() == written)
    wait_until(lambda: len(a.entries()) == len(b.entries()) == 2)
    assert [line.site for line in a.entries()] == ["b", "a"]
    b.write(replace(pause, is_paused=False), previous=pause)
    wait_until(lambda: not a.read().pause.is_paused)


@pytest.mark.local
def test_a_delete_reaches_the_other_region(sides, pk):
    sides.put(sides.a, pk, "x")
    sides.converge(pk, "x")
    key = {"pk": {"S": pk}, "sk": {"S": "-"}}
    sides.b.delete_item(TableName=TABLES.registry, Key=key)
    sides.converge(pk, None)


@pytest.mark.local
def test_a_change_waits_for_its_lag_and_is_counted_meanwhile(sides, pk):
    sides.local.set_lag(1.5)
    written_s = time.monotonic()
    sides.put(sides.a, pk, "late")
    wait_until(lambda: (sides.local.replication_lag_s() or 0) > 0.2)
    assert sides.value(sides.b, pk) is None
    sides.converge(pk, "late")
    assert time.monotonic() - written_s >= 1.4


@pytest.mark.local
def test_a_partition_heals_and_the_last_writer_wins_on_both_sides(sides, pk):
    sides.put(sides.a, pk, "start")
    sides.converge(pk, "start")
    sides.local.set_lag(1.0)
    sides.put(sides.b, pk, "earlier")
    sides.put(sides.a, pk, "later")
    sides.local.set_lag(0)
    sides.converge(pk, "later")


@pytest.mark.local
def test_a_frozen_replica_gets_everything_when_it_thaws(sides, pk):
    sides.local.fault("freeze", "b")
    for number in range(20):
        sides.put(sides.a, f"{pk}-{number}", "kept")
    wait_until(
        lambda: any(p.pending and p.trouble for p in sides.local.pumps()), limit_s=15
    )
    sides.local.fault("thaw", "b")
    for number in range(20):
        sides.converge(f"{pk}-{number}", "kept", limit_s=15)


@pytest.mark.local
def test_a_frozen_source_hands_over_nothing_and_its_lag_is_unknown(sides, pk):
    sides.local.set_lag(1.0)
    sides.put(sides.a, pk, "stuck")
    sides.local.fault("freeze", "a")
    wait_until(lambda: sides.local.replication_lag_s() is None, limit_s=15)
    deadline_s = time.monotonic() + 1.5
    wait_until(lambda: time.monotonic() > deadline_s)
    assert sides.value(sides.b, pk) is None
    sides.local.fault("thaw", "a")
    sides.converge(pk, "stuck")
