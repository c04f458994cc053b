"""Every way that the record of the slots can change, and none besides."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sample_firmware import image, old

from hotsite.core.slots import (
    TABLE,
    TRIES_MAX,
    Event,
    Slot,
    Slots,
    State,
    boot,
    cleared,
    confirmed,
    decode,
    delivered,
    encode,
    pended,
    rolled_back,
    staged,
)
from hotsite.errors import InvalidInputError, NotReadyError

NEW = delivered(old())
STAGED = staged(cleared(NEW), image())
PENDING = pended(STAGED)
BOTH = set(Slot)
TRYING = boot(PENDING, BOTH).slots
STATES = {
    State.STEADY: NEW,
    State.STAGED: STAGED,
    State.PENDING: PENDING,
    State.TRYING: TRYING,
}
STEPS = {
    Event.CLEAR: cleared,
    Event.STAGE: lambda slots: staged(slots, image()),
    Event.PEND: pended,
    Event.CONFIRM: confirmed,
    Event.ROLL_BACK: rolled_back,
}


@pytest.mark.parametrize(("state", "event"), list(product(State, STEPS)))
def test_what_the_table_does_not_have_is_refused(state, event):
    if (state, event) not in TABLE:
        with pytest.raises(NotReadyError):
            STEPS[event](STATES[state])
        return
    after = STEPS[event](STATES[state])
    assert after.state is TABLE[state, event]
    assert after.sequence == STATES[state].sequence + 1


def test_confirming_makes_the_new_slot_active_and_raises_the_counter():
    after = confirmed(TRYING)
    assert (after.active, after.counter_min) == (Slot.B, 2)


def test_the_old_image_starts_again_until_the_new_one_is_confirmed():
    assert TRYING.counter_min == 1
    assert boot(rolled_back(TRYING), BOTH).slot is Slot.A


def test_a_confirmed_counter_keeps_the_old_image_out_for_ever():
    after = confirmed(TRYING)
    assert boot(after, {Slot.A}).slot is None


def test_an_image_that_never_confirms_uses_up_its_tries():
    slots, started = PENDING, []
    for _ in range(TRIES_MAX + 1):
        decision = boot(slots, BOTH)
        slots = decision.slots
        started.append(decision.slot)
    assert started == [Slot.B] * TRIES_MAX + [Slot.A]
    assert slots.failed == (image().sha256,)


def test_a_damaged_active_image_gives_way_to_the_one_before():
    same = replace(image(), security_counter=1)
    slots = confirmed(boot(pended(staged(cleared(NEW), same)), BOTH).slots)
    decision = boot(slots, {Slot.A})
    assert decision.slot is Slot.A
    assert decision.reason == "the active image is damaged"


def test_an_image_that_is_not_whole_does_not_start():
    decision = boot(PENDING, {Slot.A})
    assert (decision.slot, decision.slots.state) == (Slot.A, State.STEADY)


def test_without_a_whole_image_nothing_starts():
    assert boot(NEW, set()).slot is None


@pytest.mark.parametrize("slots", list(STATES.values()))
def test_a_record_reads_back_as_it_was_written(slots):
    assert decode((encode(slots), b"")) == (slots, 1)
    assert decode((b"", encode(slots))) == (slots, 0)


@given(st.integers(0, 10_000), st.sampled_from([b"", b"\xff" * 9000]))
def test_a_torn_cell_leaves_the_record_as_it_was(length, before):
    torn = encode(STAGED)[:length] + before
    if encode(STAGED) == torn:
        return
    found, _ = decode((encode(NEW), torn))
    assert found == NEW


@given(st.lists(st.sampled_from([*Event, "boot-a", "boot-b"]), max_size=30))
def test_no_course_of_events_lowers_the_counter(events):
    slots: Slots = NEW
    for event in events:
        before = slots
        try:
            if event in {"boot-a", "boot-b", Event.BOOT}:
                intact = {"boot-a": {Slot.A}, "boot-b": {Slot.B}}.get(event, BOTH)
                slots = boot(slots, intact).slots
            else:
                slots = STEPS[event](slots)
        except NotReadyError:
            continue
        assert slots.counter_min >= before.counter_min
        assert slots.sequence >= before.sequence


def test_two_empty_cells_are_no_device_yet():
    with pytest.raises(InvalidInputError):
        decode((b"", b"torn"))
