from dataclasses import replace

import pytest
from tests.sample_journal import ACTIVE, STANDBY, as_json, event, journal

from hotsite.core.books import Moment, StoreHeld
from hotsite.core.churn import SiteReturned
from hotsite.core.hardship import PowerCut, SiteSick
from hotsite.core.intervals import Intervals
from hotsite.core.journal import DrillEnded, DrillStarted, Phase, PhaseStarted
from hotsite.core.scenario import Objectives
from hotsite.core.verdict import judge

THING = "oven-7-00000"


def returned(change=lambda fact: fact, *, regions=(STANDBY, ACTIVE)):
    """Return a good drill whose dead Region returns; ``change`` spoils one store."""
    events = journal()
    facts = [
        replace(item, fact=replace(item.fact, digest="d"))
        if isinstance(item.fact, StoreHeld)
        else item
        for item in events
        if not isinstance(item.fact, DrillEnded)
    ]
    after = [
        event(80, change(replace(i.fact, moment=Moment.AFTER_RETURN, region=region)))
        for region in regions
        for i in facts
        if isinstance(i.fact, StoreHeld) and i.fact.moment is Moment.END
    ]
    back = [
        event(78, PhaseStarted(Phase.RETURN)),
        event(79, SiteReturned(ACTIVE, 1.0)),
    ]
    return [*facts, *back, *after, event(81, DrillEnded("done"))]


def spoiling(region=STANDBY, **changes):
    def change(fact):
        is_it = (fact.thing, fact.region) == (THING, region)
        return replace(fact, **changes) if is_it else fact

    return change


def test_a_return_that_changes_nothing_passes():
    verdict = judge(returned())
    assert verdict.reasons == ()
    assert as_json(verdict)["returned"] == {
        "added": 0,
        "vanished": 0,
        "changed": 0,
        "duplicates": 0,
        "ghosts": 0,
        "apart": 0,
    }


MANY = Intervals.from_pairs([(1, 27)])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (spoiling(held=Intervals.from_pairs([(1, 26)])), "1 messages vanished"),
        (spoiling(digest="another"), "1 series show another content"),
        (spoiling(rows=28), "1 duplicate rows appeared"),
        (spoiling(held=Intervals.from_pairs([(1, 28)])), "1 messages appeared that"),
        (
            spoiling(ACTIVE, held=Intervals.from_pairs([(1, 20)])),
            "7 messages are in one Region only",
        ),
    ],
)
def test_whatever_a_return_changes_is_a_reason(change, reason):
    verdict = judge(returned(change))
    assert any(reason in text for text in verdict.reasons), verdict.reasons
    assert verdict.returned.wrong > 0


def test_a_return_may_add_what_was_missing():
    events = [
        replace(item, fact=replace(item.fact, held=Intervals.from_pairs([(1, 26)])))
        if isinstance(item.fact, StoreHeld)
        and (item.fact.thing, item.fact.moment) == (THING, Moment.END)
        else item
        for item in returned()
    ]
    verdict = judge(events)
    assert verdict.returned.added == 1
    assert verdict.returned.wrong == 0
    assert not any("return" in reason for reason in verdict.reasons)


def test_a_return_that_nobody_read_is_no_good_return():
    verdict = judge(returned(regions=(STANDBY,)))
    assert verdict.returned is None
    assert any("was not measured" in reason for reason in verdict.reasons)


def with_goals(goals, *facts):
    first, *rest = journal()
    assert isinstance(first.fact, DrillStarted)
    first = replace(first, fact=replace(first.fact, objectives=goals))
    return [first, *(event(20, fact) for fact in facts), *rest]


def test_a_drill_that_could_lose_nothing_proves_nothing():
    verdict = judge(with_goals(Objectives(puback_loss_min=51)))
    (reason,) = verdict.reasons
    assert reason.startswith("the drill proved nothing: a device that trusts the")
    assert reason.endswith("lost 50 messages; the objective is at least 51")
    assert judge(with_goals(Objectives(puback_loss_min=50))).is_pass


def test_power_cuts_and_sickness_are_counted_from_the_journal():
    hard = (PowerCut(2, 10), PowerCut(0, 10), SiteSick(ACTIVE, 184.4))
    verdict = judge(with_goals(Objectives(power_cuts_min=2), *hard))
    assert verdict.is_pass, verdict.reasons
    assert as_json(verdict)["hardship"] == {
        "power_cuts": 2,
        "devices_cut": 20,
        "lag_s": 184.4,
    }
    assert as_json(verdict)["objectives"]["power_cuts_min"] == 2
    spared = judge(with_goals(Objectives(power_cuts_min=1)))
    assert spared.reasons == (
        "the fleet went through 0 power cuts; the objective is at least 1",
    )
