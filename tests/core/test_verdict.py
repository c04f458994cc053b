from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sample_journal import (
    ACTIVE,
    STANDBY,
    Paper,
    as_json,
    but,
    event,
    journal,
    thing,
    without,
)

from hotsite.core.books import DeviceReported, Moment, StoreHeld
from hotsite.core.history import percentile
from hotsite.core.intervals import Intervals
from hotsite.core.journal import (
    DeviceApplied,
    DeviceConnectable,
    DeviceDisconnected,
    DeviceOnboarded,
    DeviceRecovered,
    DeviceUnconnectable,
    DnsAnswered,
    DrillEnded,
    DrillStarted,
    FaultInjected,
    PhaseStarted,
    SiteHealth,
)
from hotsite.core.scenario import Objectives
from hotsite.core.verdict import judge
from hotsite.errors import InvalidInputError

SHAPE = {
    "schema": None,
    "scenario": None,
    "world": None,
    "seed": None,
    "devices": None,
    "objectives": ["rto_s", "rpo_messages"],
    "rto": ["first_s", "p50_s", "p90_s", "p99_s", "max_s", "recovered"],
    "phases": [
        "fault_at_s",
        "detected_s",
        "dns_switched_s",
        "reconnected_p50_s",
        "first_telemetry_s",
    ],
    "rpo": [
        "published",
        "acknowledged",
        "stored",
        "lost",
        "duplicates",
        "lost_if_puback_trusted",
    ],
    "registry": ["onboarded", "connectable_in_standby", "lag_p99_s"],
    "verdict": None,
    "reasons": None,
}


def reasons(events):
    verdict = judge(events)
    assert verdict.is_pass is not bool(verdict.reasons)
    return verdict.reasons


def test_verdict_json_has_the_documented_shape_and_order():
    document = as_json(judge(journal()))
    assert list(document) == list(SHAPE)
    for key, keys in SHAPE.items():
        assert keys is None or list(document[key]) == keys
    assert document["schema"] == 1
    assert document["verdict"] == "pass"


def test_a_good_drill_passes_with_every_figure_measured():
    verdict = judge(journal())
    document = as_json(verdict)
    assert verdict.reasons == ()
    assert verdict.rto.recovered == 50
    assert all(
        value is not None
        for key, keys in SHAPE.items()
        if keys
        for value in document[key].values()
    )
    assert document["phases"]["fault_at_s"] == 0.0
    assert document["phases"]["detected_s"] == 11.1
    assert document["phases"]["dns_switched_s"] == 12.4
    # 50 devices with 7 acknowledged messages each; the store had got 6 of each.
    assert document["rpo"]["lost_if_puback_trusted"] == 50
    assert document["registry"]["onboarded"] == 50


def test_without_a_fault_rto_is_null_and_the_drill_fails():
    document = as_json(judge(journal(Paper(has_fault=False))))
    assert set(document["rto"].values()) == {None}
    assert set(document["phases"].values()) == {None}
    assert document["rpo"]["lost"] == 0
    assert document["rpo"]["lost_if_puback_trusted"] is None
    assert document["reasons"] == ["no fault was injected, so RTO was not measured"]
    assert document["verdict"] == "fail"


def test_a_device_that_never_recovers_is_infinitely_late():
    verdict = judge(journal(Paper(dead=1)))
    assert verdict.rto.recovered == 49
    assert verdict.rto.p90_s is not None
    assert (verdict.rto.p99_s, verdict.rto.max_s) == (None, None)
    assert verdict.reasons == (
        "1 of 50 devices never recovered",
        (
            "RTO p99 is unknown, because it falls on a device that never recovered;"
            " the objective is 60 s"
        ),
    )


def test_one_of_two_hundred_may_be_late_for_p99_and_still_fails():
    verdict = judge(journal(Paper(devices=200, dead=1)))
    assert verdict.rto.p99_s is not None
    assert verdict.rto.max_s is None
    assert verdict.reasons == ("1 of 200 devices never recovered",)


@pytest.mark.parametrize(
    ("paper", "reason"),
    [
        (Paper(slow_s=60), "RTO p99 was 81.6 s; the objective is 60 s"),
        (Paper(has_switch=False), f"DNS never switched the fleet's name to {STANDBY}"),
        (
            Paper(lost=3),
            (
                "the drill lost 3 of 1350 acknowledged messages;"
                " the objective is at most 0"
            ),
        ),
        (Paper(doubled=1), f"the store in {STANDBY} holds 1 duplicate row"),
    ],
)
def test_a_missed_objective_is_a_reason_with_its_figure(paper, reason):
    assert reasons(journal(paper)) == (reason,)


def test_losses_within_the_objective_pass():
    objectives = Objectives(rto_s=60, rpo_messages=3)
    events = but(journal(Paper(lost=3)), DrillStarted, objectives=objectives)
    verdict = judge(events)
    assert (verdict.rpo.lost, verdict.is_pass) == (3, True)


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        (
            without(journal(), DrillEnded),
            "the journal has no end: the drill died or is still running",
        ),
        (
            but(journal(), DrillEnded, reason="interrupted"),
            "the drill did not finish: interrupted",
        ),
        (
            but(journal(), DeviceReported, dropped=2),
            "devices dropped 100 messages, their outboxes being full",
        ),
        (
            but(journal(), DeviceReported, published=Intervals(((2, 27),))),
            f"the store in {STANDBY} holds 50 messages that nobody published",
        ),
        (
            without(journal(), DeviceConnectable),
            f"whether devices can connect in {STANDBY} was not measured",
        ),
        (
            but(journal(), DrillStarted, devices=51),
            "50 of 51 devices were onboarded",
        ),
    ],
)
def test_whatever_went_wrong_is_said(events, reason):
    assert reason in reasons(events)


def test_a_device_that_could_not_connect_in_the_standby_fails_the_drill():
    refused = DeviceUnconnectable(thing(3), STANDBY, "not authorised")
    elsewhere = DeviceUnconnectable(thing(4), ACTIVE, "not authorised")
    start, *rest = journal()
    verdict = judge([start, *rest[:-1], *map(_late, (refused, elsewhere)), rest[-1]])
    assert verdict.registry.connectable_in_standby == 49
    assert verdict.reasons == (
        f"49 of 50 devices could connect in {STANDBY} before they needed to",
    )


def _late(fact):
    return event(77.5, fact)


def test_a_new_device_must_be_onboarded_after_the_fault():
    events = [
        item
        for item in journal()
        if not (isinstance(item.fact, DeviceOnboarded) and "after" in item.fact.thing)
    ]
    assert reasons(events) == ("no new device could be onboarded after the fault",)


def test_a_device_lost_again_after_recovery_fails_the_drill():
    events = journal()
    gone = event(65.0, DeviceDisconnected(thing(9), "keep-alive"))
    at = next(i for i, item in enumerate(events) if item.at_s > 65)
    events.insert(at, gone)
    assert reasons(events) == (
        f"1 device disconnected again after recovery ({thing(9)}: keep-alive)",
    )


def test_a_silent_device_leaves_the_loss_unknown():
    events = [
        item
        for item in journal()
        if not (isinstance(item.fact, DeviceReported) and item.fact.thing == thing(1))
    ]
    verdict = judge(events)
    assert (verdict.rpo.published, verdict.rpo.lost) == (None, None)
    assert verdict.rpo.stored == 1350
    assert verdict.reasons == (
        "1 device never reported what was published",
        "what was lost was not measured",
    )


def test_a_store_that_was_not_read_is_not_an_empty_store():
    events = [
        item
        for item in journal()
        if not (
            isinstance(item.fact, StoreHeld)
            and item.fact.moment is Moment.END
            and item.fact.thing == thing(1)
        )
    ]
    verdict = judge(events)
    assert (verdict.rpo.stored, verdict.rpo.lost) == (None, None)
    assert verdict.rpo.duplicates is None
    assert f"the store in {STANDBY} was not read at the end for 1 device" in (
        verdict.reasons
    )


def test_a_store_that_was_read_and_held_nothing_lost_everything():
    events = [
        replace(item, fact=StoreHeld(STANDBY, Moment.END, thing(1), 0, Intervals(), 0))
        if isinstance(item.fact, StoreHeld)
        and (item.fact.moment, item.fact.thing) == (Moment.END, thing(1))
        else item
        for item in journal()
    ]
    assert judge(events).rpo.lost == 27


def test_the_trusted_puback_is_unknown_if_the_store_was_not_read_then():
    events = [
        item
        for item in journal()
        if not (
            isinstance(item.fact, StoreHeld) and item.fact.moment is Moment.AFTER_FAULT
        )
    ]
    verdict = judge(events)
    assert verdict.rpo.lost_if_puback_trusted is None
    assert verdict.is_pass


def test_rows_of_an_epoch_that_nobody_reported_are_ghosts():
    start, *rest = journal()
    ghost = StoreHeld(
        STANDBY, Moment.END, thing(0), 5, Intervals.from_numbers([1, 2]), 2
    )
    assert reasons([start, *rest[:-1], _late(ghost), rest[-1]]) == (
        f"the store in {STANDBY} holds 2 messages that nobody published",
    )


def test_a_registry_lag_that_was_not_seen_is_null():
    verdict = judge(without(journal(), DeviceApplied))
    assert verdict.registry.lag_p99_s is None


def test_the_survivor_is_the_site_that_the_fault_spared():
    events = but(journal(), FaultInjected, region=STANDBY)
    assert f"DNS never switched the fleet's name to {ACTIVE}" in reasons(events)


def test_health_and_dns_of_other_sites_and_names_do_not_count():
    events = but(journal(), SiteHealth, region=STANDBY)
    events = but(events, DnsAnswered, name="api.hotsite.test")
    verdict = judge(events)
    assert verdict.phases.detected_s is None
    assert verdict.phases.dns_switched_s is None


def test_a_drill_in_which_nothing_was_measured_is_all_null():
    start, last = journal()[0], journal()[-1]
    document = as_json(judge([start, last]))
    assert set(document["rpo"].values()) == {None}
    assert document["registry"] == {
        "onboarded": 0,
        "connectable_in_standby": None,
        "lag_p99_s": None,
    }
    assert document["verdict"] == "fail"


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([], "the journal is empty"),
        (journal()[1:], "does not begin with drill_started"),
        (
            but(journal(), DrillStarted, schema=2),
            "is of schema 2; this hotsite reads 1",
        ),
    ],
)
def test_what_is_no_journal_is_refused(events, message):
    with pytest.raises(InvalidInputError, match=message):
        judge(events)


TIMES = st.lists(st.floats(0, 1000), max_size=60)


@given(TIMES, st.integers(1, 100), st.integers(0, 20))
def test_a_percentile_covers_that_share_of_the_whole_fleet(times, percent, missing):
    total = len(times) + missing
    value = percentile(times, percent, total=total)
    wanted = percent * total / 100
    if value is None:
        assert len(times) < wanted or not times
    else:
        assert sum(time <= value for time in times) >= wanted
        assert sum(time < value for time in times) < wanted


@pytest.mark.no_cover
@given(st.lists(st.floats(0.1, 500), min_size=50, max_size=50), st.randoms())
def test_the_verdict_ignores_the_order_in_which_devices_recover(delays, shuffler):
    def with_delays(order):
        events = without(journal(Paper(seed=1)), DeviceRecovered)
        fault = next(e for e in events if isinstance(e.fact, FaultInjected))
        at = next(
            i
            for i, e in enumerate(events)
            if isinstance(e.fact, PhaseStarted) and e.at_s > 50
        )
        facts = [
            event(50.0, DeviceRecovered(thing(n), fault.world_s + delays[n]))
            for n in order
        ]
        return [*events[:at], *facts, *events[at:]]

    order = list(range(50))
    straight = judge(with_delays(order))
    shuffler.shuffle(order)
    assert judge(with_delays(order)) == straight
    assert straight.rto.max_s == pytest.approx(max(delays), abs=0.001)
    assert straight.rto.first_s <= straight.rto.p50_s <= straight.rto.p90_s
    assert straight.rto.p90_s <= straight.rto.p99_s <= straight.rto.max_s


@given(st.permutations(range(8)), st.integers(0, 7))
def test_a_lost_message_is_counted_wherever_it_is(order, hole):
    numbers = Intervals.from_numbers(n for n in order if n != hole)
    events = [
        replace(item, fact=replace(item.fact, held=numbers, rows=7))
        if isinstance(item.fact, StoreHeld) and item.fact.moment is Moment.END
        else item
        for item in but(
            journal(Paper(devices=2)),
            DeviceReported,
            published=Intervals(((0, 7),)),
            acknowledged=Intervals(((0, 7),)),
        )
    ]
    assert judge(events).rpo.lost == 2
