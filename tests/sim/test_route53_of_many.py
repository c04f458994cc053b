"""Where the failover name leads with three or four sites, whatever they say."""

import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotsite.core.epoch import LETTERS
from hotsite.sim.route53 import SimRoute53, health, switch
from hotsite.sim.scheduler import Scheduler

THREE = LETTERS[:3]


def led_to(healthy, on, sites=THREE):
    """Return where the name leads in the end, by health and switches."""
    scheduler = Scheduler()
    probes = {health(one): lambda one=one: one in healthy for one in sites}
    probes |= {switch(one): lambda one=one: one in on for one in sites[1:]}
    names = SimRoute53(scheduler, random.Random(1), probes, sites)
    scheduler.run(60.0)
    return names.leads_to()


@pytest.mark.parametrize(
    ("healthy", "on", "leads_to"),
    [
        ("abc", "", "a"),
        ("bc", "", "b"),
        ("c", "", "c"),
        ("", "", "a"),
        ("ab", "", "a"),
        ("a", "", "a"),
        # Whose switch is on has the name, before all that come before it.
        ("abc", "b", "b"),
        ("abc", "c", "c"),
        ("ac", "c", "c"),
        # Of two that believe it for a moment, the later one: never both.
        ("abc", "bc", "c"),
        # Active and sick: the name goes on to the next one that is well.
        ("ac", "b", "c"),
        ("ab", "c", "b"),
        ("a", "c", "a"),
        ("a", "b", "a"),
        ("", "c", "a"),
    ],
)
def test_name_leads_to(healthy, on, leads_to):
    assert led_to(healthy, on) == leads_to


def test_name_leads_to_a_healthy_site_wherever_there_is_one():
    for sites in (THREE, LETTERS):
        for count in range(1, len(sites) + 1):
            for healthy in itertools.combinations(sites, count):
                assert led_to(healthy, "", sites) == healthy[0]
                for on in sites[1:]:
                    found = led_to(healthy, on, sites)
                    assert found in healthy
                    assert found == on or on not in healthy


@settings(max_examples=30)
@given(st.sets(st.sampled_from(LETTERS)), st.sets(st.sampled_from(LETTERS[1:])))
def test_name_never_leads_to_a_sick_site_while_another_is_well(healthy, on):
    assert led_to(healthy, on, LETTERS) in (healthy or LETTERS)
