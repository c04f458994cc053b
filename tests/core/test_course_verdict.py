"""The verdict on a course, from journals on paper."""

from dataclasses import replace

import pytest

from hotsite.core.books import DeviceReported, Moment, StoreHeld
from hotsite.core.course import (
    CourseObjectives,
    DeviceSilent,
    Ending,
    OperationEnded,
    Outage,
    OutageBegan,
    SiteAwaited,
    SiteSpoke,
)
from hotsite.core.course_verdict import course_reasons, measure_course
from hotsite.core.history import read as history_of
from hotsite.core.intervals import Intervals
from hotsite.core.journal import (
    DeviceConnectable,
    DeviceOnboarded,
    DnsAnswered,
    DrillEnded,
    DrillStarted,
    Event,
    FleetSampled,
    Machine,
)
from hotsite.core.operations import Kind
from hotsite.core.scenario import Objectives
from hotsite.core.strategy import Strategy
from hotsite.core.verdict import judge

A, B = "eu-central-1", "eu-west-1"
TEN = Intervals.from_pairs([(1, 10)])
STARTED = DrillStarted(
    schema=1,
    versions={},
    seed=1,
    scenario_text="",
    scenario="broker-only",
    world="sim",
    devices=2,
    machine=Machine(1, 0, "paper"),
    objectives=Objectives(rto_s=60.0),
    active=A,
    standby=B,
    course=CourseObjectives(active="b", switches=1, both_active_s=5.0),
)
THINGS = ("oven-0", "oven-1")


def course(*, until_s=50.0, silent=(20.0, 30.0), connected=2, leads_to=B):
    """Return what a good course writes, in its order."""
    return [
        (10.0, SiteSpoke("a", is_on=True, epoch=0, active="a")),
        (10.0, SiteSpoke("b", is_on=False, epoch=0, active="a")),
        (20.0, OutageBegan(Outage.BROKER, "a", 1.0)),
        (48.0, SiteSpoke("b", is_on=True, epoch=1, active="b")),
        (until_s, SiteSpoke("a", is_on=False, epoch=1, active="b")),
        (51.0, DnsAnswered("iot.example.com", leads_to)),
        *(
            (60.0, DeviceSilent(thing, silent_s))
            for thing, silent_s in zip(THINGS, silent, strict=True)
        ),
        (70.0, FleetSampled({A: 2 - connected, B: connected}, 0, 0, 20, 20, None)),
    ]


def verdict(facts, *, stored=TEN):
    told = [
        *((1.0, DeviceOnboarded(thing, A, 0.1)) for thing in THINGS),
        *((2.0, DeviceConnectable(thing, B, 0.1)) for thing in THINGS),
        *facts,
        *(
            (90.0, DeviceReported(thing, 1, TEN, TEN, Intervals(), 0))
            for thing in THINGS
        ),
        *(
            (90.0, StoreHeld(B, Moment.END, thing, 1, stored, stored.size))
            for thing in THINGS
        ),
        (91.0, DrillEnded("done")),
    ]
    events = [Event(at_s, 1000.0 + at_s, fact) for at_s, fact in told]
    return judge([Event(0.0, 1000.0, STARTED), *events])


def test_a_good_course_passes_with_its_figures():
    found = verdict(course())
    assert (found.is_pass, found.reasons) == (True, ())
    assert (found.rto.p50_s, found.rto.p99_s, found.rto.recovered) == (20.0, 30.0, 2)
    assert (found.rpo.lost, found.rpo.stored) == (0, 20)
    figures = found.course
    assert (figures.switches, figures.active, figures.connected) == (1, "b", 2)
    assert (figures.both_active_s, figures.none_active_s) == (2.0, 0.0)
    document = found.to_json()
    assert document["course"]["dns_leads_to"] == B
    assert document["objectives"]["active"] == "b"


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        (course(until_s=60.0), "both sites were active for 12.0 s"),
        (course(silent=(20.0, 61.0)), "RTO p99 was 61.0 s; the objective is 60 s"),
        (course(silent=(20.0, None)), "1 of 2 devices never recovered"),
        (course(connected=1), "1 of 2 devices are connected to eu-west-1"),
        (course(leads_to=A), "leads to eu-central-1, and has to lead to eu-west-1"),
        (course(leads_to=None), "leads to nowhere"),
        ([], "nothing broke and nobody did anything"),
        ([], "who is active was not measured"),
        (
            [*course(), (80.0, SiteSpoke("b", is_on=None, epoch=None, active=""))],
            "not one site alone is active in the end; it has to be b",
        ),
        (
            [*course(), (80.0, SiteSpoke("a", is_on=True, epoch=2, active="a"))],
            "led to the other site 2 times; the objective is 1",
        ),
        ([*course(), (80.0, SiteAwaited("b", None))], "b did not take over in time"),
        (
            [
                *course(),
                (
                    80.0,
                    OperationEnded(
                        Kind.PLANNED, "b", Ending.DONE, Ending.REFUSED, "it did", 1.0
                    ),
                ),
            ],
            "planned to b was to end refused, and ended done: it did",
        ),
    ],
)
def test_what_is_wrong_is_said(facts, reason):
    found = verdict(facts)
    assert not found.is_pass
    assert any(reason in one for one in found.reasons), found.reasons


def test_what_the_active_site_lacks_in_the_end_is_lost():
    found = verdict(course(), stored=Intervals.from_pairs([(1, 9)]))
    assert found.rpo.lost == 2
    assert not found.is_pass


def test_the_longest_silence_of_a_device_counts():
    more = [*course(), (80.0, DeviceSilent("oven-0", 45.0))]
    assert verdict(more).rto.p99_s == 45.0


def test_who_was_never_silent_was_away_for_no_time():
    facts = [one for one in course() if not isinstance(one[1], DeviceSilent)]
    assert verdict(facts).rto == replace(
        verdict(facts).rto, p50_s=0.0, p99_s=0.0, recovered=2
    )


@pytest.mark.parametrize(
    ("strategy", "is_pass"),
    [(Strategy.ACTIVE_ACTIVE, True), (Strategy.HOT_SITE, False)],
)
def test_devices_of_two_active_sites_may_be_at_either(strategy, is_pass):
    goals = CourseObjectives(active="a", switches=0, both_active_s=5.0)
    started = replace(STARTED, course=goals, strategy=strategy)
    facts = [
        (10.0, SiteSpoke("a", is_on=True, epoch=0, active="a")),
        (10.0, SiteSpoke("b", is_on=False, epoch=0, active="a")),
        (51.0, DnsAnswered("active.example.com", A)),
        (52.0, FleetSampled({A: 1, B: 1}, 0, 0, 20, 20, 0.0)),
    ]
    events = [Event(0.0, 0.0, started)] + [Event(s, s, f) for s, f in facts]
    history = history_of(events)
    found = measure_course(history)
    reasons = [r for r in course_reasons(history, found, goals) if "devices are" in r]
    assert (reasons == []) is is_pass
