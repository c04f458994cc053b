"""The journal of both Regions becomes one story, and says what it cannot tell."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core import outage as outages
from hotsite.core.operations import Entry

REGIONS = {"a": "eu-central-1", "b": "eu-west-1"}
T = 1_795_000_000.0


def guard(site, at_s, what, reason="why"):
    return Entry(T + at_s, site, f"guard of {site}", what, reason)


def operator(site, at_s, what, reason="why"):
    return Entry(T + at_s, site, "ann", what, reason)


# A Region dies at 60: b finds it silent at 65, and takes over at 88.
DEATH = (
    guard("a", 0, "serve, epoch 0 (a)"),
    guard("b", 2, "stand by, epoch 0 (a)"),
    guard("b", 65, "wait, epoch 0 (a)", "only this site finds a sick"),
    guard("b", 88, "take over, epoch 1 (b)", "a does not answer"),
    guard("b", 98, "serve, epoch 1 (b)", "led here"),
)
RETURN = (guard("a", 700, "stand down, epoch 1 (b)", "b knows epoch 1 (b)"),)


def gather(a, b=None, *, now_s=800.0):
    read = {"a": a, "b": a if b is None else b}
    return outages.gather(read, REGIONS, since_s=T - 60, now_s=T + now_s)


def test_line_that_both_replicas_have_is_told_once_and_in_order():
    found = gather(DEATH[::-1])
    assert [line.entry for line in found.lines] == list(DEATH)
    assert {line.seen_in for line in found.lines} == {("a", "b")}
    assert list(outages.gaps(found)) == []


def test_equal_lines_of_one_replica_are_two():
    line = operator("b", 5, "going on with forced-b-1")
    assert len(gather((line, line), (line,)).lines) == 2


def test_line_of_one_replica_only_is_a_gap():
    found = gather(DEATH[:2], DEATH)
    (gap,) = outages.gaps(found)
    assert gap.startswith("3 lines are in eu-west-1 only")


def test_replica_that_is_silent_is_a_gap_with_its_reason():
    found = gather("no answer", DEATH)
    (gap,) = outages.gaps(found)
    assert gap.startswith("eu-central-1 does not answer, so what only its replica has")
    assert gap.endswith("no answer")
    assert len(found.lines) == len(DEATH)


def test_turn_says_who_decided_why_and_what_was_overridden():
    lines = (
        operator("b", 4, "forced to b is begun", "forced-b-1"),
        operator("b", 5, "overridden: paused: work; b is late", "the hall is dark"),
        operator("b", 6, "issued epoch 1 (b)", "forced"),
        guard("b", 16, "serve, epoch 1 (b)"),
        guard("a", 400, "take over, epoch 2 (a)", "b is dark"),
    )
    first, second = outages.turns(gather(lines))
    assert (first.number, first.active, first.by, first.at_s) == (1, "b", "ann", T + 6)
    assert first.overridden == "paused: work; b is late (the hall is dark)"
    assert (second.active, second.by, second.overridden) == ("a", "guard of a", "")


def test_dead_site_is_nobody_from_when_the_other_finds_it_silent():
    told = outages.figures(gather((*DEATH, *RETURN)))
    assert told.switches == 1
    assert told.none_active_s == pytest.approx(23.0)
    # It wrote nothing until it came back: the bound of the fence, and said to be.
    assert told.two_active_s == pytest.approx(130.0)
    assert told.is_two_bound


def test_outage_that_is_read_before_the_fence_ends_is_a_bound_as_well():
    found = gather("no answer", DEATH, now_s=120.0)
    told = outages.figures(found)
    assert told.is_two_bound
    assert told.two_active_s == pytest.approx(found.end_s - T - 88)
    (lane,) = outages.stretches(found, "a")
    assert (lane.lost_s, lane.silent_until_s) == (T + 88, found.end_s)


def test_site_that_says_at_once_that_it_stands_down_is_measured():
    lines = (*DEATH, guard("a", 91, "stand down, epoch 1 (b)"))
    told = outages.figures(gather(lines))
    assert told.two_active_s == pytest.approx(3.0)
    assert not told.is_two_bound


def test_planned_move_that_told_the_source_has_no_two():
    lines = (
        guard("a", 0, "serve, epoch 0 (a)"),
        guard("b", 1, "stand by, epoch 0 (a)"),
        operator("b", 10, "issued epoch 1 (b)"),
        operator("b", 11, "told a of epoch 1 (b)", "replication did not"),
        guard("b", 20, "serve, epoch 1 (b)"),
    )
    told = outages.figures(gather(lines))
    assert told.two_active_s == pytest.approx(1.0)
    assert (told.switches, told.none_active_s, told.doubted_s) == (1, 0, 0)


def test_third_site_counts_like_any_other():
    death_of_b = (
        guard("c", 300, "wait, epoch 1 (b)", "only this site finds b sick"),
        guard("c", 400, "take over, epoch 2000000002 (c)", "b does not answer"),
        guard("c", 410, "serve, epoch 2000000002 (c)", "led here"),
    )
    lines = (*DEATH, guard("c", 3, "stand by, epoch 0 (a)"), *death_of_b)
    regions = {**REGIONS, "c": "eu-west-2"}
    read = {"a": "no answer", "b": "no answer", "c": lines}
    found = outages.gather(read, regions, since_s=T - 60, now_s=T + 800)
    assert [turn.active for turn in outages.turns(found)] == ["b", "c"]
    assert outages.figures(found).switches == 2
    # It was a stranger's for the 100 s in which nobody but c saw what b was.
    assert outages.figures(found).none_active_s >= 100.0
    first = outages.gather(
        {**read, "c": lines[5:]}, regions, since_s=T - 60, now_s=T + 800
    )
    assert outages.figures(first).switches == 1


def test_peer_that_was_silent_for_a_while_is_doubted_and_not_lost():
    lines = (
        *DEATH[:3],
        guard("b", 85, "stand by, epoch 0 (a)"),
    )
    told = outages.figures(gather(lines))
    assert told.doubted_s == pytest.approx(20.0)
    assert (told.switches, told.none_active_s, told.two_active_s) == (0, 0, 0)


def test_site_that_fenced_itself_leaves_nobody():
    lines = (
        guard("a", 0, "serve, epoch 0 (a)"),
        guard("b", 0, "stand by, epoch 0 (a)"),
        guard("a", 40, "wait, epoch 0 (a)", "cannot tell"),
        guard("a", 70, "serve, epoch 0 (a)"),
    )
    told = outages.figures(gather(lines))
    assert told.none_active_s == pytest.approx(30.0)


def test_time_without_a_line_has_no_figures():
    found = gather(())
    assert outages.turns(found) == ()
    told = outages.figures(found)
    assert (told.switches, told.two_active_s, told.none_active_s) == (0, 0, 0)
    assert found.end_s == T + 800


WHATS = st.sampled_from(
    [
        "serve, epoch 0 (a)",
        "stand by, epoch 0 (a)",
        "wait, epoch 0 (a)",
        "take over, epoch 1 (b)",
        "take over, epoch 2 (a)",
        "issued epoch 3 (b)",
        "told a of epoch 3 (b)",
        "paused",
        "nonsense",
    ]
)
ENTRIES = st.lists(
    st.builds(
        Entry,
        at_s=st.integers(0, 500).map(float),
        site=st.sampled_from("ab"),
        by=st.sampled_from(["guard of a", "guard of b", "ann"]),
        what=WHATS,
        reason=st.just("why"),
    ),
    max_size=12,
).map(tuple)


@given(ENTRIES, st.randoms(use_true_random=False))
def test_story_does_not_depend_on_the_order_or_on_who_told_it(entries, random):
    shuffled = list(entries)
    random.shuffle(shuffled)
    told = outages.gather({"a": entries, "b": ()}, REGIONS, since_s=0, now_s=600)
    again = outages.gather({"a": shuffled, "b": entries}, REGIONS, since_s=0, now_s=600)
    assert [one.entry for one in told.lines] == [one.entry for one in again.lines]
    figures = outages.figures(told)
    assert figures == outages.figures(again)
    length_s = told.end_s - told.start_s
    lengths = (figures.two_active_s, figures.none_active_s, figures.doubted_s)
    assert all(0 <= one <= length_s for one in lengths)
    assert sum(lengths) <= length_s + 1e-6
