"""The whole device against a broker on real TLS sockets."""

import asyncio
import contextlib
import json
from dataclasses import replace

import pytest
from tests.agent.authority import Authority
from tests.agent.broker import Broker, server_tls
from tests.agent.conftest import ADDRESSES, NAME, PORT, SITE_A, SITE_B

from hotsite.core.device_values import (
    Failed,
    Joined,
    Left,
    Moved,
    Refused,
    Resumed,
    Standby,
)
from hotsite.core.intervals import Intervals
from hotsite.core.move import Move, encode
from hotsite.faces.agent.config import read_fleet
from hotsite.faces.agent.crew import Crew


class Told:
    """What the crew said, with a way to wait for it."""

    def __init__(self):
        self.outputs = []
        self.changed = asyncio.Event()

    def __call__(self, thing, output):
        self.outputs.append(output)
        self.changed.set()

    def of(self, kind):
        return [output for output in self.outputs if isinstance(output, kind)]

    async def until(self, condition, *, time_s_max=15.0):
        async with asyncio.timeout(time_s_max):
            while not condition():
                self.changed.clear()
                await self.changed.wait()


@contextlib.asynccontextmanager
async def running(path, **changes):
    """Run a crew; what it said is its ``told``."""
    told = Told()
    crew = Crew(replace(read_fleet(path), **changes), told)
    crew.told = told
    work = asyncio.create_task(crew.run())
    try:
        yield crew
        assert not crew.broken.done() or crew.broken.result()
    finally:
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        await crew.stop()


def sites(told):
    return [joined.site for joined in told.of(Joined)]


async def test_a_device_publishes_what_the_topic_rule_expects(
    fleet_file, name_server, broker_a
):
    async with running(fleet_file()) as crew:
        await broker_a.until(lambda: len(broker_a.received) >= 2)
        epoch = crew.drivers["thing-0"].device.outbox.epoch
    topic, payload = broker_a.received[0]
    message = json.loads(payload)
    assert topic == "dt/thing-0/telemetry"
    assert message["sk"] == f"{epoch:010d}#000000000001"
    assert (message["epoch"], message["seq"]) == (epoch, 1)
    assert set(message) == {"sk", "epoch", "seq", "published_at_s", "data"}
    assert broker_a.subscriptions == ["cmd/thing-0/#"]
    assert sites(crew.told) == [SITE_A]
    await broker_a.until(lambda: broker_a.goodbyes == 1)


async def test_a_killed_region_loses_nothing_and_its_messages_arrive_in_the_other(
    fleet_file, name_server, broker_a, broker_b
):
    async with running(fleet_file(5)) as crew:
        await broker_a.until(lambda: len(broker_a.received) >= 30)
        name_server.site = SITE_B
        await broker_a.kill()
        await broker_b.until(
            lambda: (
                set(broker_a.counts()) <= set(broker_b.counts())
                and len(broker_b.counts()) > len(broker_a.counts()) + 10
            )
        )
        crew.is_paused = True
        await crew.told.until(
            lambda: not crew.sample().backlog and not crew.sample().replaying
        )
        assert crew.sample().connected == {SITE_B: 5}
        published = sum(
            report.published.size
            for driver in crew.drivers.values()
            for report in driver.device.outbox.report()
        )
    assert len(broker_b.counts()) == published


async def test_a_frozen_broker_is_left_because_no_puback_comes(
    fleet_file, name_server, broker_a, broker_b
):
    async with running(fleet_file()) as crew:
        await broker_a.until(lambda: broker_a.received)
        name_server.site = SITE_B
        broker_a.is_frozen = True
        await broker_b.until(lambda: set(broker_a.counts()) <= set(broker_b.counts()))
    assert "no PUBACK for 1 s" in [left.reason for left in crew.told.of(Left)]


async def test_each_attempt_asks_for_the_name_again(
    fleet_file, name_server, broker_a, broker_b
):
    broker_a.is_frozen = True
    async with running(fleet_file()) as crew:
        await crew.told.until(lambda: crew.told.of(Failed))
        name_server.site = SITE_B
        await broker_b.until(lambda: broker_b.received)
    assert name_server.asked >= 2
    assert "no CONNACK in 1 s" in crew.told.of(Failed)[0].reason


async def test_a_name_server_that_fails_is_asked_again(
    fleet_file, name_server, broker_a
):
    name_server.site = None
    async with running(fleet_file()) as crew:
        await crew.told.until(lambda: crew.told.of(Failed))
        name_server.site = SITE_A
        await broker_a.until(lambda: broker_a.received)
    assert "SERVFAIL" in crew.told.of(Failed)[0].reason


async def test_a_broker_of_another_authority_is_never_greeted(
    fleet_file, name_server, tmp_path
):
    stranger = Authority(tmp_path, "stranger")
    tls = server_tls(stranger, NAME, wants_client=False)
    broker = await Broker(tls, ADDRESSES[SITE_A], PORT).start()
    async with running(fleet_file()) as crew:
        await crew.told.until(lambda: crew.told.of(Failed))
    await broker.kill()
    assert "certificate verify failed" in crew.told.of(Failed)[0].reason
    assert not broker.connects


async def test_a_broker_with_another_name_is_never_greeted(
    fleet_file, name_server, authority
):
    tls = server_tls(authority, "iot.elsewhere.test")
    broker = await Broker(tls, ADDRESSES[SITE_A], PORT).start()
    async with running(fleet_file()) as crew:
        await crew.told.until(lambda: crew.told.of(Failed))
    await broker.kill()
    assert "certificate verify failed" in crew.told.of(Failed)[0].reason
    assert not broker.connects


async def test_a_refused_connack_is_told_and_tried_again(
    fleet_file, name_server, broker_a
):
    broker_a.connack_code = 0x87
    async with running(fleet_file()) as crew:
        await crew.told.until(lambda: crew.told.of(Failed))
        broker_a.connack_code = 0
        await broker_a.until(lambda: broker_a.received)
    assert crew.told.of(Failed)[0].reason == "refused with reason code 0x87"


async def test_a_refused_message_stays_and_arrives_later(
    fleet_file, name_server, broker_a
):
    broker_a.puback_codes = [0x97]
    async with running(fleet_file(policy={"refusal_wait_s": 0.2})) as crew:
        await broker_a.until(lambda: len(broker_a.received) >= 5)
        seqs = {json.loads(payload)["seq"] for payload in broker_a.counts()}
    assert crew.told.of(Refused)[0].reason_code == 0x97
    assert {1, 2} <= seqs


async def test_what_was_not_acknowledged_before_a_restart_arrives_after_it(
    fleet_file, name_server, broker_a
):
    path = fleet_file()
    broker_a.is_frozen = True
    async with running(path) as crew:
        outbox = crew.drivers["thing-0"].device.outbox
        await crew.told.until(lambda: crew.told.of(Failed))
        before = outbox.report()
    broker_a.is_frozen = False

    def arrived():
        found = map(json.loads, broker_a.counts())
        return {m["seq"] for m in found if m["epoch"] == before[0].epoch}

    async with running(path) as crew:
        outbox = crew.drivers["thing-0"].device.outbox
        after = outbox.report()
        await broker_a.until(lambda: len(arrived()) >= after[0].published.size)
    assert after[0].epoch == before[0].epoch < outbox.epoch
    assert arrived() == set(range(1, after[0].published.size + 1))


@pytest.mark.parametrize("version", [4, 5])
async def test_only_what_the_other_site_lacks_is_sent_to_it_again(
    fleet_file, name_server, broker_a, broker_b, version
):
    async with running(fleet_file(policy={"version": version})) as crew:
        outbox = crew.drivers["thing-0"].device.outbox
        await broker_a.until(lambda: len(broker_a.received) >= 20)
        crew.is_paused = True
        await crew.told.until(lambda: not crew.sample().backlog)
        first = outbox.epoch
        broker_b.stored = {first: Intervals(((1, 15),))}
        name_server.site = SITE_B
        await broker_a.kill()
        await crew.told.until(lambda: crew.told.of(Resumed))
        await crew.told.until(lambda: not crew.sample().replaying)
        count = outbox.report()[0].published.size
        (resumed,) = crew.told.of(Resumed)
        got = [json.loads(text)["seq"] for _topic, text in broker_b.received]
        assert got == list(range(16, count + 1))
        assert (len(resumed.vouched), resumed.missing_count) == (15, count - 15)
        assert broker_b.connects[0].version == version
    # What the site vouched for is remembered as its own: back on it after a restart,
    # nothing is asked and nothing is sent again.
    broker_b.received.clear()
    broker_b.asked.clear()
    async with running(fleet_file(policy={"version": version})) as crew:
        await broker_b.until(lambda: len(broker_b.received) >= 3)
    epochs = {json.loads(text)["epoch"] for _topic, text in broker_b.received}
    assert first not in epochs
    assert not broker_b.asked


async def test_a_site_that_does_not_answer_gets_everything_in_batches(
    fleet_file, name_server, broker_a, broker_b
):
    policy = {"resume_s_max": 0.3, "attempt_s_max": 1.0}
    async with running(fleet_file(interval_s=0.02, policy=policy)) as crew:
        await broker_a.until(lambda: len(broker_a.received) >= 30)
        crew.is_paused = True
        await crew.told.until(lambda: not crew.sample().backlog)
        name_server.site = SITE_B
        await broker_a.kill()
        await crew.told.until(lambda: crew.told.of(Resumed))
        await crew.told.until(lambda: not crew.sample().replaying)
    assert len(broker_b.asked) == 1
    assert broker_b.batches == [len(broker_a.counts())]
    assert broker_b.counts() == broker_a.counts()


@pytest.mark.parametrize("version", [4, 5])
async def test_both_versions_of_the_protocol_work(
    fleet_file, name_server, broker_a, version
):
    async with running(fleet_file(policy={"version": version})):
        await broker_a.until(lambda: len(broker_a.received) >= 2)
    assert broker_a.connects[0].version == version


OWN_A, OWN_B = "iot-a.hotsite.test", "iot-b.hotsite.test"


async def test_own_names_lead_to_the_other_site_while_dns_still_names_the_dead_one(
    fleet_file, name_server, broker_a, broker_b
):
    path = fleet_file(3, endpoints=[NAME, OWN_A, OWN_B])
    async with running(path) as crew:
        await broker_a.until(lambda: len(broker_a.received) >= 6)
        broker_a.is_frozen = True
        left_s = joined_s = None
        await crew.told.until(lambda: crew.told.of(Left))
        left_s = crew.clock()
        await crew.told.until(lambda: sites(crew.told).count(SITE_B) == 3)
        joined_s = crew.clock()
    assert joined_s - left_s < 2.5
    assert not crew.told.of(Failed)


async def test_an_order_to_move_leaves_no_message_behind(
    fleet_file, name_server, broker_a, broker_b
):
    broker_b.stored = {}
    path = fleet_file(1, endpoints=[NAME, OWN_A, OWN_B])
    async with running(path) as crew:
        await broker_a.until(lambda: len(broker_a.received) >= 5)
        broker_a.command("cmd/thing-0/move", encode(Move("b", 0.0, 1)))
        await crew.told.until(lambda: crew.told.of(Moved))
        moved_s = crew.clock()
        await broker_b.until(lambda: broker_b.received)
        assert crew.clock() - moved_s < 2
        await broker_b.until(lambda: set(broker_a.counts()) <= set(broker_b.counts()))
    assert broker_a.goodbyes == 1
    assert crew.told.of(Moved) == [Moved(OWN_B, SITE_B)]


async def test_a_standby_connection_takes_over_when_the_active_one_falls_silent(
    fleet_file, name_server, broker_a, broker_b
):
    changes = {"endpoints": [NAME, OWN_A, OWN_B], "standby_connection": True}
    path = fleet_file(3, policy={}, **changes)
    async with running(path) as crew:
        await crew.told.until(lambda: len(crew.told.of(Standby)) == 3)
        assert len(broker_b.connects) == 3
        assert not broker_b.received
        fault_s = crew.clock()
        broker_a.is_frozen = True
        await crew.told.until(lambda: crew.sample().connected == {SITE_B: 3})
        assert crew.clock() - fault_s < 4.5
        await broker_b.until(lambda: set(broker_a.counts()) <= set(broker_b.counts()))
        assert len(broker_b.connects) == 3


async def test_a_device_behind_a_firewall_comes_through_the_shared_port(
    fleet_file, name_server, authority
):
    tls = server_tls(authority, NAME)
    tls.set_alpn_protocols(["http/1.1", "x-amzn-mqtt-ca"])
    broker = Broker(tls, ADDRESSES[SITE_A], 443)
    try:
        await broker.start()
    except PermissionError:
        pytest.skip("port 443 is not ours to listen on")
    async with running(fleet_file(ports=[PORT, 443])) as crew:
        await broker.until(lambda: broker.received)
        protocols = {session.protocol for session in broker.sessions}
    await broker.kill()
    assert protocols == {"x-amzn-mqtt-ca"}
    assert crew.told.of(Failed)
