"""Batches into the stores: whatever fails, and wherever the worker ends."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.arrivals import Origin, Refused
from hotsite.core.outbox import Key
from hotsite.core.telemetry import Telemetry, encode_message
from hotsite.errors import ThrottledError, UnreachableError
from hotsite.flows.refusals import keep
from hotsite.flows.telemetry import Published, Stores, take_batch
from hotsite.flows.telemetry_redrive import redrive
from hotsite.sim.clock import SimClock
from hotsite.sim.telemetry import SimColdStream, SimErrorArchive, SimHotStore

NOW_S = 1_790_000_000.25
DAY_S = 86_400


class KilledError(BaseException):
    """Ends a flow where it stands, as SIGKILL does."""


def stores(region="eu-central-1", **changes):
    made = Stores(
        hot=SimHotStore(),
        cold=SimColdStream(),
        archive=SimErrorArchive(),
        origin=Origin(region, hot_days=30),
        clock=SimClock(),
        uniform=lambda: 0.5,
    )
    return replace(made, **changes)


def message(seq, epoch=5):
    return Telemetry(Key(epoch, seq), 100.0 + seq, f'{{"n":{seq}}}')


def batch(*seqs, bad=()):
    parts = [encode_message(message(seq)).decode() for seq in seqs]
    return Published("oven", f"[{','.join([*parts, *bad])}]".encode(), NOW_S)


def seqs(site):
    return [row.message.key.seq for _, row in sorted(site.hot.rows.items())]


def kill_at(site, call):
    """End the worker in front of one of its calls; return a way to let it be."""
    left = [call]

    def count():
        if not left[0]:
            raise KilledError
        left[0] -= 1

    for port in (site.hot, site.cold, site.archive):
        port.on_call = count
    return left


def test_batch_is_hot_and_cold_and_says_where_and_when_it_arrived():
    site = stores()
    taken = take_batch(batch(1, 2, 3), site)
    assert (taken.stored, taken.refused) == (3, 0)
    assert site.cold.records == list(site.hot.rows.values())
    row = site.hot.rows["oven", "0000000005#000000000002"]
    assert (row.thing, row.message) == ("oven", message(2))
    assert (row.origin, row.received_at_s) == ("eu-central-1", int(NOW_S))
    assert row.expires_at_s == int(NOW_S) + 30 * DAY_S
    assert not site.archive.waiting


def test_malformed_and_foreign_messages_are_archived_whole_and_stop_nothing():
    site = stores()
    foreign = json.loads(encode_message(message(9))) | {"thing": "kettle"}
    given = batch(1, 2, bad=['{"seq":1}', json.dumps(foreign)])
    taken = take_batch(given, site)
    assert (taken.stored, taken.refused) == (2, 2)
    assert seqs(site) == [1, 2]
    (refused,) = site.archive.waiting.values()
    assert refused.payload == given.payload
    assert refused.topic == "dt/oven/batch"
    assert refused.reason == (
        "2 refused: epoch must be a whole number; thing must be 'oven', as in the topic"
    )


def test_store_without_room_for_all_gets_the_rest_later():
    site = stores(hot=SimHotStore(room=2), cold=SimColdStream(room=3))
    began_s = site.clock.now_s()
    take_batch(batch(*range(1, 8)), site)
    assert seqs(site) == list(range(1, 8))
    assert [row.message.key.seq for row in site.cold.records] == list(range(1, 8))
    assert site.clock.now_s() > began_s


def test_store_that_never_has_room_ends_the_attempt_in_bounded_time():
    site = stores(hot=SimHotStore(room=0))
    began_s = site.clock.now_s()
    with pytest.raises(ThrottledError, match="no room for 2 of 2"):
        take_batch(batch(1, 2), site)
    assert site.clock.now_s() - began_s < 10


@pytest.mark.parametrize("port", ["hot", "cold", "archive"])
def test_silent_store_fails_the_batch_and_again_completes_it(port):
    site = stores()
    given = batch(1, 2, bad=["{}"])
    getattr(site, port).is_reachable = False
    with pytest.raises(UnreachableError):
        take_batch(given, site)
    getattr(site, port).is_reachable = True
    take_batch(given, site)
    assert seqs(site) == [1, 2]
    assert len(site.archive.waiting) == 1


@pytest.mark.parametrize("call", range(4))
def test_worker_killed_between_any_two_calls_changes_nothing_in_the_end(call):
    whole, site = stores(), stores()
    given = batch(1, 2, 3, bad=["1"])
    take_batch(given, whole)
    left = kill_at(site, call)
    try:
        take_batch(given, site)
    except KilledError:
        left[0] = 99
        take_batch(given, site)
    assert site.hot.rows == whole.hot.rows
    assert set(site.cold.records) == set(whole.cold.records)
    assert site.archive.waiting == whole.archive.waiting


@given(
    st.lists(st.sets(st.integers(1, 9), min_size=1), min_size=1, max_size=6),
    st.randoms(),
)
def test_duplicates_and_any_order_give_the_same_series(groups, chance):
    given_batches = [batch(*sorted(group)) for group in groups]
    once, shuffled = stores(), stores()
    for each in given_batches:
        take_batch(each, once)
    again = given_batches * 2
    chance.shuffle(again)
    for each in again:
        take_batch(each, shuffled)
    assert shuffled.hot.rows == once.hot.rows


def test_stranded_writes_of_a_region_that_returns_add_what_was_missing_alone():
    dead, alive = stores("eu-central-1"), stores("eu-west-1")
    take_batch(batch(1, 2, 3), dead)
    later = replace(batch(2, 3, 4), at_s=NOW_S + 600)
    take_batch(later, alive)
    before = {key: row.message for key, row in alive.hot.rows.items()}
    # The last writer wins, item by item, and either one may be the last.
    first = alive.hot.rows | dead.hot.rows
    second = dead.hot.rows | alive.hot.rows
    for merged in (first, second):
        shown = {key: row.message for key, row in merged.items()}
        missing = {key for key in shown if key not in before}
        assert {key: shown[key] for key in before} == before
        assert missing == {("oven", "0000000005#000000000001")}
    differing = {
        name
        for key in dead.hot.rows.keys() & alive.hot.rows.keys()
        for name in ("thing", "message", "origin", "received_at_s", "expires_at_s")
        if getattr(dead.hot.rows[key], name) != getattr(alive.hot.rows[key], name)
    }
    assert differing == {"origin", "received_at_s", "expires_at_s"}


def test_refusal_without_a_reason_gets_the_one_that_its_content_has():
    archive = SimErrorArchive()
    keep(Refused("dt/oven/telemetry", b"{}", "", NOW_S), archive)
    keep(Refused("dt/oven/telemetry", b"{}", "the table is gone", NOW_S), archive)
    reasons = {each.reason for each in archive.waiting.values()}
    assert reasons == {
        "1 refused: epoch must be a whole number",
        "the table is gone",
    }


def refusals(site):
    put = site.archive.put
    live, bad = encode_message(message(1)), b"{}"
    put(Refused("dt/oven/telemetry", live, "the table throttled", NOW_S))
    put(Refused("dt/oven/telemetry", bad, "epoch", NOW_S))
    put(Refused("dt/oven/batch", batch(2, 3).payload, "gone", NOW_S))
    put(Refused("dt/oven/batch", batch(4, bad=["1"]).payload, "1 refused", NOW_S))
    put(Refused("dt/oven/resume", b"what?", "not JSON", NOW_S))
    put(Refused("", b"junk", "nobody can read it", NOW_S))


def test_what_is_valid_now_is_replayed_and_what_is_not_stays_with_its_reason():
    site = stores()
    refusals(site)
    found = list(redrive(site, is_trial=False))
    assert seqs(site) == [1, 2, 3, 4]
    assert len(site.archive.redriven) == 2
    assert sorted(each.reason for each in found if not each.is_done) == [
        "1 refused: a message must be a JSON object",
        "1 refused: dt/oven/resume holds no messages",
        "1 refused: epoch must be a whole number",
        "1 refused: no topic holds no messages",
    ]
    assert site.hot.rows["oven", "0000000005#000000000001"].received_at_s == int(NOW_S)


def test_trial_of_a_redrive_tells_the_same_and_changes_nothing():
    site, other = stores(), stores()
    refusals(site)
    refusals(other)
    told = list(redrive(site, is_trial=True))
    assert not site.hot.rows
    assert not site.archive.redriven
    assert told == list(redrive(other, is_trial=False))


@pytest.mark.parametrize("call", range(22))
def test_redrive_killed_between_any_two_calls_loses_nothing(call):
    whole, site = stores(), stores()
    for each in (whole, site):
        refusals(each)
    list(redrive(whole, is_trial=False))
    left = kill_at(site, call)
    try:
        list(redrive(site, is_trial=False))
    except KilledError:
        left[0] = 99
        list(redrive(site, is_trial=False))
    assert site.hot.rows == whole.hot.rows
    assert site.archive.redriven == whole.archive.redriven
    assert site.archive.waiting == whole.archive.waiting
