"""Each row of the judgement: what was found, how bad it is, and what is said."""

from dataclasses import replace

import pytest

from hotsite.core import headroom
from hotsite.core.doors import Door, knocks
from hotsite.core.epoch import Epoch
from hotsite.core.headroom import Fleet, Limit, Need
from hotsite.core.health import HealthVerdict
from hotsite.core.metering import Exposure
from hotsite.core.operations import (
    Action,
    Book,
    Claim,
    Kind,
    Look,
    Operation,
    Pause,
)
from hotsite.core.replication_status import ReplicationStatus
from hotsite.core.site_facts import Connected, Sampled, SiteFacts, Unknown
from hotsite.core.site_readiness import Level, ReadinessPolicy, judge, worst
from hotsite.core.takeover import SiteSeen

NOW_S = 1_795_000_000.0
DAY_S = 86_400.0
A, B = "eu-central-1", "eu-west-1"
READY, LOOK, NOT_READY = Level.READY, Level.LOOK, Level.NOT_READY
B1 = Epoch(1, "b", NOW_S - 500, "operator", "a is dead", is_forced=True)
SILENT = Unknown("no answer")


def looked(site, epoch, *, ago_s=5.0, sure_s=5.0):
    return Look(site, epoch, NOW_S - ago_s, NOW_S - sure_s, 0.0, Action.SERVE, "why")


def book(*items):
    return Book({one.key: one for one in items})


SERVING = book(Claim(B1), looked("b", B1))


def facts(**changes):
    found = SiteFacts(
        "b",
        B,
        NOW_S,
        verdict=HealthVerdict(
            is_healthy=True, reason="came", seen_at_s=NOW_S - 4, took_s=0.12
        ),
        book=SERVING,
        replication=ReplicationStatus(names=42, applied=42, lag_p99_s=0.31),
        exposure=Exposure(12, 1.2, 60.0, NOW_S),
        limits=tuple(replace(one, code="L-1") for one in headroom.defaults(B)),
        doors=tuple(
            Door(knock.name, "", NOW_S + 80 * DAY_S)
            for knock in knocks("b", "fleet.example.com")
        ),
        registered=Sampled(20, 20, "42 things"),
    )
    return replace(found, **changes)


POLICY = ReadinessPolicy(Fleet(50))


def points(found, policy=POLICY, peer=None):
    return {one.noun: one for one in judge(found, policy, peer)}


def test_site_in_which_all_is_well_is_ready_in_each_point():
    found = judge(facts(), POLICY)
    assert {one.level for one in found} == {READY}
    assert [one.noun for one in found] == [
        "health",
        "switch",
        "registry",
        "loss now",
        "quotas",
        "names",
        "registered",
    ]
    assert worst(found) is READY
    assert worst(()) is READY


@pytest.mark.parametrize(
    ("verdict", "level", "text"),
    [
        (None, NOT_READY, "no canary has run yet"),
        (SILENT, NOT_READY, "no answer"),
        (
            HealthVerdict(is_healthy=True, reason="came", seen_at_s=NOW_S - 91),
            NOT_READY,
            "the last verdict is 91 s old, 90 s allowed",
        ),
        (
            HealthVerdict(is_healthy=False, reason="no PUBACK", seen_at_s=NOW_S - 3),
            NOT_READY,
            "no PUBACK, 3 s ago",
        ),
        (
            HealthVerdict(
                is_healthy=True, reason="came", seen_at_s=NOW_S - 3, took_s=0.26
            ),
            READY,
            "came, 3 s ago, in 260 ms",
        ),
    ],
)
def test_health_is_the_canarys_verdict_and_its_age(verdict, level, text):
    found = points(facts(verdict=verdict))["health"]
    assert (found.level, found.text) == (level, text)


@pytest.mark.parametrize(
    ("items", "level", "said"),
    [
        (
            (Claim(B1), looked("b", B1)),
            READY,
            "active: epoch 1 (b), forced, by operator",
        ),
        ((looked("b", Epoch(2, "a", NOW_S - 9)),), READY, "standby: epoch 2 (a)"),
        ((), LOOK, "no guard has looked yet"),
        (
            (Claim(B1), looked("b", B1, sure_s=45)),
            NOT_READY,
            "last confirmed 45 s ago, 30 s allowed",
        ),
        (
            (Claim(B1), looked("b", B1, ago_s=400, sure_s=400)),
            NOT_READY,
            "its guard looked 7 min ago",
        ),
    ],
)
def test_switch_is_what_the_own_replica_allows_to_believe(items, level, said):
    found = points(facts(book=book(*items)))["switch"]
    assert found.level is level
    assert said in found.text


def test_guard_that_waits_says_for_what():
    here = replace(looked("b", Epoch(0, "a", 0.0)), action=Action.WAIT, reason="DNS")
    found = points(facts(book=book(here)))["switch"]
    assert found.level is LOOK
    assert found.text.endswith("; its guard waits: DNS")


def test_pause_and_operation_are_shown_and_stop_nobody():
    pause = Pause(is_paused=True, until_s=NOW_S + 1800, by="ann", reason="network")
    operation = Operation(
        "planned-b-1", Kind.PLANNED, "a", "b", "dns", NOW_S - 40, "ann", moved=1200
    )
    other = replace(operation, id="failback-a-1", source="b", target="a")
    found = points(facts(book=book(*SERVING.items.values(), pause, operation, other)))
    assert found["paused"].text == "by ann: network, for another 30 min"
    assert found["operation"].text == (
        "planned-b-1: step dns, 1,200 devices moved, begun 40 s ago by ann"
    )
    assert {found["paused"].level, found["operation"].level} == {LOOK}
    old = replace(operation, begun_s=NOW_S - 7200)
    left = points(facts(book=book(*SERVING.items.values(), old)))["operation"]
    assert "left unfinished" in left.text
    done = replace(operation, step="done")
    assert "operation" not in points(facts(book=book(*SERVING.items.values(), done)))
    over = replace(pause, until_s=NOW_S - 1)
    assert "paused" not in points(facts(book=book(*SERVING.items.values(), over)))


@pytest.mark.parametrize(
    ("status", "level", "said"),
    [
        (SILENT, NOT_READY, "no answer"),
        (ReplicationStatus(names=9, applied=8, pending=1), READY, "1 wait since 0 s"),
        (
            ReplicationStatus(names=9, applied=8, pending=1, oldest_pending_s=301),
            NOT_READY,
            "1 wait since 5 min",
        ),
        (
            ReplicationStatus(names=9, applied=8, failed=1),
            NOT_READY,
            "1 can never be applied",
        ),
        (ReplicationStatus(names=9, applied=9, is_whole=False), READY, "first ones"),
    ],
)
def test_registry_is_ready_while_nothing_failed_and_nothing_waits_long(
    status, level, said
):
    found = points(facts(replication=status))["registry"]
    assert found.level is level
    assert said in found.text


@pytest.mark.parametrize(
    ("exposure", "level", "said"),
    [
        (Exposure(), LOOK, "not measured"),
        (Exposure(9, 420.0, None, 1.0), READY, "nothing is lost"),
        (Exposure(9, 500.0, None, 1.0), NOT_READY, "the oldest 80 s are past"),
    ],
)
def test_loss_now_is_held_against_what_devices_keep(exposure, level, said):
    found = points(facts(exposure=exposure))["loss now"]
    assert found.level is level
    assert said in found.text


def test_quota_that_the_fleet_does_not_fit_names_the_code_to_raise():
    found = judge(facts(), ReadinessPolicy(Fleet(600_000)))
    assert [one.text for one in found if one.level is NOT_READY] == [
        f'"{need.value}" (L-1) is {there}: raise to {wanted}'
        for need, there, wanted in (
            (Need.CONNECTS, "3,000", "10,000"),
            (Need.SUBSCRIBES, "3,000", "10,000"),
            (Need.CONNECTIONS, "500,000", "600,000"),
        )
    ]


@pytest.mark.parametrize(
    ("size", "level"), [(50, LOOK), (90_000, NOT_READY), (None, NOT_READY)]
)
def test_quota_lower_than_in_the_other_region_counts_by_the_fleet(size, level):
    low = facts(limits=(Limit(Need.CONNECTS, 100.0, "L-7"),))
    high = facts(site="a", region=A, limits=(Limit(Need.CONNECTS, 3000.0, "L-7"),))
    found = judge(low, ReadinessPolicy(Fleet(size)), high)
    lower = [one for one in found if f"{A} has 3,000" in one.text]
    assert [one.level for one in lower] == [level]
    assert "(L-7) is 100" in lower[0].text
    assert not [
        one
        for one in judge(high, ReadinessPolicy(Fleet(size)), low)
        if one.noun == "quota" and "has" in one.text
    ]


def test_quotas_that_were_not_read_are_something_to_look_at():
    assert points(facts(limits=SILENT))["quotas"].level is LOOK
    assumed = points(facts(limits=headroom.defaults(B)))["quotas"]
    assert assumed.level is LOOK
    assert "AWS's defaults" in assumed.text
    unknown = points(facts(), ReadinessPolicy(Fleet(None)))["quotas"]
    assert unknown.level is LOOK


@pytest.mark.parametrize(
    ("door", "noun", "said"),
    [
        (Door("iot.x", "no TLS"), "name", "iot.x: no TLS"),
        (Door("iot.x", "", NOW_S + 29 * DAY_S), "names", "runs out in 29 days"),
        (Door("iot.x", "", NOW_S - DAY_S), "names", "runs out in -1 days"),
    ],
)
def test_name_that_is_not_served_or_not_for_long_is_not_ready(door, noun, said):
    found = points(facts(doors=(*facts().doors, door)))[noun]
    assert found.level is NOT_READY
    assert said in found.text


@pytest.mark.parametrize(
    ("sampled", "level", "said"),
    [
        (Sampled(20, 20, "42 things"), READY, "at least 86.1 % of them at 95 %"),
        (Sampled(3, 3, "", is_all=True), READY, "3 of all 3 devices"),
        (Sampled(3, 2, "", ("x: no",), is_all=True), NOT_READY, "; x: no"),
        (Sampled(20, 19, "42 things", ("x: no",)), NOT_READY, "at least 78.4 %"),
        (Sampled(0, 0, "0 things"), LOOK, "no device is there"),
        (SILENT, LOOK, "no answer"),
    ],
)
def test_devices_are_told_with_what_the_sample_proves(sampled, level, said):
    for noun in ("registered", "proven"):
        found = points(facts(**{noun: sampled}))[noun]
        assert found.level is level
        assert said in found.text


def test_connection_of_the_canary_is_a_point_of_its_own():
    assert "connect" not in points(facts())
    good = points(facts(canary=Connected(0.034)))["connect"]
    assert (good.level, good.text) == (READY, "as its canary, from here, in 34 ms")
    assert (
        points(facts(canary=Connected(None, "refused")))["connect"].level is NOT_READY
    )


@pytest.mark.parametrize(
    ("count", "level", "said"),
    [(0, READY, "no devices came here"), (3, LOOK, "3 devices came here")],
)
def test_devices_whom_the_other_site_did_not_let_in_are_told(count, level, said):
    point = points(facts(turned_away=count))["turned away"]
    assert point.level is level
    assert point.text.startswith(said)
    assert "turned away" not in points(facts())


def test_peer_is_a_point_where_it_was_asked():
    well = SiteSeen(B1, is_on=True, is_healthy=True, reason="came", now_s=NOW_S)
    assert points(facts(peer=well))["peer"].level is READY
    sick = replace(well, is_healthy=False)
    assert points(facts(peer=sick))["peer"].level is NOT_READY
    assert points(facts(peer=SILENT))["peer"].text == "does not answer: no answer"


def test_silent_site_is_told_once_and_its_names_are_told_all_the_same():
    doors = tuple(Door(f"{n}.x", "no answer", is_silent=True) for n in ("iot", "api"))
    dead = SiteFacts("a", A, NOW_S, SILENT, SILENT, SILENT, doors=doors)
    dead = replace(dead, exposure=Exposure(9, 2.0, None, 1.0))
    found = judge(dead, POLICY)
    assert [(one.noun, one.level) for one in found] == [
        ("site", NOT_READY),
        # What is lost of a dead site the other one knows.
        ("loss now", READY),
        ("names", NOT_READY),
    ]
    assert found[-1].text == "iot, api: no answer"
    # One table that does not answer is no silence.
    assert facts(book=SILENT).silence is None
