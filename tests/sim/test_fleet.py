"""The simulated parts of a fleet behave like what they stand for."""

import random

import pytest

from hotsite.core.mqtt_packets import Connack, Connect
from hotsite.core.outbox import Acknowledgement, Kept, Key, Message
from hotsite.core.telemetry import Telemetry
from hotsite.sim.fleet.broker import QUOTA_EXCEEDED
from hotsite.sim.fleet.disk import SimDisk
from hotsite.sim.fleet.names import MOVING, OWN, Names, NamesPlan
from hotsite.sim.fleet.rules import Lambdas
from hotsite.sim.fleet.site import SimSite, heal_ways, join
from hotsite.sim.fleet.wire import Line
from hotsite.sim.scheduler import Scheduler

COMMIT_S = 0.1
ONE, TWO = (Message(Key(7, seq), b"%d" % seq) for seq in (1, 2))
BY_A = Acknowledgement("a", 5.0)


@pytest.fixture
def scheduler():
    return Scheduler()


@pytest.fixture
def disk(scheduler):
    disk = SimDisk(scheduler, random.Random(0), (COMMIT_S, COMMIT_S))
    disk.start(epoch_min=7)
    return disk


def test_message_is_durable_after_its_commit_and_survives_the_loss_of_power(
    scheduler, disk
):
    durable = []
    disk.append(ONE, lambda: durable.append(ONE))
    scheduler.run(COMMIT_S * 2)
    assert durable == [ONE]
    disk.append(TWO, lambda: durable.append(TWO))
    disk.cut()
    scheduler.run(10.0)
    assert durable == [ONE]
    snapshot = disk.start(epoch_min=3)
    assert snapshot.epoch == 8
    assert snapshot.kept == (Kept(ONE),)


def test_commit_that_runs_when_power_fails_is_whole_or_never_was(scheduler):
    seen = set()
    for seed in range(20):
        disk = SimDisk(scheduler, random.Random(seed), (COMMIT_S, COMMIT_S))
        disk.start(epoch_min=7)
        for message in (ONE, TWO):
            disk.append(message, lambda: None)
        scheduler.run(COMMIT_S / 2)
        disk.cut()
        seen.add(tuple(sorted(disk.messages)))
    assert seen == {(), (ONE.key, TWO.key)}


def test_acknowledgement_waits_for_a_second_or_the_next_message(scheduler, disk):
    disk.append(ONE, lambda: None)
    scheduler.run(COMMIT_S * 2)
    disk.acknowledge(ONE.key, BY_A)
    scheduler.run(0.9)
    assert disk.messages[ONE.key].acknowledgement is None
    scheduler.run(0.3)
    assert disk.messages[ONE.key].acknowledgement == BY_A


def test_dropped_message_still_counts_as_published(scheduler, disk):
    disk.append(ONE, lambda: None)
    disk.drop([ONE.key], is_given_up=True)
    scheduler.run(2.0)
    snapshot = disk.start(epoch_min=0)
    assert (snapshot.kept, snapshot.published) == ((), (ONE.key,))
    assert snapshot.given_up == (ONE.key,)


def nothing(*_):
    return None


@pytest.fixture
def sites(scheduler):
    chance = random.Random(0)
    lambdas = Lambdas(nothing, nothing)
    one, two = (SimSite(name, scheduler, chance, lambda _: lambdas) for name in "ab")
    join(one, two, scheduler, chance)
    return one, two


def test_row_arrives_in_the_other_region_after_its_lag(scheduler, sites):
    one, two = sites
    one.table.way.lag_s = (300.0, 300.0)
    message = Telemetry(Key(1, 1), 0.0, "{}")
    one.table.put("d0", message)
    scheduler.run(299.0)
    assert two.table.query() == {}
    scheduler.run(2.0)
    assert list(two.table.query().values()) == [message]


def test_later_write_wins_whatever_the_order_of_arrival(scheduler, sites):
    one, two = sites
    one.table.way.lag_s = (100.0, 100.0)
    early, late = (Telemetry(Key(1, 1), float(at), "{}") for at in (1, 2))
    one.table.put("d0", early)
    scheduler.run(1.0)
    two.table.put("d0", late)
    scheduler.run(200.0)
    for site in sites:
        assert list(site.table.query().values()) == [late]


def test_row_of_a_dead_region_is_stranded_until_it_returns(scheduler, sites):
    one, two = sites
    one.table.put("d0", Telemetry(Key(1, 1), 0.0, "{}"))
    one.die()
    scheduler.run(1000.0)
    assert two.table.query() == {}
    one.live()
    heal_ways(one, two)
    scheduler.run(2.0)
    assert two.table.query() == one.table.query() != {}


def test_broker_refuses_connects_beyond_its_quota(scheduler, sites):
    broker = sites[0].broker
    broker.luck.connects_per_s, broker.luck.burst = 0.1, 2.0
    broker.refill()
    line, heard = Line(scheduler, random.Random(0)), []
    for number in range(4):
        thing = f"d{number}"
        ends = (heard.append, nothing)
        broker.dial(thing, line, ends, lambda wire, n=thing: wire.send(Connect(n)))
    scheduler.run(2.0)
    assert sorted(packet.reason_code for packet in heard) == [
        0,
        0,
        QUOTA_EXCEEDED,
        QUOTA_EXCEEDED,
    ]


@pytest.mark.parametrize(("stop", "lost"), [("freeze", []), ("die", ["reset by peer"])])
def test_frozen_region_is_silent_and_a_dead_one_resets(scheduler, sites, stop, lost):
    site = sites[0]
    line, heard, ends, wires = Line(scheduler, random.Random(0)), [], [], []
    both = (heard.append, ends.append)
    site.broker.dial("d0", line, both, wires.append)
    scheduler.run(1.0)
    wires[0].send(Connect("d0"))
    scheduler.run(1.0)
    assert heard == [Connack()]
    getattr(site, stop)()
    site.broker.dial("d1", line, both, wires.append)
    scheduler.run(60.0)
    assert ends == lost
    assert wires[1:] == ([None] if stop == "die" else [])


def test_name_moves_when_checks_and_caches_have_noticed(scheduler):
    names = Names(scheduler, random.Random(0), NamesPlan((20.0, 20.0), 10.0))
    assert names.resolve("d0", MOVING) == ("a", 10.0)
    names.note("a", is_up=False)
    scheduler.run(15.0)
    assert names.resolve("d0", MOVING) == ("a", 10.0)
    scheduler.run(6.0)
    assert names.resolve("d0", MOVING) == ("a", 4.0)
    assert names.resolve("d1", MOVING) == ("b", 10.0)
    assert names.resolve("d1", OWN["a"]) == ("a", 10.0)
    names.forget("d0")
    assert names.resolve("d0", MOVING)[0] == "b"
    names.failure_share = 1.0
    assert names.resolve("d2", MOVING) is None
