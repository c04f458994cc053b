"""The table of guards where there are three or four sites, and its laws."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.epoch import LETTERS, Epoch, number_after
from hotsite.core.operations import Action, Book, Claim, Look, Pause
from hotsite.core.standing import FencePolicy, Standing, posture
from hotsite.core.takeover import Sights, SiteSeen, decide, looked

POLICY = FencePolicy()
NOW_S = 10_000.0
A0, B1 = Epoch(0, "a", 0.0), Epoch(1, "b", 1000.0)
C2 = Epoch(number_after(1, "c"), "c", 2000.0)


def look(site, epoch, *, sure_s=NOW_S - 10, heard_s=0.0):
    return Look(site, epoch, NOW_S - 10, sure_s, heard_s, Action.SERVE, "")


def book(*items):
    return Book({item.key: item for item in items})


def says(epoch, *, is_healthy=True):
    return SiteSeen(epoch, is_on=False, is_healthy=is_healthy, reason="", now_s=NOW_S)


SICK = says(A0, is_healthy=False)


def sights(site, leads_to, others, *items, **more):
    return Sights(
        site,
        book(*(items or (look(site, A0),))),
        NOW_S,
        is_healthy=more.pop("is_healthy", True),
        peer=None,
        leads_to=leads_to,
        others=others,
        **more,
    )


ROWS = {
    "active, and all others know of none newer": (
        sights("a", "b", {"b": says(A0), "c": says(A0)}),
        (Action.SERVE, True, "epoch 0 (a) holds, and b and c know of none newer"),
    ),
    "active, one of them silent, and DNS leads here": (
        sights("a", "a", {"b": None, "c": says(A0)}),
        (Action.SERVE, True, "b does not answer, and the fleet is led here"),
    ),
    "active, one of them silent, and DNS leads to it": (
        sights("a", "b", {"b": None, "c": says(A0)}),
        (Action.WAIT, False, "b does not answer, and DNS does not lead here"),
    ),
    "active, all silent, and DNS leads away": (
        sights("a", "c", {"b": None, "c": None}),
        (Action.WAIT, False, "b and c do not answer"),
    ),
    "active, and the sickest of them knows a newer epoch": (
        sights("a", "a", {"b": None, "c": replace(SICK, epoch=C2)}),
        (Action.STAND_DOWN, True, "c knows epoch 2000000002 (c), newer than"),
    ),
    "of two newer epochs, the newest": (
        sights("a", "a", {"b": says(B1), "c": says(C2)}),
        (Action.STAND_DOWN, True, "c knows epoch 2000000002 (c)"),
    ),
    "a newer epoch that leads to a third site is told by a bystander": (
        sights("a", "a", {"b": says(C2), "c": None}),
        (Action.STAND_DOWN, True, "b knows epoch 2000000002 (c)"),
    ),
    "standby, and the active site is well": (
        sights("c", "a", {"a": says(A0), "b": None}),
        (Action.STAND_BY, True, "a is active and healthy"),
    ),
    "standby, the active site sick, and DNS leads to another standby": (
        sights("c", "b", {"a": SICK, "b": says(A0)}),
        (Action.WAIT, True, "only this site finds a sick"),
    ),
    "standby, all before it sick or silent, and DNS leads here": (
        sights("c", "c", {"a": None, "b": SICK}),
        (Action.TAKE_OVER, True, "a does not answer, and the fleet is led here"),
    ),
    "standby, DNS leads here, and a site before it seems well from here": (
        sights("c", "c", {"a": None, "b": says(A0)}),
        (Action.TAKE_OVER, True, "a does not answer, and the fleet is led here"),
    ),
    "standby, DNS silent, devices come here, and one before it is well": (
        sights("c", None, {"a": None, "b": says(A0)}, resumes=9),
        (Action.WAIT, False, "DNS is silent, and b is well and comes before"),
    ),
    "standby, DNS silent, devices come here, and none before it is well": (
        sights("c", None, {"a": None, "b": None}, resumes=9),
        (Action.TAKE_OVER, True, "a does not answer"),
    ),
    "the first site, DNS silent, takes over from the second": (
        sights("a", None, {"b": None, "c": says(B1)}, look("a", B1), resumes=9),
        (Action.TAKE_OVER, True, "b does not answer"),
    ),
    "active again after it was away, one of them silent, and DNS leads here": (
        sights("a", "a", {"b": None, "c": says(A0)}, look("a", A0, sure_s=0.0)),
        (Action.TAKE_OVER, True, "b does not answer, and the fleet is led here"),
    ),
    "the third took over from the second, and not from the first": (
        sights("c", "c", {"a": says(B1), "b": None}, Claim(B1), look("c", B1)),
        (Action.TAKE_OVER, True, "b does not answer"),
    ),
}


@pytest.mark.parametrize(("seen", "expected"), ROWS.values(), ids=ROWS)
def test_row(seen, expected):
    decision = decide(seen, POLICY)
    action, is_confirmed, reason = expected
    assert reason in decision.reason
    assert (decision.action, decision.is_confirmed) == (action, is_confirmed)


def test_third_site_takes_over_with_a_number_that_nobody_else_issues():
    decision = decide(
        ROWS["standby, all before it sick or silent, and DNS leads here"][0], POLICY
    )
    assert decision.epoch.active == "c"
    assert decision.epoch.number == number_after(0, "c")


@st.composite
def epochs(draw):
    site = draw(st.sampled_from(LETTERS))
    number = number_after(draw(st.integers(0, 8)), site)
    return Epoch(number, site, draw(st.floats(0, NOW_S)))


@st.composite
def any_sights(draw):
    letters = LETTERS[: draw(st.integers(3, 4))]
    site = draw(st.sampled_from(letters))
    items = [Claim(one) for one in draw(st.lists(epochs(), max_size=2))]
    if draw(st.booleans()):
        sure_s = draw(st.floats(0, NOW_S))
        heard_s = draw(st.floats(0, NOW_S))
        items.append(look(site, draw(epochs()), sure_s=sure_s, heard_s=heard_s))
    if draw(st.booleans()):
        items.append(Pause(is_paused=True))
    seen = st.none() | st.builds(
        lambda epoch, is_healthy: says(epoch, is_healthy=is_healthy),
        epochs(),
        st.booleans(),
    )
    others = {one: draw(seen) for one in letters if one != site}
    leads_to = draw(st.sampled_from([None, *letters]))
    more = {"resumes": draw(st.integers(0, 5)), "is_healthy": draw(st.booleans())}
    return sights(site, leads_to, others, *(items or [look(site, A0)]), **more)


@given(any_sights())
def test_nobody_takes_over_on_one_observer_while_paused_or_sick(seen):
    if decide(seen, POLICY).action is not Action.TAKE_OVER:
        return
    active = seen.book.newest.active
    assert seen.is_healthy
    assert not seen.book.pause.is_paused
    if active == seen.site:
        assert None in seen.others.values()
    else:
        left = seen.others.get(active)
        assert left is None or not left.is_healthy
    led = seen.leads_to == seen.site
    assert led or (seen.leads_to is None and seen.resumes >= 3)


@given(any_sights())
def test_without_dns_two_standbys_that_see_each_other_well_do_not_both_take_over(seen):
    if seen.leads_to is not None or decide(seen, POLICY).action is not Action.TAKE_OVER:
        return
    before = [one for one in seen.others if one < seen.site]
    for one in before:
        told = seen.others[one]
        is_well = told is not None and told.is_healthy
        assert not is_well or one == seen.book.newest.active


@given(any_sights())
def test_no_look_makes_a_site_forget_an_epoch(seen):
    decision = decide(seen, POLICY)
    kept = looked(seen, decision)
    told = [one.epoch.number for one in seen.others.values() if one is not None]
    most = max((seen.book.newest.number, *told))
    assert kept.heard.number >= most
    assert (decision.action is Action.TAKE_OVER) == (kept.heard.number > most)


@given(any_sights())
def test_who_hears_of_a_newer_epoch_is_not_active_by_an_older_one(seen):
    decision = decide(seen, POLICY)
    after = Book({**seen.book.items, f"look#{seen.site}": looked(seen, decision)})
    for told in seen.others.values():
        if told is None or told.epoch.active == seen.site:
            continue
        if told.epoch.number > seen.book.newest.number:
            heard = max(
                (one.epoch for one in seen.others.values() if one is not None),
                key=lambda one: one.number,
            )
            found = posture(after, seen.site, now_s=NOW_S, policy=POLICY)
            is_other = heard.active != seen.site
            assert not (is_other and found.standing is Standing.ACTIVE)


@given(any_sights())
def test_who_cannot_hear_one_of_the_others_is_sure_by_dns_or_time_alone(seen):
    """One that answers of several is not enough: the silent one may be active."""
    decision = decide(seen, POLICY)
    if decision.action is not Action.SERVE or not seen.silent:
        return
    is_led = seen.leads_to == seen.site
    have_come = seen.leads_to is None and seen.resumes >= POLICY.resumes_min
    is_young = NOW_S - seen.book.newest.since_s < POLICY.dns_s_max
    assert is_led or have_come or is_young
