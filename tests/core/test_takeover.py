"""The table that guards go by: each row, with its reason."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.epoch import SITES, Epoch, number_after
from hotsite.core.operations import Action, Book, Claim, Look, Pause
from hotsite.core.standing import FencePolicy, Standing, posture
from hotsite.core.takeover import Sights, SiteSeen, decide, looked

POLICY = FencePolicy()
NOW_S = 10_000.0
A0, B1, A2 = Epoch(0, "a", 0.0), Epoch(1, "b", 1000.0), Epoch(2, "a", 2000.0)


def look(site, epoch, *, sure_s=NOW_S - 10, heard_s=0.0):
    return Look(site, epoch, NOW_S - 10, sure_s, heard_s, Action.SERVE, "")


def book(*items):
    return Book({item.key: item for item in items})


def peer(epoch, *, is_healthy=True):
    return SiteSeen(epoch, epoch.active == "a", is_healthy, "the canary", NOW_S)


# Site b, to which DNS leads, while a does not answer: it takes over.
CALLED = Sights(
    "b", book(look("b", A0)), NOW_S, is_healthy=True, peer=None, leads_to="b"
)
# Site a, active and sure of it, alone with DNS.
ALONE = Sights(
    "a", book(look("a", A0)), NOW_S, is_healthy=True, peer=None, leads_to="a"
)
LATE = Epoch(2, "a", NOW_S - 299)
RECENT = Epoch(2, "a", NOW_S - 89)
PAUSE = Pause(is_paused=True, reason="work on the network")

ROWS = {
    "the peer knows a newer epoch": (
        replace(ALONE, peer=peer(B1)),
        (Action.STAND_DOWN, True, "b knows epoch 1 (b), newer than epoch 0 (a)"),
    ),
    "a newer epoch counts even from a sick peer": (
        replace(ALONE, peer=peer(B1, is_healthy=False)),
        (Action.STAND_DOWN, True, "newer"),
    ),
    "active, and the peer knows of none newer": (
        replace(ALONE, peer=peer(A0), leads_to="b"),
        (Action.SERVE, True, "b knows of none newer"),
    ),
    "active, back from away, and the peer knows of none newer": (
        replace(ALONE, peer=peer(A0), book=book(look("a", A0, sure_s=0.0))),
        (Action.SERVE, True, "b knows of none newer"),
    ),
    "active, alone, and DNS leads here": (
        ALONE,
        (Action.SERVE, True, "the fleet is led here"),
    ),
    "active, alone, DNS silent, and devices come": (
        replace(ALONE, leads_to=None, resumes=3),
        (Action.SERVE, True, "the fleet is led here"),
    ),
    "active for a moment, alone, and DNS leads away": (
        replace(ALONE, book=book(Claim(RECENT), look("a", RECENT)), leads_to="b"),
        (Action.SERVE, True, "DNS has yet to follow"),
    ),
    "active, alone, and DNS leads away": (
        replace(ALONE, leads_to="b"),
        (Action.WAIT, False, "cannot tell"),
    ),
    "active, alone, and DNS silent": (
        replace(ALONE, leads_to=None, resumes=2),
        (Action.WAIT, False, "cannot tell"),
    ),
    "active, back from away for a moment, alone, and DNS leads here": (
        replace(ALONE, book=book(look("a", A0, sure_s=NOW_S - 31))),
        (Action.WAIT, False, "fenced just now: DNS has 89 s to follow"),
    ),
    "active, back from away, alone, and DNS leads here": (
        replace(ALONE, book=book(look("a", A0, sure_s=NOW_S - 120))),
        (Action.TAKE_OVER, True, "b does not answer, and the fleet is led here"),
    ),
    "active, back from away, alone, and DNS leads away": (
        replace(ALONE, book=book(look("a", A0, sure_s=NOW_S - 31)), leads_to="b"),
        (Action.WAIT, False, "only this site finds b sick"),
    ),
    "standby, and the peer is well": (
        replace(CALLED, peer=peer(A0), leads_to="a"),
        (Action.STAND_BY, True, "a is active and healthy"),
    ),
    "standby, DNS leads here, and the peer is well": (
        replace(CALLED, peer=peer(A0)),
        (Action.STAND_BY, True, "a is active and healthy"),
    ),
    "standby, the peer silent, and DNS leads here": (
        CALLED,
        (Action.TAKE_OVER, True, "a does not answer, and the fleet is led here"),
    ),
    "standby, the peer sick, and DNS leads here": (
        replace(CALLED, peer=peer(A0, is_healthy=False)),
        (Action.TAKE_OVER, True, "a is not healthy, and the fleet is led here"),
    ),
    "standby, the peer silent, DNS silent, and devices come": (
        replace(CALLED, leads_to=None, resumes=3),
        (Action.TAKE_OVER, True, "the fleet is led here"),
    ),
    "standby, the peer silent, DNS silent, and few devices come": (
        replace(CALLED, leads_to=None, resumes=2),
        (Action.WAIT, False, "only this site finds a sick"),
    ),
    "standby, the peer silent, DNS leads away though devices come": (
        replace(CALLED, leads_to="a", resumes=100),
        (Action.WAIT, False, "only this site finds a sick"),
    ),
    "standby, the peer sick, and DNS leads to it": (
        replace(CALLED, peer=peer(A0, is_healthy=False), leads_to="a"),
        (Action.WAIT, True, "only this site finds a sick"),
    ),
    "standby, and sick itself": (
        replace(CALLED, is_healthy=False),
        (Action.WAIT, False, "this site is not healthy itself"),
    ),
    "standby, and paused": (
        replace(CALLED, book=book(look("b", A0), PAUSE)),
        (Action.WAIT, False, "paused: work on the network"),
    ),
    "standby, and a pause that is over": (
        replace(CALLED, book=book(look("b", A0), replace(PAUSE, until_s=NOW_S))),
        (Action.TAKE_OVER, True, "the fleet is led here"),
    ),
    "standby, and switched a moment ago": (
        replace(CALLED, book=book(Claim(LATE), look("b", LATE))),
        (Action.WAIT, False, "1 s of dwell time are left"),
    ),
    "standby, and the dwell time is over": (
        replace(CALLED, book=book(Claim(A2), look("b", A2))),
        (Action.TAKE_OVER, True, "the fleet is led here"),
    ),
    "standby, and heard of the epoch just now": (
        replace(CALLED, book=book(Claim(A2), look("b", B1))),
        (Action.WAIT, False, "heard of epoch 2 (a) just now: DNS has 90 s to follow"),
    ),
    "standby, and heard of the epoch a moment ago": (
        replace(CALLED, book=book(Claim(A2), look("b", A2, heard_s=NOW_S - 89))),
        (Action.WAIT, False, "DNS has 1 s to follow"),
    ),
    "standby, and has never looked before": (
        replace(CALLED, book=book()),
        (Action.WAIT, False, "heard of epoch 0 (a) just now"),
    ),
}


@pytest.mark.parametrize(("sights", "expected"), ROWS.values(), ids=ROWS)
def test_row(sights, expected):
    decision = decide(sights, POLICY)
    action, is_confirmed, reason = expected
    assert (decision.action, decision.is_confirmed) == (action, is_confirmed)
    assert reason in decision.reason


def test_take_over_is_the_next_epoch_of_this_site():
    decision = decide(CALLED, POLICY)
    assert decision.epoch == Epoch(1, "b", NOW_S, "guard of b", decision.reason)


def test_who_stands_down_keeps_the_epoch_that_it_heard_of():
    sights = replace(ALONE, peer=peer(B1))
    kept = looked(sights, decide(sights, POLICY))
    assert (kept.heard, kept.confirmed_at_s, kept.heard_at_s) == (B1, NOW_S, NOW_S)
    after = book(*sights.book.items.values(), kept)
    found = posture(after, "a", now_s=NOW_S, policy=POLICY)
    assert found.standing is Standing.STANDBY


def test_who_cannot_tell_stays_sure_for_no_longer_than_before():
    sights = replace(ALONE, leads_to="b")
    kept = looked(sights, decide(sights, POLICY))
    assert (kept.at_s, kept.confirmed_at_s) == (NOW_S, NOW_S - 10)
    assert kept.heard_at_s == 0.0


SITE = st.sampled_from(SITES)
NUMBERS = st.integers(0, 8)


@st.composite
def epochs(draw):
    site = draw(SITE)
    return Epoch(number_after(draw(NUMBERS), site), site, draw(st.floats(0, NOW_S)))


@st.composite
def any_sights(draw):
    site = draw(SITE)
    items = [Claim(one) for one in draw(st.lists(epochs(), max_size=2))]
    if draw(st.booleans()):
        sure_s = draw(st.floats(0, NOW_S))
        heard_s = draw(st.floats(0, NOW_S))
        items.append(look(site, draw(epochs()), sure_s=sure_s, heard_s=heard_s))
    if draw(st.booleans()):
        items.append(PAUSE)
    seen = None
    if draw(st.booleans()):
        seen = peer(draw(epochs()), is_healthy=draw(st.booleans()))
    leads_to = draw(st.sampled_from([None, *SITES]))
    resumes = draw(st.integers(0, 5))
    return Sights(
        site, book(*items), NOW_S, draw(st.booleans()), seen, leads_to, resumes
    )


@given(any_sights())
def test_nobody_takes_over_on_one_observer_while_paused_or_sick(sights):
    if decide(sights, POLICY).action is Action.TAKE_OVER:
        assert sights.is_healthy
        assert sights.peer is None or not sights.peer.is_healthy
        led = sights.leads_to == sights.site
        assert led or (sights.leads_to is None and sights.resumes >= 3)
        assert not sights.book.pause.is_paused


@given(any_sights())
def test_no_look_makes_a_site_forget_an_epoch(sights):
    decision = decide(sights, POLICY)
    kept = looked(sights, decision)
    known = sights.book.newest.number
    assert kept.heard.number >= known
    if sights.peer is not None:
        assert kept.heard.number >= sights.peer.epoch.number
    is_taken = decision.action is Action.TAKE_OVER
    assert is_taken == (
        kept.heard.number > max(known, sights.peer.epoch.number if sights.peer else 0)
    )


@given(any_sights())
def test_two_sites_that_see_each_other_are_never_both_active(sights):
    """Whatever one believed, after its look it is active by the newest epoch only."""
    decision = decide(sights, POLICY)
    after = Book({**sights.book.items, f"look#{sights.site}": looked(sights, decision)})
    if sights.peer is not None and sights.peer.epoch.active != sights.site:
        found = posture(after, sights.site, now_s=NOW_S, policy=POLICY)
        is_newer = sights.peer.epoch.number > sights.book.newest.number
        assert not (is_newer and found.standing is Standing.ACTIVE)
