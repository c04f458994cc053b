"""Updates that lose their power at every write, and come through."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sample_firmware import NEW_BYTES, OLD_BYTES, image, old

from hotsite.core.firmware import FirmwareRefusedError, Reason
from hotsite.core.slots import Slot, State
from hotsite.errors import NotReadyError
from hotsite.flows import firmware
from hotsite.sim.firmware import PowerLostError, SimSlots, SimSource

NOW_S = 1_750_000_000.0
TORN = (0.0, 0.3, 0.6, 1.0)


def device():
    store = SimSlots(bytes_max=200)
    firmware.deliver(store, old(), OLD_BYTES)
    return store


def live(store, source, *, is_healthy):
    """Switch the device on once: start, settle, update as far as the power goes."""
    decision = firmware.start(store)
    assert decision.slot is not None, "a device that starts nothing is a brick"
    running = decision.slots.image(decision.slot)
    is_new = running == image()
    content = NEW_BYTES if is_new else OLD_BYTES
    assert store.digest(decision.slot, len(content)) == running.sha256
    if not firmware.settle(store, lambda: is_healthy or not is_new):
        return running, False
    found = firmware.check(store, source, NOW_S)
    if found.reason is not Reason.TAKEN:
        return running, True
    firmware.stage(store, source, found.image)
    firmware.arm(store)
    return running, False


def live_on(store, source, *, is_healthy):
    """Start until nothing changes any more; return what runs then."""
    for _ in range(12):
        running, is_done = live(store, source, is_healthy=is_healthy)
        if is_done:
            return running
    raise AssertionError("the device never came to rest")


def write_count(*, is_healthy):
    store = device()
    before = store.write_count
    live_on(store, SimSource((image(), NEW_BYTES)), is_healthy=is_healthy)
    return store.write_count - before


def check_end(store, running, *, is_healthy):
    slots = firmware.read(store)
    assert slots.state is State.STEADY
    if is_healthy:
        assert running == image()
        assert slots.counter_min == 2
    else:
        assert running == old()
        assert slots.counter_min == 1
        assert slots.failed == (image().sha256,)


@pytest.mark.parametrize("is_healthy", [True, False])
def test_power_loss_at_each_write_of_an_update_recovers(is_healthy):
    source = SimSource((image(), NEW_BYTES))
    count = write_count(is_healthy=is_healthy)
    assert count > 10
    for after, torn in product(range(count), TORN):
        store = device()
        store.lose_power(after=after, torn=torn)
        with pytest.raises(PowerLostError):
            live_on(store, source, is_healthy=is_healthy)
        store.lose_power(after=None)
        running = live_on(store, source, is_healthy=is_healthy)
        check_end(store, running, is_healthy=is_healthy)


@settings(max_examples=150, deadline=None)
@given(
    losses=st.lists(st.tuples(st.integers(0, 15), st.sampled_from(TORN)), max_size=6),
    is_healthy=st.booleans(),
)
def test_losses_upon_losses_never_brick_and_never_lower_the_counter(losses, is_healthy):
    source, store = SimSource((image(), NEW_BYTES)), device()
    reached = 1
    for after, torn in losses:
        store.lose_power(after=after, torn=torn)
        try:
            live_on(store, source, is_healthy=is_healthy)
        except PowerLostError:
            store.lose_power(after=None)
        counter = firmware.read(store).counter_min
        assert counter >= reached
        reached = counter
    store.lose_power(after=None)
    running = live_on(store, source, is_healthy=is_healthy)
    # An image whose tries went with the power was not found healthy: the old one
    # runs, which is allowed, and the new one is not tried for ever.
    slots = firmware.read(store)
    assert running in {old(), image()}
    assert is_healthy or running == old()
    assert running == image() or image().sha256 in slots.failed


def test_a_staged_image_is_not_fetched_again():
    store = device()
    firmware.stage(store, SimSource((image(), NEW_BYTES)), image())
    before = store.write_count
    firmware.stage(store, SimSource(), image())
    assert store.write_count == before


def test_bytes_that_are_not_the_signed_ones_do_not_touch_the_slot():
    store = device()
    before = store.write_count
    with pytest.raises(FirmwareRefusedError):
        firmware.stage(store, SimSource((image(), b"x" * 46)), image())
    assert store.write_count == before


def test_an_image_that_is_being_tried_is_not_overwritten():
    store = device()
    source = SimSource((image(), NEW_BYTES))
    firmware.stage(store, source, image())
    firmware.arm(store)
    firmware.start(store)
    before = store.write_count
    with pytest.raises(NotReadyError):
        firmware.stage(store, source, image(version="1.2.0"))
    assert store.write_count == before


def test_a_slot_that_rots_while_it_is_staged_is_written_anew():
    store = device()
    source = SimSource((image(), NEW_BYTES))
    firmware.stage(store, source, image())
    store.damage(Slot.B)
    firmware.stage(store, source, image())
    firmware.arm(store)
    assert firmware.start(store).slot is Slot.B


def test_a_device_is_delivered_once_and_with_the_right_bytes():
    with pytest.raises(FirmwareRefusedError):
        firmware.deliver(SimSlots(bytes_max=200), old(), NEW_BYTES)
    with pytest.raises(NotReadyError):
        firmware.deliver(device(), old(), OLD_BYTES)
