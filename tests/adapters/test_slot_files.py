"""Slots on a disk keep what the simulated ones keep."""

import hashlib

import pytest

from hotsite.adapters.slot_files import SlotFiles
from hotsite.core.slots import Slot
from hotsite.errors import UnreachableError
from hotsite.sim.firmware import SimSlots


@pytest.fixture(params=["files", "sim"])
def store(request, tmp_path):
    if request.param == "sim":
        return SimSlots(bytes_max=100)
    return SlotFiles(tmp_path / "slots", bytes_max=100)


def digest(content):
    return hashlib.sha256(content).hexdigest()


def test_cells_are_empty_until_they_are_written(store):
    assert store.cells() == (b"", b"")
    store.write_cell(1, b"second")
    store.write_cell(0, b"first")
    store.write_cell(1, b"again")
    assert store.cells() == (b"first", b"again")


def test_a_slot_holds_what_was_written_into_it_and_not_the_other(store):
    store.write_image(Slot.B, [b"abc", b"def"])
    store.write_image(Slot.A, [b"x"])
    assert store.digest(Slot.B, 6) == digest(b"abcdef")
    assert store.digest(Slot.B, 3) == digest(b"abc")
    assert store.digest(Slot.A, 1) == digest(b"x")
    assert store.bytes_max == 100


def test_a_slot_that_was_never_written_has_no_digest_of_anything(store):
    assert store.digest(Slot.A, 3) != digest(b"abc")


def test_a_disk_that_takes_nothing_is_an_error_and_not_an_empty_slot(tmp_path):
    (tmp_path / "slots").write_text("a file where the folder must be")
    store = SlotFiles(tmp_path / "slots")
    for broken in (
        store.cells,
        lambda: store.write_cell(0, b"x"),
        lambda: store.write_image(Slot.A, [b"x"]),
        lambda: store.digest(Slot.A, 1),
    ):
        with pytest.raises(UnreachableError):
            broken()
