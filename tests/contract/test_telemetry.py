"""The stores of telemetry of one Region, in memory and behind AWS's APIs."""

import pytest
from tests.contract.world import eventually

from hotsite.core.arrivals import Origin, Refused
from hotsite.core.outbox import Key
from hotsite.core.resume import Range
from hotsite.core.telemetry import Telemetry
from hotsite.errors import InvalidInputError, NotFoundError, UnreachableError

ORIGIN = Origin("eu-west-1", hot_days=30)
NOW_S = 1_790_000_000.5


def arrivals(*seqs, thing="oven", epoch=5, data='{"celsius":20.5}'):
    messages = [Telemetry(Key(epoch, seq), 100.25, data) for seq in seqs]
    return ORIGIN.arrivals(thing, messages, at_s=NOW_S)


def held(keeping, thing, wanted):
    seqs, token = [], None
    while True:
        page = keeping.hot.page(thing, wanted, token)
        seqs += page.seqs
        token = page.next_token
        if token is None:
            return seqs


def names(keeping):
    found, token = [], None
    while True:
        page = keeping.archive.page(token)
        found += page.names
        token = page.next_token
        if token is None:
            return found


def refused(payload=b"\xff{", topic="dt/oven/telemetry", at_s=NOW_S):
    return Refused(topic, payload, "not JSON", at_s)


def test_messages_are_found_by_thing_epoch_and_number(keeping):
    assert keeping.hot.put(arrivals(*range(1, 61))) == ()
    keeping.hot.put(arrivals(1, 2, epoch=6) + arrivals(3, thing="kettle"))
    assert held(keeping, "oven", Range(5, 9, 21)) == list(range(9, 22))
    assert held(keeping, "oven", Range(5, 1, 999_999_999_999)) == list(range(1, 61))
    assert held(keeping, "oven", Range(6, 1, 9)) == [1, 2]
    assert held(keeping, "kettle", Range(5, 1, 9)) == [3]
    assert held(keeping, "saw", Range(5, 1, 9)) == []


def test_message_that_comes_again_is_there_once(keeping):
    for _ in range(2):
        assert keeping.hot.put(arrivals(1, 2)) == ()
    assert held(keeping, "oven", Range(5, 1, 9)) == [1, 2]


@pytest.mark.parametrize(
    "data",
    [
        "{}",
        '{"":[null,true,"\u00fc",{"a":-0.1}]}',
        '{"too":1e300}',
        '{"many":1.2345678901234567890123456789012345678901}',
        '{"deep":' + "[" * 60 + "]" * 60 + "}",
    ],
)
def test_any_reading_that_a_device_may_send_is_stored(keeping, data):
    keeping.hot.put(arrivals(1) + arrivals(2, data=data))
    assert held(keeping, "oven", Range(5, 1, 9)) == [1, 2]


def test_cold_stream_takes_more_than_fits_into_one_call(keeping):
    assert keeping.cold.put(arrivals(*range(1, 602))) == ()
    records = eventually(
        lambda: len(keeping.cold_records()) == 601 and keeping.cold_records()
    )
    assert sorted(each["seq"] for each in records) == list(range(1, 602))
    assert next(each for each in records if each["seq"] == 7) == {
        "pk": "oven",
        "sk": "0000000005#000000000007",
        "epoch": 5,
        "seq": 7,
        "published_at_s": 100.25,
        "received_at_s": int(NOW_S),
        "origin": "eu-west-1",
        "data": '{"celsius":20.5}',
    }


def test_refusal_is_kept_byte_for_byte_and_the_same_once(keeping):
    name = keeping.archive.put(refused())
    assert keeping.archive.put(refused()) == name
    assert keeping.archive.read(name) == refused()
    assert names(keeping) == [name]


def test_pages_name_every_refusal_once(keeping):
    made = {keeping.archive.put(refused(at_s=NOW_S + n * 9e4)) for n in range(8)}
    found = names(keeping)
    assert len(found) == len(made)
    assert set(found) == made


def test_finished_refusal_waits_no_longer_and_finishing_again_is_fine(keeping):
    name, other = (keeping.archive.put(refused(payload)) for payload in (b"1", b"2"))
    for _ in range(2):
        keeping.archive.finish(name)
    assert names(keeping) == [other]
    with pytest.raises(NotFoundError):
        keeping.archive.read(name)


def test_silent_store_is_unreachable_and_never_empty(keeping):
    gone = keeping.cut_off()
    for call in (
        lambda: gone.hot.put(arrivals(1)),
        lambda: gone.hot.page("oven", Range(5, 1, 9)),
        lambda: gone.cold.put(arrivals(1)),
        lambda: gone.archive.put(refused()),
        gone.archive.page,
        lambda: gone.archive.read("errors/any"),
        lambda: gone.archive.finish("errors/any"),
    ):
        with pytest.raises(UnreachableError):
            call()


@pytest.mark.local
@pytest.mark.parametrize("body", [b"", b"[]", b'{"v":2}', b'{"v":1,"topic":"t"}'])
def test_object_that_is_no_refusal_is_refused_by_name(region, body):
    from tests.contract.keepings import CloudKeeping  # noqa: PLC0415
    from tests.contract.world import Cloud  # noqa: PLC0415

    there = CloudKeeping(Cloud.local(region))
    name = "errors/date=2026-11-28/other.json"
    s3 = there.cloud.client("s3")
    s3.put_object(Bucket=there.bucket, Key=name, Body=body)
    with pytest.raises(InvalidInputError, match=name):
        there.archive.read(name)
