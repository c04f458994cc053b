from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.mqtt import SIZE_MAX, Parser, encode
from hotsite.core.mqtt_fields import text, varint, word
from hotsite.core.mqtt_packets import (
    PROPERTY_KINDS,
    Connack,
    Connect,
    Disconnect,
    MalformedPacketError,
    Pingreq,
    Pingresp,
    Property,
    PropertyKind,
    Puback,
    Publish,
    Suback,
    Subscribe,
    Subscription,
    Version,
)
from hotsite.errors import PermanentError

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
TOPICS = TEXTS.filter(lambda t: t and "+" not in t and "#" not in t)
CODES = st.integers(0, 255)
IDS = st.integers(1, 65_535)
VALUES = {
    PropertyKind.BYTE: st.integers(0, 255),
    PropertyKind.WORD: st.integers(0, 65_535),
    PropertyKind.LONG: st.integers(0, 2**32 - 1),
    PropertyKind.VARINT: st.integers(0, 268_435_455),
    PropertyKind.TEXT: TEXTS,
    PropertyKind.BINARY: st.binary(max_size=20),
    PropertyKind.PAIR: st.tuples(TEXTS, TEXTS),
}
PROPERTY = st.sampled_from(sorted(PROPERTY_KINDS)).flatmap(
    lambda i: st.builds(Property, st.just(i), VALUES[PROPERTY_KINDS[i]])
)
PROPERTIES = st.lists(PROPERTY, max_size=3).map(tuple)
SUBSCRIPTIONS = st.lists(
    st.builds(Subscription, TOPICS, st.integers(0, 1)), min_size=1, max_size=3
)


def packets(version):
    extra = PROPERTIES if version is Version.V5 else st.just(())
    end = CODES if version is Version.V5 else st.just(0)
    publish = {
        "topic": TOPICS,
        "payload": st.binary(max_size=300),
        "is_duplicate": st.booleans(),
        "is_retained": st.booleans(),
        "properties": extra,
    }
    return st.one_of(
        st.builds(
            Connect,
            client_id=TEXTS,
            keep_alive_s=st.integers(0, 65_535),
            is_clean=st.booleans(),
            version=st.just(version),
            username=st.none() | TEXTS,
            password=st.none() | st.binary(max_size=20),
            properties=extra,
        ),
        st.builds(Connack, CODES, st.booleans(), extra),
        st.builds(Publish, **publish),
        st.builds(Publish, **publish, qos=st.just(1), packet_id=IDS),
        st.builds(Puback, IDS, end, extra),
        st.builds(Subscribe, IDS, SUBSCRIPTIONS.map(tuple), extra),
        st.builds(Suback, IDS, st.lists(CODES, max_size=3).map(tuple), extra),
        st.builds(Pingreq),
        st.builds(Pingresp),
        st.builds(Disconnect, end, extra),
    )


STREAMS = st.sampled_from(Version).flatmap(
    lambda v: st.tuples(st.just(v), st.lists(packets(v), max_size=4))
)


@given(STREAMS, st.lists(st.integers(0, 2000), max_size=8))
def test_what_is_sent_arrives_however_the_stream_is_cut(stream, cuts):
    version, sent = stream
    data = b"".join(encode(packet, version) for packet in sent)
    parser = Parser(version=version)
    ends = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    arrived = [p for a, b in pairwise(ends) for p in parser.feed(data[a:b])]
    assert arrived == sent


@given(st.binary(max_size=200), st.sampled_from(Version))
def test_no_bytes_do_more_than_raise_our_error(data, version):
    with suppress(MalformedPacketError):
        Parser(version=version, size_max=1000).feed(data)


@pytest.mark.no_cover
@given(STREAMS, st.data())
def test_a_flipped_byte_does_no_more_than_raise_our_error(stream, data):
    version, sent = stream
    damaged = bytearray(b"".join(encode(packet, version) for packet in sent))
    if damaged:
        index = data.draw(st.integers(0, len(damaged) - 1))
        damaged[index] = data.draw(st.integers(0, 255))
    with suppress(MalformedPacketError):
        Parser(version=version).feed(bytes(damaged))


def test_a_connect_tells_the_parser_the_version():
    parser = Parser()
    parser.feed(encode(Connect("thing", version=Version.V311)))
    assert parser.version is Version.V311


def test_bytes_on_the_wire_are_those_of_the_standard():
    # v3 figure 3.6 and the example of v3 3.3.
    assert encode(Connect("a", 60, version=Version.V311)) == (
        b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01a"
    )
    assert encode(Publish("a/b", b"x", qos=1, packet_id=10), Version.V311) == (
        b"\x32\x08\x00\x03a/b\x00\x0ax"
    )
    assert encode(Publish("a/b", b"x", qos=1, packet_id=10)) == (
        b"\x32\x09\x00\x03a/b\x00\x0a\x00x"
    )
    assert encode(Puback(10)) == b"\x40\x02\x00\x0a"
    assert encode(Disconnect()) == b"\xe0\x00"


def frame(first, body):
    return bytes((first,)) + varint(len(body)) + body


HELLO = text("MQTT")
MALFORMED = {
    "remaining length of five bytes": b"\x30\xff\xff\xff\xff\x01",
    "QoS 2": frame(0x34, text("a") + word(1) + b"\0"),
    "packet identifier 0": frame(0x32, text("a") + word(0) + b"\0"),
    "wildcard in a topic": frame(0x30, text("a/#") + b"\0"),
    "empty topic": frame(0x30, text("") + b"\0"),
    "no UTF-8": frame(0x30, b"\x00\x01\xff\0"),
    "null character": frame(0x30, text("a\0") + b"\0"),
    "field cut short": frame(0x30, b"\x00\x09a"),
    "flags of a PUBACK": frame(0x41, word(1)),
    "packet type 15": frame(0xF0, b""),
    "PINGREQ with a body": frame(0xC0, b"x"),
    "not MQTT": frame(0x10, text("MQIsdp") + b"\x03\x02\x00\x00\x00\x00"),
    "protocol level 6": frame(0x10, HELLO + b"\x06\x02\x00\x00\x00\x00"),
    "Will": frame(0x10, HELLO + b"\x05\x06\x00\x00\x00\x00"),
    "CONNACK flags": frame(0x20, b"\x02\x00\x00"),
    "SUBSCRIBE for nothing": frame(0x82, word(1) + b"\0"),
    "empty topic filter": frame(0x82, word(1) + b"\0" + text("") + b"\1"),
    "unknown property": frame(0x40, word(1) + b"\x00\x02\x7f\x00"),
    "property length of five bytes": frame(0x30, text("a") + b"\xff\xff\xff\xff\x01"),
    "packet that is too large": b"\x30" + varint(SIZE_MAX + 1),
}


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED)
def test_malformed_is_refused(data):
    with pytest.raises(PermanentError):
        Parser().feed(data)


@pytest.mark.parametrize(
    "packet",
    [
        Publish("a" * 65_536, b""),
        Puback(1, 0, (Property(0x1F, 5),)),
        Publish("a", b"", properties=(Property(0x0B, 268_435_456),)),
    ],
)
def test_what_mqtt_cannot_say_is_not_encoded(packet):
    with pytest.raises(MalformedPacketError):
        encode(packet)


@pytest.mark.parametrize(
    "item",
    [
        Property(0x01, 1),
        Property(0x21, 20),
        Property(0x02, 70_000),
        Property(0x0B, 200),
        Property(0x1F, "why"),
        Property(0x09, b"\x00\xff"),
        Property(0x26, ("name", "value")),
    ],
)
def test_each_kind_of_property_arrives(item):
    sent = Publish("a", b"x", properties=(item,))
    assert Parser().feed(encode(sent)) == [sent]


def test_a_property_with_an_endless_number_is_refused():
    endless = b"\x0b\xff\xff\xff\xff\x01"
    with pytest.raises(MalformedPacketError):
        Parser().feed(frame(0x30, text("a") + varint(len(endless)) + endless))
