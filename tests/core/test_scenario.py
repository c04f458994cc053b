import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from hotsite.core.outbox import OutboxPolicy
from hotsite.core.scenario import FaultKind, check, parse
from hotsite.errors import InvalidInputError

DRILLS = sorted((Path(__file__).parents[2] / "drills").glob("*.toml"))
LEAST = {"name": "x", "title": "A sentence.", "fault": {"kind": "none"}}


@pytest.mark.parametrize("path", DRILLS, ids=lambda path: path.stem)
def test_every_shipped_scenario_is_named_like_its_file(path):
    scenario = parse(tomllib.loads(path.read_text()), source=path.name)
    assert scenario.name == path.stem
    expected = 30 if scenario.churn else 20 if scenario.course else 50
    assert scenario.devices == expected
    goals = scenario.objectives
    assert goals.rpo_messages == 0
    assert goals.rto_s == 60 or scenario.course


def test_a_pilot_light_that_nobody_lights_is_refused():
    with pytest.raises(InvalidInputError, match="pilot light needs a course"):
        parse({**LEAST, "strategy": "pilot-light"}, source="x.toml")


def test_shipped_scenarios_differ_in_what_they_are_about():
    scenarios = {
        path.stem: parse(tomllib.loads(path.read_text()), source=path.name)
        for path in DRILLS
    }
    assert scenarios["region-loss"].fault.kind is FaultKind.REGION_KILL
    assert scenarios["region-freeze"].fault.kind is FaultKind.REGION_FREEZE
    assert not scenarios["no-fault"].has_fault
    assert not scenarios["dns-disabled"].dns_failover
    assert scenarios["registry-churn"].churn is not None
    worst = scenarios["power-and-region"]
    assert worst.fault.kind is FaultKind.REGION_FREEZE_THEN_KILL
    assert worst.region_returns
    assert None not in {worst.power, worst.sick}


def test_scenario_without_a_fault_hurts_nothing():
    bare = {key: value for key, value in LEAST.items() if key != "fault"}
    assert not parse(bare, source="x.toml").has_fault


def test_what_is_left_out_has_a_default():
    scenario = parse(LEAST, source="x.toml")
    assert (scenario.devices, scenario.seed, scenario.onboard_after) == (50, 1, 1)
    assert (scenario.steady_s, scenario.recovery_limit_s) == (12, 90)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"device": 50}, "x.toml: unknown key 'device'; known are churn, cour"),
        ({"fault": {}}, "x.toml: fault: kind is missing"),
        ({"fault": "none"}, "x.toml: fault: must be a table, not 'none'"),
        ({"fault": {"kind": "flood"}}, 'kind must be "region-kill" or "region-freeze"'),
        ({"fault": {"kind": "none", "site": "b"}}, 'site must be "active", not'),
        ({"devices": 0}, "x.toml: devices must be 1 to 100000"),
        ({"devices": True}, "devices must be a whole number, not True"),
        ({"devices": 5.0}, "devices must be a whole number, not 5.0"),
        ({"steady_s": "1"}, "steady_s must be a number, not '1'"),
        ({"steady_s": float("nan")}, "steady_s must be 0 to 3600 seconds"),
        ({"stay_healthy_s": -1}, "stay_healthy_s must be 0 to 3600 seconds"),
        ({"replication_lag_s": 3601}, "replication_lag_s must be 0 to 3600 seconds"),
        ({"recovery_limit_s": 0}, "recovery_limit_s must be more than 0 seconds"),
        ({"publish_interval_s": float("inf")}, "publish_interval_s must be more than"),
        ({"objectives": {"rto_s": 0}}, "objectives: rto_s must be more than 0"),
        ({"objectives": {"rpo_messages": -1}}, "objectives: rpo_messages must be 0"),
        ({"dns_failover": 1}, "dns_failover must be true or false, not 1"),
        ({"name": "Loss!"}, "name must be 1 to 64 of a-z, 0-9 and -"),
        ({"title": "Two\nlines"}, "title must be one sentence on one line"),
        ({"title": " "}, "title must be one sentence on one line"),
        ({"seed": -1}, "seed must be 0 or more"),
        ({"onboard_after": -1}, "onboard_after must be 0 or more"),
        ({"objectives": {"puback_loss_min": -1}}, "puback_loss_min must be 0 or more"),
        ({"objectives": {"power_cuts_min": -1}}, "power_cuts_min must be 0 or more"),
        ({"devices_follow": "luck"}, 'devices_follow must be "dns" or "own-names"'),
        ({"power": {"cuts_per_min": 0}}, "power: cuts_per_min must be above 0"),
        ({"power": {"processes": 11}}, "power: processes must be 1 to 10"),
        ({"power": {"off_s_max": -1}}, "power: off_s_max must be 0 to 3600 seconds"),
        ({"sick": {"for_s": 0}}, "sick: for_s must be above 0"),
        ({"sick": {"lag_s_max": 301}}, "lag_s_max must be in order, 0 to 300 seconds"),
        ({"sick": {"lag_s_min": 9, "lag_s_max": 8}}, "lag_s_max must be in order"),
        ({"region_returns": True}, "region_returns must be false: only a killed"),
        (
            {"fault": {"kind": "region-freeze-then-kill", "kill_after_s": -1}},
            "fault: kill_after_s must be 0 to 3600 seconds",
        ),
    ],
)
def test_a_wrong_value_is_one_clear_line(changes, message):
    with pytest.raises(InvalidInputError) as caught:
        parse({**LEAST, **changes}, source="x.toml")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_name_is_said():
    with pytest.raises(InvalidInputError, match=r"x\.toml: name, title is missing"):
        parse({"fault": {"kind": "none"}}, source="x.toml")


def test_an_override_is_checked_like_the_file():
    scenario = replace(parse(LEAST, source="x.toml"), devices=-3)
    with pytest.raises(InvalidInputError, match="--devices: devices must be"):
        check(scenario, source="--devices")


CHURN = {**LEAST, "fault": {"kind": "region-kill"}}


@pytest.mark.parametrize(
    ("churn", "message"),
    [
        ({"before": -1}, "churn: before must be 0 to 10000"),
        ({"rate_per_s": 0}, "churn: rate_per_s must be above 0"),
        ({"outside_share": 1.5}, "churn: outside_share must be 0 to 1"),
        ({"quiet_limit_s": 0}, "churn: quiet_limit_s must be above 0"),
        ({"objectives": {"lag_p99_s": float("nan")}}, "objectives: lag_p99_s must be"),
        ({"objectives": {"drift": -1}}, "objectives: drift must be 0"),
        ({"objectives": {"lag": 1}}, "unknown key 'lag'"),
    ],
)
def test_a_wrong_value_of_the_churn_is_one_clear_line(churn, message):
    with pytest.raises(InvalidInputError) as caught:
        parse({**CHURN, "churn": churn}, source="x.toml")
    assert message in str(caught.value)


@pytest.mark.parametrize("kind", ["none", "region-freeze"])
def test_churn_needs_a_region_that_can_return(kind):
    with pytest.raises(InvalidInputError, match="only a killed Region can return"):
        parse({**CHURN, "fault": {"kind": kind}, "churn": {}}, source="x.toml")


def test_devices_keep_messages_for_the_lag_of_a_sick_region_and_the_time_to_notice():
    late = parse({**LEAST, "replication_lag_s": 1000}, source="x.toml")
    assert late.retention_s == 1120
    worst = parse({**LEAST, "sick": {"lag_s_min": 299}}, source="x.toml")
    assert 299 <= worst.lag_s <= 300
    assert worst.retention_s >= worst.lag_s + 120
    assert parse(LEAST, source="x.toml").retention_s == OutboxPolicy().retention_s
