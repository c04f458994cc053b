"""A phone that brings firmware, and the device that tells it what it wants."""

import pytest
from tests.firmware_world import NOW_S, Device, Signer, carry
from tests.sample_firmware import image

from hotsite.core.firmware import FirmwareRefusedError, Reason
from hotsite.flows import firmware


@pytest.fixture
def signer(tmp_path):
    return Signer(tmp_path / "signed").begin().release()


@pytest.fixture
def device(signer, tmp_path):
    return Device(tmp_path / "device", signer.root(), is_courier=True)


def test_the_device_names_each_file_that_it_wants_and_then_takes_the_image(
    signer, device
):
    courier, asked = device.courier(), []
    courier.start()
    assert courier.status()["state"] == "idle"
    while wanted := courier.status()["wanted"]:
        asked += wanted
        path = signer.folder / wanted[0]
        if path.exists():
            courier.receive(wanted[0], path.read_bytes())
        else:
            courier.absent(wanted[0])
    assert asked == [
        "metadata/2.root.json",
        "metadata/timestamp.json",
        "metadata/2.snapshot.json",
        "metadata/2.targets.json",
        f"targets/hs-1/{image().sha256}.app-1.1.0.bin",
    ]
    assert courier.status() == {
        "state": "ready",
        "version": "1.0.0",
        "counter": 1,
        "wanted": [],
        "reason": "taken",
    }
    courier.apply()
    assert courier.status()["state"] == "applied"
    courier.apply()
    assert device.finish() == image()
    after = device.courier().status()
    assert (after["version"], after["counter"]) == ("1.1.0", 2)


def test_a_phone_that_walks_away_goes_on_where_it_was(signer, device):
    first = device.courier()
    first.start()
    for _ in range(3):
        (wanted,) = first.status()["wanted"]
        path = signer.folder / wanted
        if path.exists():
            first.receive(wanted, path.read_bytes())
        else:
            first.absent(wanted)
    again = device.courier()
    # Which file does not exist is not kept over a restart of the device.
    assert again.status()["wanted"] == ["metadata/2.root.json"]
    again.absent("metadata/2.root.json")
    assert again.status()["wanted"] == ["metadata/2.targets.json"]
    assert carry(again, signer.folder)["state"] == "ready"


def test_a_device_that_has_it_says_that_it_is_current(signer, device):
    device.update(signer.folder)
    device.finish()
    courier = device.courier()
    courier.start()
    assert carry(courier, signer.folder)["state"] == "current"
    with pytest.raises(FirmwareRefusedError):
        courier.apply()


def test_applying_what_never_came_is_refused_and_changes_nothing(device):
    courier = device.courier()
    before = device.bytes()
    with pytest.raises(FirmwareRefusedError) as refusal:
        courier.apply()
    assert refusal.value.reason is Reason.INCOMPLETE
    assert device.bytes() == before


def test_an_absence_that_nobody_asked_about_is_not_believed(signer, device):
    courier = device.courier()
    courier.start()
    courier.status()
    courier.absent("metadata/timestamp.json")
    assert carry(courier, signer.folder)["state"] == "ready"


def test_a_rotten_image_can_be_brought_again(signer, device):
    courier = device.courier()
    courier.start()
    for _ in range(4):
        (wanted,) = courier.status()["wanted"]
        path = signer.folder / wanted
        (courier.receive(wanted, path.read_bytes())) if path.exists() else (
            courier.absent(wanted)
        )
    (wanted,) = courier.status()["wanted"]
    courier.receive(wanted, b"rotten")
    assert courier.status()["reason"] == "tampered"
    courier.receive(wanted, (signer.folder / wanted).read_bytes())
    assert courier.status()["state"] == "ready"


def test_firmware_that_was_brought_is_checked_by_the_clock_of_the_device(
    signer, device
):
    courier = device.courier(NOW_S + 30 * 86_400)
    courier.start()
    assert carry(courier, signer.folder)["reason"] == "expired"
    assert firmware.read(device.slots).b is None
