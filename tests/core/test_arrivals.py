"""What a site adds to a message, and what it finds in what was refused."""

import json

import pytest

from hotsite.core.arrivals import (
    Origin,
    Refused,
    cold_line,
    messages_in,
    reason_of,
)
from hotsite.core.outbox import Key
from hotsite.core.telemetry import Reject, Telemetry, encode_message

MESSAGE = Telemetry(Key(3, 7), 1.5, '{"celsius":20.5}')
TEXT = encode_message(MESSAGE)
AT_S = 1_790_000_000.9


def test_arrivals_differ_in_where_when_and_until_alone():
    (here,) = Origin("eu-central-1", 30).arrivals("oven", [MESSAGE], at_s=AT_S)
    (there,) = Origin("eu-west-1", 30).arrivals("oven", [MESSAGE], at_s=AT_S + 60)
    assert (here.thing, here.sort_key, here.message) == (
        there.thing,
        there.sort_key,
        there.message,
    )
    assert here.expires_at_s - here.received_at_s == 30 * 86_400
    assert there.received_at_s - here.received_at_s == 60


def test_record_of_the_cold_path_is_one_line_with_the_reading_as_text():
    (arrival,) = Origin("eu-central-1", 30).arrivals("oven", [MESSAGE], at_s=AT_S)
    line = cold_line(arrival)
    assert line.count(b"\n") == 1
    assert json.loads(line) == {
        "pk": "oven",
        "sk": "0000000003#000000000007",
        "epoch": 3,
        "seq": 7,
        "published_at_s": 1.5,
        "received_at_s": int(AT_S),
        "origin": "eu-central-1",
        "data": '{"celsius":20.5}',
    }


@pytest.mark.parametrize(
    ("topic", "thing"),
    [
        ("dt/oven/telemetry", "oven"),
        ("dt/oven/other", "oven"),
        ("cmd/oven/resume", None),
        ("dt/oven", None),
        ("dt/oven/telemetry/more", None),
        ("", None),
    ],
)
def test_thing_is_the_one_of_a_topic_below_dt(topic, thing):
    assert Refused(topic, b"", "", AT_S).thing == thing


@pytest.mark.parametrize(
    ("topic", "payload", "found", "reasons"),
    [
        ("dt/oven/telemetry", TEXT, 1, []),
        ("dt/oven/telemetry", b"[" + TEXT + b"]", 0, ["must be a JSON object"]),
        ("dt/oven/telemetry", b"\xff", 0, ["not JSON"]),
        ("dt/oven/telemetry", b"[" * 99_999, 0, ["not JSON"]),
        ("dt/oven/batch", b"[" + TEXT + b",1]", 1, ["must be a JSON object"]),
        ("dt/oven/batch", TEXT, 0, ["not a JSON array"]),
        ("dt/oven/resume", TEXT, 0, ["holds no messages"]),
        ("cmd/oven/telemetry", TEXT, 0, ["holds no messages"]),
        ("", TEXT, 0, ["no topic holds no messages"]),
        (
            "dt/oven/telemetry",
            TEXT[:-1] + b',"thing":"kettle"}',
            0,
            ["thing must be 'oven'"],
        ),
    ],
)
def test_what_was_refused_is_read_again_by_its_topic(topic, payload, found, reasons):
    messages, rejects = messages_in(Refused(topic, payload, "", AT_S))
    assert messages == (MESSAGE,) * found
    assert len(rejects) == len(reasons)
    for reject, reason in zip(rejects, reasons, strict=True):
        assert reason in reject.reason


def test_reason_names_each_kind_once_and_not_too_many():
    rejects = [Reject(f"kind {n % 7}", "") for n in range(20)]
    assert reason_of(rejects[:1]) == "1 refused: kind 0"
    assert reason_of(rejects) == (
        "20 refused: kind 0; kind 1; kind 2; kind 3; kind 4; and 2 reasons more"
    )
