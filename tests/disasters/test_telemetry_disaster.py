"""The simulated fleet does what it says: it breaks, and what is lost is seen."""

from collections import Counter
from dataclasses import replace

import pytest

from hotsite.core.outbox import Key
from hotsite.core.telemetry import Telemetry, sort_key
from hotsite.disasters.outcome import Op
from hotsite.disasters.telemetry.disaster import play
from hotsite.disasters.telemetry.estate import Estate
from hotsite.disasters.telemetry.faults import FAULTS, LAG, LOSS
from hotsite.disasters.telemetry.invariants import broken, changed, restless, shown
from hotsite.disasters.telemetry.plan import plan
from hotsite.disasters.telemetry.script import script
from hotsite.sim.fleet.hot import Row

SICK_AND_LOST = (Op(90.0, LAG, "a", 1), Op(150.0, LOSS, "a", 2))


@pytest.mark.parametrize("seed", [1, 25, 115])
def test_seed_always_gives_the_same_disaster(seed):
    assert play(seed) == play(seed)


def test_calm_day_loses_nothing_and_sends_nothing_twice():
    outcome = play(0, ())
    assert outcome.problems == ()
    assert outcome.counts["messages made"] > 50
    assert outcome.counts["lost if a PUBACK were trusted"] == 0
    assert outcome.counts["messages refused by a full outbox"] == 0


def test_disasters_are_what_they_are_told_to_be():
    """Those who doubt that 10,000 seeds say anything look here first."""
    counts = Counter()
    for seed in range(60):
        outcome = play(seed)
        assert outcome.problems == ()
        counts += outcome.counts
    for what in (
        "lost if a PUBACK were trusted",
        "messages vouched for",
        "messages replayed",
        "messages redriven",
        "messages that arrived again",
        "messages dropped by policy",
        "messages refused by a full outbox",
        "connects refused for load",
        "planned moves",
    ):
        assert counts[what] > 0, what


def test_every_fault_happens_and_every_seed_loses_a_region():
    happened = Counter(op.what for seed in range(300) for op in script(seed))
    assert set(happened) == set(FAULTS)
    assert happened[LOSS] == happened[LAG] == 300
    assert min(happened.values()) > 10


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_every_fault_ends_by_itself_or_is_healed(fault):
    outcome = play(3, (*SICK_AND_LOST, Op(130.0, fault, "a", 5)))
    assert outcome.problems == ()


def test_sick_region_that_dies_would_lose_what_its_pubacks_promised():
    sick = [seed for seed in range(40) if plan(seed).lag_s >= 60.0]
    assert len(sick) > 10
    for seed in sick:
        outcome = play(seed, SICK_AND_LOST)
        assert outcome.problems == ()
        assert outcome.counts["lost if a PUBACK were trusted"] > 0


def test_fleet_under_a_quota_sends_few_connects_for_a_failover():
    counts = Counter()
    for seed in range(60):
        if plan(seed).connects_per_s < 1.0:
            counts += play(seed, (Op(150.0, LOSS, "a", seed),)).counts
    moved = counts["devices moved by a loss"]
    assert moved > 100
    assert counts["connects refused for load"] > 50
    assert counts["CONNECTs of devices moved by a loss"] / moved <= 2.1


def calm_estate():
    estate = Estate(0, plan(0))
    for device in estate.devices.values():
        device.boot()
    estate.scheduler.run(60.0)
    for device in estate.devices.values():
        device.is_publishing = False
    estate.scheduler.run(30.0)
    assert list(restless(estate)) == list(broken(estate)) == []
    return estate


def rows_of(estate, region="b", thing="d0"):
    return estate.sites[region].table.rows[thing]


def told(estate):
    return " | ".join(broken(estate))


def test_message_that_is_lost_in_a_region_is_seen():
    estate = calm_estate()
    rows_of(estate).popitem()
    assert "d0: acknowledged and lost in b" in told(estate)


def test_message_that_was_kept_and_never_sent_is_seen():
    estate = calm_estate()
    _, row = rows_of(estate).popitem()
    del estate.devices["d0"].account.acknowledged[row.message.key]
    assert "d0: kept, and never in b" in told(estate)


def test_message_that_the_policy_dropped_is_not_lost():
    estate = calm_estate()
    _, row = rows_of(estate).popitem()
    estate.devices["d0"].account.dropped.add(row.message.key)
    assert told(estate) == ""


def test_message_that_changed_is_seen():
    estate = calm_estate()
    place, row = next(iter(rows_of(estate).items()))
    other = replace(row.message, data='{"reading":0}')
    rows_of(estate)[place] = replace(row, message=other)
    assert "in b is not what was made" in told(estate)


def test_message_that_nobody_made_is_seen():
    estate = calm_estate()
    message = Telemetry(Key(1, 1), 0.0, "{}")
    row = Row("d0", message, "b", 0.0, (0.0, "b"))
    rows_of(estate)[sort_key(message.key)] = row
    assert "d0: 1.1 in b is not what was made" in told(estate)


def test_message_that_is_shown_twice_is_seen():
    estate = calm_estate()
    row = next(iter(rows_of(estate).values()))
    rows_of(estate)["another place"] = row
    assert "is shown twice in b" in told(estate)


def test_key_that_is_used_for_two_messages_is_seen():
    estate = calm_estate()
    account = estate.devices["d0"].account
    account.make(next(iter(account.made)), b"another")
    assert "was used twice" in told(estate)


def test_live_message_that_waits_is_seen():
    estate = calm_estate()
    estate.devices["d0"].account.live_s_max = 60.0
    assert "d0: a live message waited 60.0 s" in told(estate)


def test_device_that_has_more_to_say_is_seen():
    estate = calm_estate()
    estate.devices["d0"].cut_power()
    assert list(restless(estate)) == ["d0 does not come to rest: no power"]


def test_row_that_changes_when_a_region_returns_is_seen():
    estate = calm_estate()
    before = shown(estate)
    assert list(changed(estate, before)) == []
    place, _ = rows_of(estate).popitem()
    told_now = list(changed(estate, before))
    assert f"d0 {place} is shown otherwise since the Region is back" in told_now
    assert f"d0 {place} is shown in one Region alone" in told_now
