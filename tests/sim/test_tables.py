"""How changes travel between two replicas in memory."""

from dataclasses import replace
from itertools import permutations

import pytest
from tests.sample_registry import certificate

from hotsite.core.onboarding import Claim, Entry
from hotsite.core.registry import Key, Kind, Record, Shadows, Thing, thing_key
from hotsite.errors import ConflictError, InvalidInputError
from hotsite.sim.clock import SimClock
from hotsite.sim.tables import Item, SimClaims, SimTables, replicate

KEY = ("thing#oven", "thing")
OVEN = thing_key("oven")


def pair():
    clock = SimClock()
    return SimTables("a", clock), SimTables("b", clock), clock


def test_change_arrives_when_its_lag_is_over_and_not_before():
    a, b, clock = pair()
    a.put(KEY, Thing("oven"))
    clock.sleep(4.9)
    replicate(a, b, lag_s=5.0)
    assert b.read(OVEN).thing is None
    clock.sleep(0.2)
    replicate(a, b, lag_s=5.0)
    assert b.read(OVEN).thing == Thing("oven")


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
        Item(KEY, Thing("oven", f"type-{n}"), float(at_s), origin, order=(at_s, origin))
        for n, (at_s, origin) in enumerate([(1, "b"), (2, "a"), (2, "c")])
    ]
    for number in order:
        b.receive(writes[number])
    assert b.read(OVEN).thing.type_name == "type-2"


@pytest.mark.parametrize("is_source_down", [True, False])
def test_nothing_moves_while_a_side_is_down_and_all_moves_after(is_source_down):
    a, b, _ = pair()
    a.put(KEY, Thing("oven"))
    down = a if is_source_down else b
    down.is_reachable = False
    replicate(a, b, lag_s=0)
    assert not b.partitions
    down.is_reachable = True
    replicate(a, b, lag_s=0)
    assert b.read(OVEN).thing == Thing("oven")


def test_stream_names_things_and_never_claims():
    a, b, _ = pair()
    SimClaims(a).add(Entry.of(Claim("oven", "s3cret"), {}))
    a.put(KEY, Thing("oven"))
    replicate(a, b, lag_s=0)
    assert b.touched == [OVEN]
    assert SimClaims(b).read("oven") is not None


def written(tables, record):
    """Write over whatever is there."""
    tables.write(record, previous=tables.read(record.key))
    return tables.read(record.key)


def test_deleted_name_keeps_its_tombstone_and_old_certificates_stay_out():
    a, _, _ = pair()
    first = certificate("c1")
    written(a, Record(OVEN, Thing("oven"), (first,)))
    gone = written(a, Record(OVEN, None, is_deleted=True))
    assert (gone.is_deleted, gone.certificates) == (True, ())
    again = written(a, Record(OVEN, Thing("oven"), life=1))
    assert (again.thing, again.certificates) == (Thing("oven"), ())
    assert again.gone == (first.certificate_id,)


def test_body_cannot_leave_without_a_tombstone():
    a, _, _ = pair()
    there = written(a, Record(OVEN, Thing("oven")))
    with pytest.raises(InvalidInputError):
        a.write(Record(OVEN, None), previous=there)


def test_write_that_has_not_seen_the_last_one_is_refused():
    a, _, _ = pair()
    seen = written(a, Record(OVEN, Thing("oven")))
    written(a, Record(OVEN, Thing("oven", "device")))
    with pytest.raises(ConflictError):
        a.write(Record(OVEN, Thing("oven", "gateway")), previous=seen)


def test_revocation_survives_a_later_write_of_the_certificate():
    a, b, clock = pair()
    first = certificate("c1")
    record = Record(OVEN, Thing("oven"), (first,))
    written(a, record)
    replicate(a, b, lag_s=0)
    b.write_revoked(OVEN, first.certificate_id)
    clock.sleep(1)
    written(a, replace(record, certificates=(replace(first, policies=("p",)),)))
    replicate(a, b, lag_s=0)
    replicate(b, a, lag_s=0)
    for tables in (a, b):
        assert tables.read(OVEN).certificates[0].status.value == "REVOKED"


def test_shadow_that_leaves_gets_its_own_tombstone():
    a, _, _ = pair()
    key = Key(Kind.SHADOWS, "oven")
    written(a, Record(key, Shadows("oven", (("", "{}"), ("heat", "{}")))))
    left = written(a, Record(key, Shadows("oven", (("heat", "{}"),))))
    assert left.body == Shadows("oven", (("heat", "{}"),))
    a.purge(left)
    assert [name for name, _ in a.read(key).stamps] == ["shadow#heat"]


def test_purge_leaves_the_revocation_and_replicates_the_removal():
    a, b, clock = pair()
    first = certificate("c1")
    written(a, Record(OVEN, Thing("oven"), (first,)))
    a.write_revoked(OVEN, first.certificate_id)
    gone = written(
        a, Record(OVEN, None, is_deleted=True, revoked=(first.certificate_id,))
    )
    replicate(a, b, lag_s=0)
    clock.sleep(1)
    a.purge(gone)
    replicate(a, b, lag_s=0)
    for tables in (a, b):
        record = tables.read(OVEN)
        assert (record.is_absent, record.revoked) == (True, (first.certificate_id,))


def test_pages_name_every_key_once():
    a, _, _ = pair()
    names = {f"oven-{number}" for number in range(10)}
    for name in names:
        written(a, Record(thing_key(name), Thing(name)))
    found, token = [], None
    while True:
        page = a.page(token)
        found += page.keys
        token = page.next_token
        if token is None:
            break
    assert sorted(found, key=str) == [thing_key(name) for name in sorted(names)]
