"""TLS settings; the connection itself is tested with the whole device."""

import asyncio
import ssl

import pytest
from tests.agent.authority import Authority
from tests.agent.broker import server_tls

from hotsite.adapters.mqtt import Credentials, Target, dial, make_tls
from hotsite.core.mqtt import encode
from hotsite.core.mqtt_packets import Connack, Connect
from hotsite.errors import InvalidInputError, UnreachableError

NAME, ADDRESS, PORT = "iot.hotsite.test", "127.0.31.7", 18884


class Heard:
    def __init__(self):
        self.packets, self.ended = [], asyncio.get_running_loop().create_future()

    def packet_arrived(self, packet):
        self.packets.append(packet)

    def connection_ended(self, reason):
        self.ended.set_result(reason)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def credentials(authority):
    certificate, key = authority.issue("thing")
    return Credentials(certificate.read_text(), key, authority.path.read_text())


def test_tls_is_at_least_1_2_and_checks_the_name(authority):
    context = make_tls(credentials(authority))
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_a_key_that_is_not_the_certificates_is_refused(authority, tmp_path):
    given = credentials(authority)
    _certificate, other = authority.issue("other")
    with pytest.raises(InvalidInputError, match=r"other\.key"):
        make_tls(Credentials(given.certificate, other, given.authority))


@pytest.mark.parametrize(
    ("changes", "what"),
    [({"authority": "nothing"}, "authority"), ({"private_key": "none"}, "none")],
)
def test_files_that_are_no_pem_are_refused(authority, tmp_path, changes, what):
    given = credentials(authority)
    key = tmp_path / changes["private_key"] if "private_key" in changes else None
    with pytest.raises(InvalidInputError, match=what):
        make_tls(
            Credentials(
                given.certificate,
                key or given.private_key,
                changes.get("authority", given.authority),
            )
        )


async def serve(authority, answer):
    async def talk(reader, writer):
        await reader.read(1000)
        writer.write(answer)
        await writer.drain()
        writer.close()

    tls = server_tls(authority, NAME, wants_client=False)
    return await asyncio.start_server(talk, ADDRESS, PORT, ssl=tls)


async def test_a_peer_that_does_not_speak_mqtt_ends_the_connection(authority):
    server = await serve(authority, b"HTTP/1.1 400 Bad Request\r\n" + b" " * 100)
    heard = Heard()
    target = Target(ADDRESS, PORT, NAME)
    connection = await dial(target, make_tls(credentials(authority)), heard)
    connection.send(Connect("thing"))
    async with asyncio.timeout(10):
        assert "does not speak MQTT" in await heard.ended
    connection.send(Connect("thing"))
    server.close()


async def test_a_peer_that_leaves_is_told_after_its_last_packet(authority):
    server = await serve(authority, encode(Connack()))
    heard = Heard()
    target = Target(ADDRESS, PORT, NAME)
    connection = await dial(target, make_tls(credentials(authority)), heard)
    connection.send(Connect("thing"))
    async with asyncio.timeout(10):
        await heard.ended
    assert heard.packets == [Connack()]
    server.close()


async def test_nobody_there_is_unreachable(authority):
    target = Target("127.0.31.8", PORT, NAME)
    with pytest.raises(UnreachableError, match=r"127\.0\.31\.8:18884"):
        await dial(target, make_tls(credentials(authority)), Heard())
