"""The resolvers, against a name server on a real socket."""

import asyncio

import dns.message
import dns.rcode
import dns.rrset
import pytest

from hotsite.adapters.resolver import DnsResolver, SystemResolver
from hotsite.core.device_values import Resolved
from hotsite.errors import UnreachableError

ADDRESS, PORT = "127.0.31.54", 15354
ZONE = {
    "iot.hotsite.test.": ("CNAME", 10, "iot-a.hotsite.test."),
    "iot-a.hotsite.test.": ("CNAME", 60, "a.elsewhere.test."),
    "a.elsewhere.test.": ("A", 30, "127.0.31.1"),
    "plain.hotsite.test.": ("A", 5, "127.0.31.2"),
    "dangling.hotsite.test.": ("CNAME", 5, "nowhere.hotsite.test."),
    "loop.hotsite.test.": ("CNAME", 5, "pool.hotsite.test."),
    "pool.hotsite.test.": ("CNAME", 5, "loop.hotsite.test."),
    "empty.hotsite.test.": None,
}


class NameServer(asyncio.DatagramProtocol):
    def __init__(self):
        self.asked, self.is_chain_whole, self.is_silent = [], True, False

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, where):
        query = dns.message.from_wire(data)
        name = str(query.question[0].name).lower()
        self.asked.append(name)
        answer = dns.message.make_response(query)
        if name not in ZONE:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        seen = set()
        while (record := ZONE.get(name)) is not None and name not in seen:
            seen.add(name)
            kind, ttl_s, value = record
            answer.answer.append(dns.rrset.from_text(name, ttl_s, "IN", kind, value))
            name = value if self.is_chain_whole else ""
        if not self.is_silent:
            self.transport.sendto(answer.to_wire(), where)


@pytest.fixture
async def server():
    server = NameServer()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: server, local_addr=(ADDRESS, PORT)
    )
    yield server
    transport.close()


@pytest.mark.parametrize("is_chain_whole", [True, False])
async def test_the_end_of_the_chain_is_the_site(server, is_chain_whole):
    server.is_chain_whole = is_chain_whole
    resolved = await DnsResolver(ADDRESS, PORT).resolve("iot.hotsite.test")
    assert resolved == Resolved("127.0.31.1", "a.elsewhere.test", 10)
    assert len(server.asked) == (1 if is_chain_whole else 3)


async def test_a_name_without_a_chain_has_its_address_for_a_site(server):
    resolved = await DnsResolver(ADDRESS, PORT).resolve("plain.hotsite.test")
    assert resolved == Resolved("127.0.31.2", "127.0.31.2", 5)


@pytest.mark.parametrize("label", ["dangling", "loop", "empty", "unknown"])
@pytest.mark.parametrize("is_chain_whole", [True, False])
async def test_a_name_that_leads_nowhere_is_unreachable(server, label, is_chain_whole):
    server.is_chain_whole = is_chain_whole
    with pytest.raises(UnreachableError, match=label):
        await DnsResolver(ADDRESS, PORT).resolve(f"{label}.hotsite.test")
    assert len(server.asked) <= 8


async def test_a_silent_name_server_is_unreachable(server):
    server.is_silent = True
    resolver = DnsResolver(ADDRESS, PORT, query_s_max=0.2)
    with pytest.raises(UnreachableError, match="no answer"):
        await resolver.resolve("iot.hotsite.test")


async def test_by_default_every_question_is_asked(server):
    resolver = DnsResolver(ADDRESS, PORT)
    for _ in range(2):
        await resolver.resolve("iot.hotsite.test")
    assert len(server.asked) == 2


async def test_a_resolver_that_honours_the_ttl_asks_again_after_it(server):
    times_s = iter((100.0, 109.9, 110.0, 110.0))
    resolver = DnsResolver(ADDRESS, PORT, honour_ttl=lambda: next(times_s))
    for _ in range(3):
        await resolver.resolve("iot.hotsite.test")
    assert len(server.asked) == 2


async def test_the_machines_resolver_knows_the_machine():
    resolved = await SystemResolver().resolve("localhost")
    assert resolved.address == "127.0.0.1"


async def test_the_machines_resolver_refuses_what_cannot_exist():
    with pytest.raises(UnreachableError, match="does not resolve"):
        await SystemResolver().resolve("a" * 64 + ".invalid")
