import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core import telemetry
from hotsite.core.outbox import Key
from hotsite.core.telemetry import Telemetry
from hotsite.errors import InvalidInputError

KEYS = st.builds(Key, st.integers(0, 9_999_999_999), st.integers(1, 999_999_999_999))
VALUES = st.dictionaries(
    st.text(max_size=8), st.integers() | st.text(max_size=8), max_size=4
)
MESSAGES = st.builds(
    Telemetry,
    KEYS,
    st.floats(0, 4e9).map(lambda at_s: round(at_s, 6)),
    VALUES.map(lambda data: json.dumps(data, separators=(",", ":"))),
)


@given(MESSAGES)
def test_a_message_survives_the_wire(message):
    assert telemetry.decode_message(json.loads(telemetry.encode_message(message))) == (
        message
    )


@given(st.lists(KEYS, max_size=20))
def test_sort_keys_sort_like_keys(keys):
    assert sorted(keys) == sorted(keys, key=telemetry.sort_key)


@given(st.lists(MESSAGES, max_size=300, unique_by=lambda message: message.key))
def test_batches_hold_every_message_in_order_and_stay_within_their_size(messages):
    payloads = [telemetry.encode_message(message) for message in messages]
    found, counts = [], 0
    for count, batch in telemetry.batches(payloads):
        assert count <= telemetry.BATCH_COUNT_MAX
        assert len(batch) <= telemetry.BATCH_BYTES_MAX
        unpacked, rejects = telemetry.unpack(batch)
        assert not rejects
        assert len(unpacked) == count
        found += unpacked
        counts += count
    assert found == messages
    assert counts == len(messages)


def test_a_message_that_is_larger_than_a_batch_goes_alone():
    large = b'{"x":"' + b"a" * telemetry.BATCH_BYTES_MAX + b'"}'
    assert [count for count, _ in telemetry.batches([b"{}", large, b"{}"])] == [1, 1, 1]


GOOD = {
    "sk": telemetry.sort_key(Key(1, 2)),
    "epoch": 1,
    "seq": 2,
    "published_at_s": 3.5,
    "data": {"a": 1},
}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"epoch": True}, "epoch must be a whole number"),
        ({"epoch": -1}, "epoch must be 0 to"),
        ({"epoch": 10**10}, "epoch must be 0 to"),
        ({"seq": 0}, "seq must be 1 to"),
        ({"seq": None}, "seq must be a whole number"),
        ({"sk": "elsewhere"}, "sk must be '0000000001#000000000002'"),
        ({"published_at_s": "now"}, "published_at_s must be a number"),
        ({"published_at_s": True}, "published_at_s must be a number"),
        ({"data": "text"}, "data must be a JSON object"),
        ({"data": {"a": "x" * 20_000}}, "data must be at most"),
    ],
)
def test_a_malformed_message_is_refused_alone_and_with_its_reason(change, reason):
    with pytest.raises(InvalidInputError, match=reason):
        telemetry.decode_message({**GOOD, **change})
    good, rejects = telemetry.unpack(json.dumps([{**GOOD, **change}, GOOD]))
    assert [message.key for message in good] == [Key(1, 2)]
    assert len(rejects) == 1


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_nothing_that_arrives_as_a_batch_makes_it_fail(payload):
    telemetry.unpack(payload)


@pytest.mark.parametrize("payload", [b"[" * 100_000, b"{}", b"[NaN]", b"\xff"])
def test_what_is_no_batch_is_one_reject_with_a_short_text(payload):
    messages, rejects = telemetry.unpack(payload)
    assert not messages
    assert len(rejects) == 1
    assert len(rejects[0].text) <= 80


def test_the_same_key_twice_in_a_batch_is_one_message():
    messages, rejects = telemetry.unpack(json.dumps([GOOD, GOOD]))
    assert (len(messages), rejects) == (1, ())
