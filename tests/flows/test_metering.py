"""The RPO meter of one Region, while the other one's rows are late, or stop."""

from dataclasses import dataclass, field

import pytest

from hotsite.core.metering import Arrival, Exposure
from hotsite.errors import ConflictError, UnreachableError
from hotsite.flows.metering import Meter, measure, rpo_now
from hotsite.sim.clock import SimClock
from hotsite.sim.region_tables import SimColdWatermarks, SimMeterReadings

A, B = "eu-central-1", "eu-west-1"
BEAT_S = 10


@dataclass
class Sky:
    """Two Regions, seen from b: messages a second in a, replication, b's meter.

    A step is a second: the meter's batch is what arrived in it.
    """

    per_s: int = 5
    lag_s: float = 1.0
    is_cut: bool = False
    is_a_alive: bool = True
    is_b_beating: bool = True
    clock: SimClock = field(default_factory=SimClock)
    readings: SimMeterReadings = field(default_factory=SimMeterReadings)
    cold: SimColdWatermarks = field(default_factory=SimColdWatermarks)
    under_way: list = field(default_factory=list)
    said: Exposure | None = None
    missing: int = 0

    def __post_init__(self):
        self.meter = Meter(self.readings, self.cold, self.clock, B)

    def run(self, duration_s):
        for _ in range(duration_s):
            self.clock.sleep(1)
            self._step(self.clock.now_s())
        return self.said

    def _step(self, now_s):
        beats = int(now_s) % BEAT_S == 0
        if self.is_a_alive:
            made = [Arrival(A, now_s - n / 10) for n in range(self.per_s)]
            made += [Arrival(A, now_s, is_heartbeat=True)] * beats
            self.under_way += made
        here = [Arrival(B, now_s, is_heartbeat=True)] * (beats and self.is_b_beating)
        if not self.is_cut and self.is_a_alive:
            due_s = now_s - self.lag_s
            here += [row for row in self.under_way if row.received_at_s <= due_s]
            self.under_way = [r for r in self.under_way if r.received_at_s > due_s]
        self.missing = sum(not row.is_heartbeat for row in self.under_way)
        if here:
            self.said = measure(here, self.meter, batch=str(now_s)).get(A)

    def asked(self):
        return rpo_now(self.readings, self.clock, [A])[A]


def test_healthy_replication_is_measured_as_it_is():
    sky = Sky()
    said = sky.run(120)
    assert said.hot_s == pytest.approx(1, abs=0.5)
    assert said.messages == pytest.approx(sky.missing, abs=3)


def test_lag_is_followed_up_and_down():
    sky = Sky()
    sky.run(120)
    sky.lag_s = 20.0
    said = sky.run(60)
    assert said.hot_s == pytest.approx(20, abs=1)
    assert said.messages == pytest.approx(sky.missing, rel=0.1)
    sky.lag_s = 1.0
    assert sky.run(5).hot_s == pytest.approx(1, abs=0.5)


@pytest.mark.parametrize("hurt", ["is_cut", "is_a_alive"])
def test_stall_and_death_are_seen_by_the_survivor_and_grow(hurt):
    sky = Sky()
    sky.run(120)
    setattr(sky, hurt, hurt == "is_cut")
    found = [sky.run(10).hot_s for _ in range(30)]
    assert found == sorted(found)
    assert found[1] >= 10
    assert found[-1] == pytest.approx(301, abs=2)
    assert sky.said.messages == pytest.approx(1_505, rel=0.05)


def test_partition_that_heals_leaves_no_trace():
    sky = Sky()
    sky.run(120)
    sky.is_cut = True
    sky.run(200)
    assert sky.said.messages == pytest.approx(sky.missing, rel=0.05)
    sky.is_cut = False
    assert sky.run(70).hot_s == pytest.approx(1, abs=0.5)


def test_heartbeats_alone_measure_a_fleet_that_is_silent():
    sky = Sky(per_s=0, lag_s=3.0)
    assert sky.run(120) == Exposure(0, 3.0, None, sky.clock.now_s())
    sky.is_cut = True
    assert sky.run(100).hot_s >= 90


def test_meter_that_hears_nothing_at_all_says_so_instead_of_its_last_word():
    sky = Sky()
    sky.run(120)
    sky.is_cut, sky.is_b_beating = True, False
    sky.run(60)
    assert sky.asked().hot_s == pytest.approx(61, abs=1)
    sky.run(60)
    found = sky.asked()
    assert (found.hot_s, found.messages) == (None, None)
    assert sky.clock.now_s() - found.measured_at_s == pytest.approx(120, abs=2)


def test_region_that_never_sent_a_row_is_not_measured():
    sky = Sky(is_a_alive=False)
    assert sky.run(30) is None
    assert sky.asked() == Exposure(measured_at_s=sky.clock.now_s())


def test_cold_figure_follows_the_cold_store_and_survives_the_other_region():
    sky = Sky()
    sky.run(60)
    sky.cold.put(A, sky.clock.now_s() - 50)
    assert sky.run(40).cold_s == pytest.approx(90, abs=2)
    sky.is_a_alive = False
    assert sky.run(100).cold_s == pytest.approx(190, abs=2)


def test_cold_store_that_is_silent_does_not_stop_the_hot_figure():
    sky = Sky()
    sky.cold.put(A, sky.clock.now_s())
    sky.run(60)
    sky.cold.is_reachable = False
    said = sky.run(200)
    assert said.hot_s == pytest.approx(1, abs=0.5)
    assert said.cold_s is None


class Busy(SimMeterReadings):
    """Readings that other workers write at the same time, so many times."""

    def __init__(self, times):
        super().__init__()
        self.times = times

    def write(self, readings):
        if self.times:
            self.times -= 1
            raise ConflictError("another was first")
        return super().write(readings)


def test_workers_that_meet_try_again_and_lose_nothing():
    readings, clock = Busy(4), SimClock()
    meter = Meter(readings, SimColdWatermarks(), clock, B)
    measure([Arrival(A, clock.now_s() - 2)], meter, batch="1")
    assert readings.read().by_origin[A].counts != ()


def test_worker_that_never_gets_through_gives_the_batch_back():
    meter = Meter(Busy(99), SimColdWatermarks(), SimClock(), B)
    with pytest.raises(ConflictError):
        measure([Arrival(A, 1.0)], meter, batch="1")


def test_table_that_does_not_answer_gives_the_batch_back():
    sky = Sky()
    sky.readings.is_reachable = False
    with pytest.raises(UnreachableError):
        sky.run(10)
