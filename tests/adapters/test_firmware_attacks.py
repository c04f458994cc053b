"""Each attack on firmware, how it ends, and that the slots do not notice it.

All of them twice: over the network, and by a phone that carries the files.
"""

import json

import pytest
from tests.firmware_world import DAY_S, NOW_S, Device, Signer, copy, lives
from tests.sample_firmware import NEW_BYTES, image

from hotsite.core.firmware import FirmwareRefusedError, Reason
from hotsite.errors import RefusedError

EVIL = b"evil" + NEW_BYTES[4:]


def target(folder):
    (path,) = (path for path in (folder / "targets").rglob("*") if path.is_file())
    return path


def metadata(folder, ending):
    return max((folder / "metadata").glob(f"*{ending}.json"), key=lambda p: p.name)


def edit(path, change):
    document = json.loads(path.read_text())
    change(document["signed"])
    path.write_text(json.dumps(document))


def tampered_image(world):
    target(world.served).write_bytes(EVIL)


def longer_image(world):
    target(world.served).write_bytes(NEW_BYTES + b"x" * 100)


def half_an_image(world):
    target(world.served).write_bytes(NEW_BYTES[:20])


def no_image(world):
    target(world.served).unlink()


def half_a_list(world):
    path = metadata(world.served, "targets")
    path.write_bytes(path.read_bytes()[:100])


def no_list(world):
    metadata(world.served, "targets").unlink()


def no_snapshot(world):
    metadata(world.served, "snapshot").unlink()


def edited_list(world):
    edit(metadata(world.served, "targets"), lambda signed: signed.update(version=9))


def edited_timestamp(world):
    change = {"expires": "2099-01-01T00:00:00Z"}
    edit(metadata(world.served, "timestamp"), lambda signed: signed.update(change))


def garbage(world):
    metadata(world.served, "timestamp").write_bytes(b"\x00\xff{")


def endless_metadata(world):
    path = metadata(world.served, "timestamp")
    path.write_bytes(path.read_bytes() + b" " * 20_000)


def stranger(world):
    keys = Signer(world.served).keys
    other = Signer(world.elsewhere, keys).begin().release(content=EVIL, **forged())
    replace(world, other)


def stolen_timestamp_key(world):
    keys = Signer(world.served).keys | {"timestamp": world.signer.keys["timestamp"]}
    other = Signer(world.elsewhere, keys).begin().release(content=EVIL, **forged())
    replace(world, other)


def stolen_online_keys(world):
    """Whoever runs the signing service cannot make a list of images."""
    own = world.signer.keys
    keys = Signer(world.served).keys
    stolen = {role: own[role] for role in ("snapshot", "timestamp")}
    other = Signer(world.elsewhere, keys | stolen).begin()
    for _ in range(3):
        other.release(content=EVIL, **forged())
    replace(world, other)


def one_root_key(world):
    """One of three cannot give itself the other roles."""
    mine = Signer(world.elsewhere)
    root = world.signer.repository.chain().root
    root.signed.version += 1
    root.signed.add_key(mine.keys["targets"][0].public_key, "targets")
    root.signatures.clear()
    root.sign(world.signer.keys["root"][0])
    root.to_file(str(world.served / "metadata" / "2.root.json"))


def snapshot_of_another_time(world):
    """Mix and match: an older snapshot under the name of the new one."""
    before = metadata(world.served, "snapshot").read_bytes()
    world.signer.renew()
    copied = world.served.parent / "mixed"
    copy(world.signer.folder, copied)
    newest = metadata(copied, "snapshot")
    newest.write_bytes(before)
    world.served = copied


def frozen(world):
    world.clock_s = NOW_S + 7 * DAY_S + 1


def frozen_with_a_clock_of_1970(world):
    """The device's own firmware is newer than what it is shown."""
    world.clock_s = 0.0
    old_s = 1_500_000_000.0
    keys = world.signer.keys
    other = Signer(world.elsewhere, keys)
    other.begin(old_s).release(now_s=old_s)
    replace(world, other)


def replace(world, other):
    world.served = other.folder
    # The first root is the device's; a stranger's second one is what it would need.
    (world.served / "metadata" / "1.root.json").write_bytes(world.signer.root())


def forged():
    return {"released": image(EVIL)}


ATTACKS = [
    (tampered_image, Reason.TAMPERED),
    (longer_image, Reason.TAMPERED),
    (half_an_image, Reason.TAMPERED),
    (no_image, Reason.INCOMPLETE),
    (half_a_list, Reason.TAMPERED),
    (no_list, Reason.INCOMPLETE),
    (no_snapshot, Reason.INCOMPLETE),
    (edited_list, Reason.TAMPERED),
    (edited_timestamp, Reason.WRONG_KEY),
    (garbage, Reason.TAMPERED),
    (endless_metadata, Reason.TAMPERED),
    (stranger, Reason.WRONG_KEY),
    (stolen_timestamp_key, Reason.WRONG_KEY),
    (stolen_online_keys, Reason.WRONG_KEY),
    (one_root_key, Reason.WRONG_KEY),
    (snapshot_of_another_time, Reason.TAMPERED),
    (frozen, Reason.EXPIRED),
    (frozen_with_a_clock_of_1970, Reason.EXPIRED),
]

STOLEN = {stolen_timestamp_key, stolen_online_keys}

# Signed by the right keys, and still not to be installed.
AUTHENTIC = [
    ({"version": "0.9.0"}, Reason.OLDER),
    ({"security_counter": 0}, Reason.COUNTER),
    ({"model": "HS-2"}, Reason.NOTHING),
    ({"version": "3.0.0", "min_from": "2.0.0"}, Reason.MIN_FROM),
]


class World:
    """A repository with 1.1.0, what is served of it, and a device with 1.0.0."""

    def __init__(self, folder, *, is_courier):
        self.signer = Signer(folder / "signed").begin().release()
        self.served = copy(self.signer.folder, folder / "served")
        self.elsewhere = folder / "elsewhere"
        self.device = Device(
            folder / "device", self.signer.root(), is_courier=is_courier
        )
        self.clock_s = NOW_S


@pytest.fixture(params=[False, True], ids=["network", "courier"])
def world(request, tmp_path):
    return World(tmp_path, is_courier=request.param)


@pytest.mark.parametrize(
    ("attack", "reason"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS]
)
def test_attack_is_refused_with_its_reason_and_the_slots_intact(world, attack, reason):
    before = world.device.bytes()
    attack(world)
    with pytest.raises(FirmwareRefusedError) as refusal:
        world.device.update(world.served, world.clock_s)
    assert refusal.value.reason is reason
    assert world.device.bytes() == before
    # What was refused leaves nothing behind: the true update still comes through.
    # Whoever had an online key could count its versions up: new keys end that.
    if attack in STOLEN:
        world.signer.change_keys("snapshot", "timestamp")
    assert world.device.update(world.signer.folder) is Reason.TAKEN
    assert world.device.finish() == image()


@pytest.mark.parametrize(("changes", "reason"), AUTHENTIC)
def test_authentic_firmware_that_must_not_run_here_is_left(tmp_path, changes, reason):
    signer = Signer(tmp_path / "signed").begin().release(image(**changes))
    device = Device(tmp_path / "device", signer.root())
    before = device.bytes()
    assert device.update(signer.folder) is reason
    assert device.bytes() == before


def test_a_replica_that_lags_is_no_update_and_no_error(world):
    lagging = copy(world.signer.folder, world.served.parent / "lagging")
    world.signer.renew()
    assert world.device.update(world.signer.folder) is Reason.TAKEN
    world.device.finish()
    before = world.device.bytes()
    assert world.device.update(lagging) is Reason.BEHIND
    assert world.device.bytes() == before


def test_a_site_to_which_nothing_was_published_offers_nothing(world, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert world.device.update(empty) is Reason.NOTHING


def test_a_counter_that_was_reached_keeps_signed_firmware_out(world):
    world.device.update(world.served)
    world.device.finish()
    low = image(b"low", name="hs-1/low.bin", version="9.0.0", security_counter=1)
    world.signer.release(low, b"low")
    before = world.device.bytes()
    try:
        reason = world.device.update(world.signer.folder)
    except FirmwareRefusedError as refusal:
        # A courier is told that what it brought is refused.
        reason = refusal.reason
    assert reason is Reason.COUNTER
    assert world.device.bytes() == before


def test_a_clock_that_is_wrong_at_boot_stops_no_true_update(world):
    assert world.device.update(world.served, clock_s=0.0) is Reason.TAKEN


def test_two_of_three_root_keys_change_a_stolen_key(world):
    signer = world.signer
    (thief,) = signer.keys["targets"]
    signer.change_keys("targets")
    assert world.device.update(signer.folder) is Reason.TAKEN
    signer.keys["targets"] = [thief]
    with pytest.raises(RefusedError, match="the key of targets is not here"):
        signer.release(image(version="2.0.0", name="hs-1/evil.bin"))


def test_one_of_three_root_keys_changes_nothing(world):
    signer = world.signer
    (stolen,) = signer.keys["targets"]
    fresh = Signer(world.elsewhere).keys["targets"][0]
    with pytest.raises(RefusedError, match="needs two keys"):
        signer.repository.change_key(
            stolen.public_key.keyid, fresh, signer.keys["root"][:1], lives(NOW_S)
        )
    assert signer.repository.chain().root.signed.version == 1
