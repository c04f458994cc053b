"""The proof that a device can connect, against a small real broker."""

import asyncio
import contextlib
import socket

import pytest
from tests.agent.authority import Authority
from tests.agent.broker import Broker, server_tls

from hotsite.adapters.mqtt import Credentials, Target
from hotsite.adapters.mqtt_probe import connect_once
from hotsite.errors import RefusedError, UnreachableError

NAME = "iot.hotsite.test"
ADDRESS, PORT = "127.0.51.22", 18883


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def broker(authority):
    made = await Broker(server_tls(authority, NAME), ADDRESS, PORT).start()
    yield made
    await made.kill()


def credentials(authority, *, issuer=None):
    certificate, key = (issuer or authority).issue("oven")
    return Credentials(certificate.read_text(), key, authority.path.read_text())


async def probe(given, *, name=NAME, port=PORT, limit_s=5.0):
    target = Target(ADDRESS, port, name)
    return await asyncio.to_thread(connect_once, target, given, "oven", limit_s=limit_s)


async def test_connect_is_timed_and_followed_by_a_good_bye(authority, broker):
    assert 0 < await probe(credentials(authority)) < 5.0
    await broker.until(lambda: broker.goodbyes == 1)
    assert [packet.client_id for packet in broker.connects] == ["oven"]


async def test_refused_connect_says_its_code(authority, broker):
    broker.connack_code = 0x87
    with pytest.raises(RefusedError, match="code 135"):
        await probe(credentials(authority))


async def test_certificate_of_a_stranger_is_refused(authority, broker, tmp_path):
    given = credentials(authority, issuer=Authority(tmp_path, name="stranger"))
    with pytest.raises(RefusedError):
        await probe(given)
    assert broker.connects == []


async def test_server_of_another_name_is_refused(authority, broker):
    with pytest.raises(RefusedError, match="certificate"):
        await probe(credentials(authority), name="iot.else.test")
    assert broker.connects == []


async def test_frozen_broker_is_unreachable(authority, broker):
    broker.is_frozen = True
    with pytest.raises(UnreachableError, match="did not answer"):
        await probe(credentials(authority), limit_s=0.2)


async def test_port_where_nobody_listens_is_unreachable(authority):
    with pytest.raises(UnreachableError, match="listen"):
        await probe(credentials(authority), port=9)


async def test_network_that_leads_nowhere_is_unreachable(authority):
    # 255.255.255.255 is no address of a host: the kernel refuses to dial it.
    target = Target("255.255.255.255", PORT, NAME)
    with pytest.raises(UnreachableError):
        await asyncio.to_thread(
            connect_once, target, credentials(authority), "oven", limit_s=1.0
        )


@pytest.mark.parametrize(
    ("words", "kind", "match"),
    [
        (b"\x00\x00", RefusedError, "does not speak MQTT"),
        (b"", RefusedError, "instead of a CONNACK"),
        (b"\xd0\x00", RefusedError, "instead of a CONNACK"),
    ],
)
async def test_server_that_speaks_something_else_is_refused(
    authority, words, kind, match
):
    async def talk(reader, writer):
        with contextlib.suppress(OSError):
            await reader.read(1)
            writer.write(words)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    tls = server_tls(authority, NAME)
    server = await asyncio.start_server(talk, ADDRESS, PORT + 1, ssl=tls)
    try:
        with pytest.raises(kind, match=match):
            await probe(credentials(authority), port=PORT + 1)
    finally:
        server.close()


async def test_peer_that_is_silent_in_the_handshake_is_unreachable(authority):
    with (
        socket.create_server((ADDRESS, PORT + 2)),
        pytest.raises(UnreachableError, match="did not answer"),
    ):
        await probe(credentials(authority), port=PORT + 2, limit_s=0.2)
