"""How changes travel between two replicas in memory."""

from itertools import permutations

import pytest

from hotsite.core.onboarding import Claim, Entry
from hotsite.core.registry import Thing
from hotsite.sim.clock import SimClock
from hotsite.sim.tables import SimClaims, SimTables, Write, replicate

KEY = ("oven", "thing")


def pair():
    clock = SimClock()
    return SimTables("a", clock), SimTables("b", clock), clock


def test_change_arrives_when_its_lag_is_over_and_not_before():
    a, b, clock = pair()
    a.put(KEY, Thing("oven"))
    clock.sleep(4.9)
    replicate(a, b, lag_s=5.0)
    assert b.read("oven").thing is None
    clock.sleep(0.2)
    replicate(a, b, lag_s=5.0)
    assert b.read("oven").thing == Thing("oven")


def test_received_change_is_not_sent_back():
    a, b, _ = pair()
    a.put(KEY, Thing("oven"))
    replicate(a, b, lag_s=0)
    assert b.outbox == []
    assert a.outbox == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_last_writer_wins_whatever_the_order_of_arrival(order):
    _, b, _ = pair()
    writes = [
        Write(KEY, Thing("oven", f"type-{n}"), float(at_s), origin)
        for n, (at_s, origin) in enumerate([(1, "b"), (2, "a"), (2, "c")])
    ]
    for number in order:
        b.receive(writes[number])
    assert b.read("oven").thing.type_name == "type-2"


@pytest.mark.parametrize("is_source_down", [True, False])
def test_nothing_moves_while_a_side_is_down_and_all_moves_after(is_source_down):
    a, b, _ = pair()
    a.put(KEY, Thing("oven"))
    down = a if is_source_down else b
    down.is_reachable = False
    replicate(a, b, lag_s=0)
    assert KEY not in b.items
    down.is_reachable = True
    replicate(a, b, lag_s=0)
    assert b.read("oven").thing == Thing("oven")


def test_stream_names_things_and_never_claims():
    a, b, _ = pair()
    SimClaims(a).add(Entry.of(Claim("oven", "s3cret"), {}))
    a.put(KEY, Thing("oven"))
    replicate(a, b, lag_s=0)
    assert b.touched == ["oven"]
    assert SimClaims(b).read("oven") is not None
