"""A firmware repository in a folder, written with python-tuf's metadata API.

Every version of every file is written once and never changed, but for the timestamp,
which is written last and alone says what counts: a run that was killed between any two
files has published nothing, and the next one writes over what nobody refers to.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from securesystemslib.exceptions import StorageError
from securesystemslib.signer import CryptoSigner, Signer
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)
from tuf.api.serialization import DeserializationError
from tuf.api.serialization.json import JSONSerializer

from hotsite.adapters import durable
from hotsite.core.expiry import FirmwareSettings
from hotsite.core.firmware import Image, described
from hotsite.errors import InvalidInputError, NotFoundError, RefusedError

ONLINE_ROLES = ("targets", "snapshot", "timestamp")
_Signed = TypeVar("_Signed", Root, Targets, Snapshot, Timestamp)
# Gives what signs with a key, by its identifier; None if nobody has it here.
Keyring = Mapping[str, Signer]


@dataclass(frozen=True, slots=True)
class Chain:
    """What the timestamp leads to."""

    root: Metadata[Root]
    targets: Metadata[Targets]
    snapshot: Metadata[Snapshot]
    timestamp: Metadata[Timestamp]


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """When what is signed now expires."""

    settings: FirmwareSettings
    now_s: float

    def end(self, role: str) -> dt.datetime:
        """Return when a role's metadata expires."""
        days: float = getattr(self.settings, f"{role}_days")
        now = dt.datetime.fromtimestamp(int(self.now_s), dt.UTC)
        return now + dt.timedelta(days=days)


class FirmwareRepository:
    """The folders ``metadata`` and ``targets``, as they are published."""

    def __init__(self, folder: Path) -> None:
        self._metadata = folder / "metadata"
        self._targets = folder / "targets"
        self.folder = folder

    @property
    def is_there(self) -> bool:
        """Tell whether somebody began one here."""
        return (self._metadata / "1.root.json").exists()

    def begin(
        self, keys: Mapping[str, Sequence[CryptoSigner]], lives: Lifetimes
    ) -> None:
        """Write the first version of everything; it lists no image.

        Args:
            keys: What signs, by role; root needs two of three.
            lives: When it expires.
        """
        root = Metadata(Root(expires=lives.end("root"), consistent_snapshot=True))
        for role, signers in keys.items():
            for signer in signers:
                root.signed.add_key(signer.public_key, role)
        root.signed.roles["root"].threshold = 2
        for signer in keys["root"]:
            root.sign(signer, append=True)
        ring = {
            signer.public_key.keyid: signer
            for role in ONLINE_ROLES
            for signer in keys[role]
        }
        self._write("1.root.json", root)
        targets = Metadata(Targets(expires=lives.end("targets")))
        self._sign(root, "targets", targets, ring)
        self._write("1.targets.json", targets)
        self._write_ends(root, targets, (0, 0), ring, lives)

    def chain(self) -> Chain:
        """Return what counts now.

        Raises:
            NotFoundError: There is no repository.
            InvalidInputError: A file is missing or no metadata.
        """
        if not self.is_there:
            raise NotFoundError(
                f"{self.folder}: no repository; run: hotsite firmware init"
            )
        number = 1
        while (self._metadata / f"{number + 1}.root.json").exists():
            number += 1
        try:
            root = self._read(f"{number}.root.json", Root)
            timestamp = self._read("timestamp.json", Timestamp)
            snapshot_version = timestamp.signed.snapshot_meta.version
            snapshot = self._read(f"{snapshot_version}.snapshot.json", Snapshot)
            targets_version = snapshot.signed.meta["targets.json"].version
            targets = self._read(f"{targets_version}.targets.json", Targets)
        except (RepositoryError, DeserializationError, StorageError, OSError) as error:
            raise InvalidInputError(f"{self.folder}: {error}") from error
        return Chain(root, targets, snapshot, timestamp)

    def images(self) -> tuple[Image, ...]:
        """Return what is listed."""
        listed = self.chain().targets.signed.targets
        return tuple(
            described(
                path,
                target.length,
                target.hashes["sha256"],
                target.unrecognized_fields["custom"],
            )
            for path, target in sorted(listed.items())
        )

    def sign(
        self,
        ring: Keyring,
        lives: Lifetimes,
        *,
        add: tuple[Image, bytes] | None = None,
        withdraw: str | None = None,
        renew_targets: bool = False,
    ) -> None:
        """Sign anew: another list if an image comes or goes, and the ends in any case.

        Args:
            ring: What signs.
            lives: When it expires.
            add: An image and its bytes.
            withdraw: Name of an image that is no longer offered.
            renew_targets: Whether the list is signed anew, though it is the same.

        Raises:
            InvalidInputError: The image is listed with other bytes.
            NotFoundError: Nothing of the name is listed.
            RefusedError: A key is not here.
        """
        chain = self.chain()
        targets = chain.targets
        is_stale = not self._is_signed(chain.root, "targets", targets)
        if add is not None or withdraw is not None or is_stale or renew_targets:
            if add is not None:
                self._add(targets.signed, *add)
            if withdraw is not None and targets.signed.targets.pop(withdraw, None) is (
                None
            ):
                raise NotFoundError(f"{withdraw} is not listed")
            targets.signed.version += 1
            targets.signed.expires = lives.end("targets")
            self._sign(chain.root, "targets", targets, ring)
            self._write(f"{targets.signed.version}.targets.json", targets)
        before = (chain.snapshot.signed.version, chain.timestamp.signed.version)
        self._write_ends(chain.root, targets, before, ring, lives)

    def change_key(
        self,
        old_key_id: str | None,
        new: CryptoSigner | None,
        root_signers: Sequence[Signer],
        lives: Lifetimes,
    ) -> None:
        """Write the next root: one key goes and another comes, or it is only renewed.

        Args:
            old_key_id: The key that goes; None to renew the root alone.
            new: The key that comes for it.
            root_signers: Two or more of those that may sign the root.
            lives: When the root expires.

        Raises:
            NotFoundError: No role has the key.
            RefusedError: The signers are not enough, for the old root or the new one.
        """
        before = self.chain().root
        root = Metadata[Root].from_bytes(before.to_bytes())
        if old_key_id is not None and new is not None:
            role = self.role_of(old_key_id)
            root.signed.revoke_key(old_key_id, role)
            root.signed.add_key(new.public_key, role)
        root.signed.version += 1
        root.signed.expires = lives.end("root")
        root.signatures.clear()
        for signer in root_signers:
            root.sign(signer, append=True)
        result = root.signed.get_root_verification_result(
            before.signed, root.signed_bytes, root.signatures
        )
        if not result:
            raise RefusedError(
                "the new root needs two keys of the old root and two of the new one;"
                f" {len(result.first.signed)} and {len(result.second.signed)} signed"
            )
        self._write(f"{root.signed.version}.root.json", root)

    def role_of(self, key_id: str) -> str:
        """Return the role that a key signs.

        Raises:
            NotFoundError: None does.
        """
        for role, keys in self.chain().root.signed.roles.items():
            if key_id in keys.keyids:
                return role
        raise NotFoundError(f"no role has the key {key_id}")

    def root_key_ids(self, *roles: str) -> frozenset[str]:
        """Return the identifiers of the keys that sign some roles."""
        known = self.chain().root.signed.roles
        return frozenset(key for role in roles for key in known[role].keyids)

    def files(self) -> tuple[str, ...]:
        """Return what has to be published, in the order in which it has to be.

        Whoever reads in between finds the old timestamp, and with it the old list.
        Roots come just before it: if a key changed, the old timestamp is not signed by
        those that a new root says, so a device refuses it until the new one is there.
        """
        chain = self.chain()
        images = sorted(
            path
            for target in chain.targets.signed.targets.values()
            for path in target.get_prefixed_paths()
        )
        return (
            *(f"targets/{path}" for path in images),
            f"metadata/{chain.targets.signed.version}.targets.json",
            f"metadata/{chain.snapshot.signed.version}.snapshot.json",
            *(
                f"metadata/{number}.root.json"
                for number in range(1, chain.root.signed.version + 1)
            ),
            "metadata/timestamp.json",
        )

    def _add(self, listed: Targets, image: Image, content: bytes) -> None:
        known = listed.targets.get(image.name)
        if known is not None and known.hashes["sha256"] != image.sha256:
            raise InvalidInputError(
                f"{image.name} is listed with other bytes; a version is made once"
            )
        target = TargetFile.from_data(image.name, content, ["sha256"])
        target.unrecognized_fields["custom"] = {
            "version": image.version,
            "min_from": image.min_from,
            "security_counter": image.security_counter,
            "model": image.model,
            "built_at_s": image.built_at_s,
        }
        listed.targets[image.name] = target
        (path,) = target.get_prefixed_paths()
        durable.write(self._targets / path, content)

    def _write_ends(
        self,
        root: Metadata[Root],
        targets: Metadata[Targets],
        before: tuple[int, int],
        ring: Keyring,
        lives: Lifetimes,
    ) -> None:
        """Sign snapshot and timestamp anew; the timestamp is what counts."""
        snapshot = Metadata(Snapshot(before[0] + 1, expires=lives.end("snapshot")))
        snapshot.signed.meta["targets.json"] = _file_of(targets)
        self._sign(root, "snapshot", snapshot, ring)
        timestamp = Metadata(Timestamp(before[1] + 1, expires=lives.end("timestamp")))
        timestamp.signed.snapshot_meta = _file_of(snapshot)
        self._sign(root, "timestamp", timestamp, ring)
        self._write(f"{snapshot.signed.version}.snapshot.json", snapshot)
        self._write("timestamp.json", timestamp)

    def _sign(
        self,
        root: Metadata[Root],
        role: str,
        metadata: Metadata[_Signed],
        ring: Keyring,
    ) -> None:
        metadata.signatures.clear()
        for key_id in root.signed.roles[role].keyids:
            if key_id in ring:
                metadata.sign(ring[key_id], append=True)
        if not self._is_signed(root, role, metadata):
            wanted = ", ".join(root.signed.roles[role].keyids)
            raise RefusedError(
                f"the key of {role} is not here, or was not opened; it is {wanted}"
            )

    def _is_signed(
        self, root: Metadata[Root], role: str, metadata: Metadata[_Signed]
    ) -> bool:
        return bool(
            root.signed.get_verification_result(
                role, metadata.signed_bytes, metadata.signatures
            )
        )

    def _read(self, name: str, kind: type[_Signed]) -> Metadata[_Signed]:
        found = Metadata[_Signed].from_file(str(self._metadata / name))
        if not isinstance(found.signed, kind):
            raise RepositoryError(f"{name} is of type {found.signed.type}")
        return found

    def _write(self, name: str, metadata: Metadata[_Signed]) -> None:
        durable.write(
            self._metadata / name, metadata.to_bytes(JSONSerializer(compact=True))
        )


def _file_of(metadata: Metadata[_Signed]) -> MetaFile:
    """Return what a list says of a file: its version, its length, its digest."""
    content = metadata.to_bytes(JSONSerializer(compact=True))
    return MetaFile.from_data(metadata.signed.version, content, ["sha256"])
