import asyncio
import json

import dns.message
import dns.rcode
import dns.rrset
import pytest
from tests.agent.authority import Authority
from tests.agent.broker import Broker, server_tls

NAME = "iot.hotsite.test"
SITE_A = "aaaaaaaaaaaa-ats.iot.eu-central-1.amazonaws.com"
SITE_B = "bbbbbbbbbbbb-ats.iot.eu-west-1.amazonaws.com"
PORT = 18883
DNS_PORT = 15353
ADDRESSES = {SITE_A: "127.0.31.1", SITE_B: "127.0.31.2"}


class NameServer(asyncio.DatagramProtocol):
    """Answers CNAMEs: a site's own never change, a test moves all others."""

    def __init__(self):
        self.site = SITE_A
        self.asked = 0

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, where):
        self.asked += 1
        query = dns.message.from_wire(data)
        answer = dns.message.make_response(query)
        if self.site is None:
            answer.set_rcode(dns.rcode.SERVFAIL)
        else:
            name = query.question[0].name
            own = {"iot-a": SITE_A, "iot-b": SITE_B}
            site = own.get(name.labels[0].decode(), self.site)
            answer.answer = [
                dns.rrset.from_text(name, 10, "IN", "CNAME", f"{site}."),
                dns.rrset.from_text(f"{site}.", 60, "IN", "A", ADDRESSES[site]),
            ]
        self.transport.sendto(answer.to_wire(), where)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def name_server():
    server = NameServer()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: server, local_addr=("127.0.31.53", DNS_PORT)
    )
    yield server
    transport.close()


@pytest.fixture
async def broker_a(authority):
    broker = await Broker(server_tls(authority, NAME), ADDRESSES[SITE_A], PORT).start()
    yield broker
    await broker.kill()


@pytest.fixture
async def broker_b(authority):
    broker = await Broker(server_tls(authority, NAME), ADDRESSES[SITE_B], PORT).start()
    yield broker
    await broker.kill()


@pytest.fixture
def fleet_file(authority, tmp_path):
    """Write a fleet's configuration; keyword arguments change it."""

    def write(count=1, **changes):
        devices = []
        for index in range(count):
            thing = f"thing-{index}"
            certificate, key = authority.issue(thing)
            entry = {"thing": thing, "certificate": str(certificate)}
            devices.append({**entry, "private_key": str(key)})
        config = {
            "devices": devices,
            "endpoints": [NAME],
            "port": PORT,
            "ca": str(authority.path),
            "resolver": {"address": "127.0.31.53", "port": DNS_PORT},
            "interval_s": 0.1,
            "outbox": str(tmp_path / "outbox.sqlite"),
            "policy": {"ack_s_max": 1.0, "attempt_s_max": 1.0},
            **changes,
        }
        path = tmp_path / "fleet.json"
        path.write_text(json.dumps(config))
        return path

    return write
