"""What a courier may hand over, and where it ends up."""

import pytest

from hotsite.adapters.firmware_courier import FILES_MAX, CourierInbox
from hotsite.core.firmware import FirmwareRefusedError

SHA = "a" * 64


@pytest.fixture
def inbox(tmp_path):
    return CourierInbox(tmp_path / "inbox", bytes_max=100)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "timestamp.json",
        "metadata/../timestamp.json",
        "metadata/timestamp.json/x",
        "metadata/0.root.json",
        "metadata/other.json",
        "targets/app.bin",
        f"targets/../{SHA}.app",
        f"/targets/{SHA}.app",
        f"targets/{SHA}.a/b",
        f"targets/x/{SHA}.app\n",
        f"targets/{'x' * 200}/{SHA}.app",
    ],
)
def test_a_name_that_no_repository_has_is_refused(inbox, name, tmp_path):
    with pytest.raises(FirmwareRefusedError):
        inbox.receive(name, b"x")
    assert list(tmp_path.iterdir()) == []


def test_what_was_brought_is_there_and_can_be_thrown_away(inbox):
    inbox.receive("metadata/timestamp.json", b"1")
    inbox.receive("metadata/timestamp.json", b"2")
    inbox.receive(f"targets/hs-1/{SHA}.app-1.bin", b"3")
    assert inbox.names() == ("metadata/timestamp.json", f"targets/hs-1/{SHA}.app-1.bin")
    assert inbox.read("metadata/timestamp.json") == b"2"
    inbox.clear()
    assert inbox.names() == ()


def test_an_image_takes_the_place_of_the_one_before(inbox):
    inbox.receive(f"targets/{SHA}.one", b"1")
    inbox.receive(f"targets/{SHA}.two", b"2")
    assert inbox.names() == (f"targets/{SHA}.two",)


def test_a_courier_cannot_fill_the_disk(inbox):
    with pytest.raises(FirmwareRefusedError):
        inbox.receive(f"targets/{SHA}.app", b"x" * 101)
    with pytest.raises(FirmwareRefusedError):
        inbox.receive("metadata/timestamp.json", b"x" * 1_048_577)
    for number in range(1, FILES_MAX + 1):
        inbox.receive(f"metadata/{number}.root.json", b"x")
    with pytest.raises(FirmwareRefusedError):
        inbox.receive("metadata/timestamp.json", b"x")
