"""Brokers and name server write down what they see of clients, when they are told."""

import json
import ssl
from dataclasses import replace

import pytest
from tests.local.region_world import (
    DOMAIN,
    Authority,
    Device,
    config_of,
    eventually,
    running,
)

from hotsite.core import mqtt, sightings
from hotsite.core.mqtt_packets import (
    Connack,
    Connect,
    Disconnect,
    Puback,
    Publish,
    Subscribe,
    Subscription,
    Version,
)
from hotsite.core.outbox import Key
from hotsite.core.telemetry import Telemetry, encode_message
from hotsite.local.dns.querylog import QueryLog
from hotsite.local.region.observing import Log

READING = encode_message(Telemetry(Key(7, 3), 1.5, '{"celsius":20}'))
TOPIC = "dt/oven-1/telemetry"


def read(path):
    lines = path.read_text().splitlines()
    return [sightings.read(json.loads(line), where=path.name) for line in lines]


@pytest.fixture
def log(tmp_path):
    return Log(tmp_path / "sightings.jsonl", "eu-central-1")


def of(log_path):
    return {type(one).__name__: one for one in read(log_path)}


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize("cut", [1, 7, 10_000])
def test_session_is_read_along_however_it_is_cut(tmp_path, log, version, cut):
    observer = log.connection()
    said = b"".join(
        mqtt.encode(packet, version)
        for packet in (
            Connect("oven-1", keep_alive_s=45, version=version),
            Subscribe(1, (Subscription("cmd/oven-1/#", 1),)),
            Publish(TOPIC, READING, qos=1, packet_id=9),
        )
    )
    for start in range(0, len(said), cut):
        observer.received(said[start : start + cut])
    for packet in (Connack(0), Puback(9)):
        observer.sent(mqtt.encode(packet, version))
    observer.received(mqtt.encode(Disconnect(), version))
    found = of(tmp_path / "sightings.jsonl")
    assert found["Connected"].client_id == "oven-1"
    assert (found["Connected"].keep_alive_s, found["Connected"].version) == (
        45,
        version,
    )
    assert found["Subscribed"].filters == ("cmd/oven-1/#",)
    assert [one.key for one in found["Published"].messages] == [Key(7, 3)]
    assert found["Acknowledged"].messages == found["Published"].messages
    assert found["Answered"].code == 0
    assert found["Disconnected"].code == 0


def test_batch_is_seen_message_by_message_and_what_is_none_is_counted(tmp_path, log):
    batch = b"[" + READING + b',{"sk":1}]'
    topic = "dt/oven-1/batch"
    log.connection().received(
        mqtt.encode(Publish(topic, batch, qos=1, packet_id=2), Version.V5)
    )
    found = of(tmp_path / "sightings.jsonl")["Published"]
    assert ([one.key for one in found.messages], found.refused) == ([Key(7, 3)], 1)


def test_payload_is_not_written_down_and_decides_the_digest(tmp_path, log):
    observer = log.connection()
    for data in ('{"celsius":20}', '{"celsius":21}', '{"celsius":20}'):
        payload = encode_message(Telemetry(Key(7, 3), 1.5, data))
        observer.received(mqtt.encode(Publish(TOPIC, payload), Version.V5))
    path = tmp_path / "sightings.jsonl"
    assert "celsius" not in path.read_text()
    first, other, again = (one.messages[0].digest for one in read(path))
    assert first == again
    assert first != other


def test_refused_message_is_no_acknowledgement(tmp_path, log):
    observer = log.connection()
    observer.received(
        mqtt.encode(Connect("oven-1"))
        + mqtt.encode(Publish(TOPIC, READING, qos=1, packet_id=9))
    )
    observer.sent(mqtt.encode(Puback(9, 0x87)))
    assert "Acknowledged" not in of(tmp_path / "sightings.jsonl")


@pytest.mark.parametrize(
    "noise",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x10\xff\xff\xff\xff\xff",
        b"\x30\x00",
        b"\x10\x02\0\x04",
    ],
)
def test_what_is_no_mqtt_disturbs_nobody(tmp_path, log, noise):
    observer = log.connection()
    observer.received(noise)
    observer.sent(noise)
    observer.closed()
    assert isinstance(read(tmp_path / "sightings.jsonl")[-1], sightings.Closed)


def test_connect_with_a_will_is_seen_too(tmp_path, log):
    # Flags: clean session and a Will; hotsite's own codec refuses Wills.
    body = b"\0\4MQTT\4\6\0\x1e\0\x06oven-1\0\1t\0\1m"
    log.connection().received(bytes([0x10, len(body)]) + body)
    assert of(tmp_path / "sightings.jsonl")["Connected"].keep_alive_s == 30


def test_questions_are_written_down_and_noise_is_not(tmp_path):
    log = QueryLog(tmp_path / "queries.jsonl")
    question = b"\3iot\7hotsite\4test\0\0\1\0\1"
    for packet in (b"", b"\0" * 12, b"\0\1\1\0\0\1" + b"\0" * 6 + question):
        log.see(packet)
    (seen,) = read(tmp_path / "queries.jsonl")
    assert (seen.name, seen.type) == ("iot.hotsite.test", "A")


@pytest.mark.local
@pytest.mark.timeout(60)
def test_region_writes_down_who_came_by_which_name(tmp_path):
    authority = Authority(tmp_path)
    plain = config_of(authority, tmp_path, "eu-central-1", "127.0.85.1", "a")
    path = tmp_path / "sightings.jsonl"
    config = replace(plain, sightings=path)
    with running(config) as region:
        files = authority.device("oven-1")
        made = region.client("iot").register_certificate_without_ca(
            certificatePem=files.certificate.read_text(), status="INACTIVE"
        )
        with Device(config, authority, files, "oven-1") as device:
            assert device.packet() is None
        with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
            Device(config, authority, files, "oven-1", "a.iot.amazonaws.com")
        eventually(lambda: path.read_text().count('"hello"') == 2)
        found = read(path)
    hellos = [one for one in found if isinstance(one, sightings.Hello)]
    assert [(one.server_name, one.is_served) for one in hellos] == [
        (f"iot.{DOMAIN}", True),
        ("a.iot.amazonaws.com", False),
    ]
    (shown,) = (one for one in found if isinstance(one, sightings.Shown))
    assert shown.certificate_id == made["certificateId"]
    (connected,) = (one for one in found if isinstance(one, sightings.Connected))
    assert (connected.client_id, connected.version) == ("oven-1", 4)
    assert not [one for one in found if isinstance(one, sightings.Answered)]


def test_strangers_are_told_apart_from_the_device():
    site = "eu-central-1"
    ours = [
        sightings.Hello(1.0, site, "1", "iot.hotsite.test", is_served=True),
        sightings.Shown(1.0, site, "1", "ours"),
    ]
    canary = [
        sightings.Hello(2.0, site, "2", "iot.hotsite.test", is_served=True),
        sightings.Shown(2.0, site, "2", "canary"),
    ]
    wrong = [sightings.Hello(3.0, site, "3", "", is_served=False)]
    seen = sightings.of_device(
        [*canary, *ours, *wrong], thing="oven-1", certificate_id="ours"
    )
    assert list(seen) == [*ours, *wrong]
