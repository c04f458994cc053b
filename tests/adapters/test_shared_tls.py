"""Many devices on one TLS context: each shows its own certificate."""

import asyncio
import ssl

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from tests.agent.authority import Authority

from hotsite.adapters.mqtt import Credentials, make_tls_by_port
from hotsite.adapters.shared_tls import DeviceTls
from hotsite.errors import InvalidInputError

NAME = "broker.hotsite.test"


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path)


def device(authority, name):
    certificate, key = authority.issue(name)
    return DeviceTls(certificate.read_text(), key, authority.path.read_text())


async def shown(authority, devices):
    """Connect all devices at once; return the names that the server was shown."""
    certificate, key = authority.issue(NAME)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.load_verify_locations(authority.path)
    context.verify_mode = ssl.CERT_REQUIRED

    async def greet(_reader, writer):
        subject = writer.get_extra_info("peercert")["subject"]
        writer.write(dict(pair[0] for pair in subject)["commonName"].encode() + b"\n")
        await writer.drain()
        writer.close()

    async def ask(tls):
        place = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(
            *place, ssl=tls, server_hostname=NAME
        )
        answer = await reader.readline()
        writer.close()
        return answer.decode().strip()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
    async with server:
        return await asyncio.gather(*map(ask, devices))


def test_each_device_shows_its_own_certificate_however_they_interleave(authority):
    names = [f"device-{number}" for number in range(30)]
    devices = [device(authority, name) for name in names]
    assert asyncio.run(shown(authority, devices + devices[::-1])) == names + names[::-1]


def test_a_device_with_another_kind_of_key_is_never_taken_for_its_neighbour(
    authority, monkeypatch
):
    curves = device(authority, "curves")

    def make(_curve):
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    monkeypatch.setattr(ec, "generate_private_key", make)
    primes = device(authority, "primes")
    monkeypatch.undo()
    names = asyncio.run(shown(authority, [curves, primes, curves, primes]))
    assert names == ["curves", "primes", "curves", "primes"]


def test_a_key_of_another_certificate_is_refused_at_once(authority):
    certificate, _ = authority.issue("one")
    _, other = authority.issue("other")
    given = Credentials(certificate.read_text(), other, authority.path.read_text())
    with pytest.raises(InvalidInputError, match=r"other\.key"):
        make_tls_by_port(given, (8883,))
