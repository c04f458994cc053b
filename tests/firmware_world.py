"""A signed repository, a device that trusts it, and ways between them."""

import shutil
from pathlib import Path

from securesystemslib.signer import CryptoSigner
from tests.sample_firmware import NEW_BYTES, OLD_BYTES, image, old
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from hotsite.adapters.firmware_courier import CourierInbox, InboxFetcher
from hotsite.adapters.firmware_repository import FirmwareRepository, Lifetimes
from hotsite.adapters.slot_files import SlotFiles
from hotsite.adapters.trusted_firmware import BASE, TrustedFirmware
from hotsite.core.expiry import FirmwareSettings
from hotsite.core.firmware import FirmwareRefusedError, Reason
from hotsite.core.slots import State
from hotsite.flows import firmware
from hotsite.flows.firmware_courier import Courier

NOW_S = 1_750_000_000.0
DAY_S = 86_400.0
ROLES = ("root", "targets", "snapshot", "timestamp")
SLOT_BYTES = 4096


class FolderFetcher(FetcherInterface):
    """A site that serves a folder."""

    def __init__(self, folder):
        self.folder = folder

    def _fetch(self, url):
        path = self.folder / url.removeprefix(f"{BASE}/")
        if not path.exists():
            raise DownloadHTTPError(f"{path} is not there", 404)
        content = path.read_bytes()
        return iter([content[:7], content[7:]])


class Signer:
    """Who signs: the keys of all roles, and the repository."""

    def __init__(self, folder, keys=None):
        self.keys = keys or {
            role: [
                CryptoSigner.generate_ed25519()
                for _ in range(3 if role == "root" else 1)
            ]
            for role in ROLES
        }
        self.repository = FirmwareRepository(folder)
        self.folder = folder

    @property
    def ring(self):
        return {
            key.public_key.keyid: key for keys in self.keys.values() for key in keys
        }

    def begin(self, now_s=NOW_S):
        self.repository.begin(self.keys, lives(now_s))
        return self

    def release(self, released=None, content=NEW_BYTES, now_s=NOW_S):
        add = (released or image(), content)
        self.repository.sign(self.ring, lives(now_s), add=add)
        return self

    def renew(self, now_s=NOW_S):
        self.repository.sign(self.ring, lives(now_s))
        return self

    def change_keys(self, *roles):
        """Replace keys by two of three root keys, and sign anew."""
        for role in roles:
            fresh = CryptoSigner.generate_ed25519()
            old_id = self.keys[role][0].public_key.keyid
            roots = self.keys["root"][:2]
            self.repository.change_key(old_id, fresh, roots, lives(NOW_S))
            self.keys[role] = [fresh]
        return self.renew()

    def root(self):
        return (self.folder / "metadata" / "1.root.json").read_bytes()


def lives(now_s):
    return Lifetimes(FirmwareSettings(), now_s)


class Device:
    """A device that runs 1.0.0, and asks whatever folder it is pointed at."""

    def __init__(
        self, folder: Path, root: bytes, *, is_courier=False, bytes_max=SLOT_BYTES
    ):
        self.slots = SlotFiles(folder / "slots", bytes_max=bytes_max)
        self._bytes_max = bytes_max
        firmware.deliver(self.slots, old(), OLD_BYTES)
        self._folder, self._root, self._is_courier = folder, root, is_courier

    def update(self, served, clock_s=NOW_S):
        """Check, and stage what is found; return the reason."""
        if self._is_courier:
            return self._carry(served, clock_s)
        source = self._trusting(FolderFetcher(served))
        found = firmware.check(self.slots, source, clock_s)
        if found.reason is Reason.TAKEN:
            firmware.stage(self.slots, source, found.image)
        return found.reason

    def courier(self, clock_s=NOW_S):
        inbox = CourierInbox(self._folder / "inbox", bytes_max=self._bytes_max)
        source = self._trusting(InboxFetcher(inbox))
        return Courier(self.slots, inbox, source, lambda: clock_s)

    def _trusting(self, fetcher):
        return TrustedFirmware(fetcher, self._folder / "trust", self._root)

    def _carry(self, served, clock_s):
        """Do what a phone does, up to the end."""
        courier = self.courier(clock_s)
        courier.start()
        said = carry(courier, served)
        if said["state"] == "refused":
            raise FirmwareRefusedError(Reason(said["reason"]), "said the device")
        if said["state"] == "ready":
            courier.apply()
            assert courier.status()["state"] == "applied"
        return Reason(said["reason"])

    def finish(self):
        if firmware.read(self.slots).state is State.STAGED:
            firmware.arm(self.slots)
        decision = firmware.start(self.slots)
        assert firmware.settle(self.slots, lambda: True)
        return decision.slots.image(decision.slot)

    def bytes(self):
        """Return all that must not change when something is refused."""
        folder = self._folder / "slots"
        return {path.name: path.read_bytes() for path in folder.iterdir()}


def carry(courier, served):
    """Bring what the device wants, until it wants nothing; return what it says."""
    while wanted := courier.status()["wanted"]:
        path = served / wanted[0]
        if path.exists():
            courier.receive(wanted[0], path.read_bytes())
        else:
            courier.absent(wanted[0])
    return courier.status()


def copy(folder, to):
    shutil.copytree(folder, to)
    return to
