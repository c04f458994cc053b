"""The simulated failover name: where it leads, and how fast it follows."""

import random

import pytest

from hotsite.sim.route53 import HEALTH_A, HEALTH_B, SWITCH_B, SimRoute53
from hotsite.sim.scheduler import Scheduler


def world(**says):
    scheduler = Scheduler()
    state = {"a": True, "b": True, "switch": False} | says
    probes = {
        HEALTH_A: lambda: state["a"],
        HEALTH_B: lambda: state["b"],
        SWITCH_B: lambda: state["switch"],
    }
    return scheduler, SimRoute53(scheduler, random.Random(1), probes), state


@pytest.mark.parametrize(
    ("a", "b", "switch", "leads_to"),
    [
        (True, True, False, "a"),
        (True, False, False, "a"),
        (False, True, False, "b"),
        (False, False, False, "a"),
        (True, True, True, "b"),
        # A sick secondary leaves the name at the primary, whatever its switch says.
        (True, False, True, "a"),
        (False, True, True, "b"),
        (False, False, True, "a"),
    ],
)
def test_name_leads_to(a, b, switch, leads_to):
    scheduler, names, _ = world(a=a, b=b, switch=switch)
    scheduler.run(60.0)
    assert names.leads_to() == leads_to


def test_name_follows_a_loss_and_a_switch_within_twenty_seconds():
    scheduler, names, state = world()
    scheduler.run(60.0)
    for change in ({"switch": True}, {"switch": False}, {"a": False}):
        before = names.leads_to()
        began_s = scheduler.now_s()
        state.update(change)
        scheduler.run(30.0)
        assert names.leads_to() != before
        assert 10.0 <= names.history[-1].since_s - began_s <= 20.0


def test_one_failed_check_moves_nothing():
    scheduler, names, state = world()
    scheduler.run(60.0)
    state["a"] = False
    scheduler.run(9.0)
    state["a"] = True
    scheduler.run(60.0)
    assert [led.site for led in names.history] == ["a"]


def test_history_says_where_it_led_of_late():
    scheduler, names, state = world()
    scheduler.run(60.0)
    state["a"] = False
    scheduler.run(60.0)
    moved_s = names.history[-1].since_s
    assert names.led_to("a", since_s=moved_s - 1)
    assert not names.led_to("a", since_s=moved_s + 1)
    assert names.led_to("b", since_s=scheduler.now_s())
