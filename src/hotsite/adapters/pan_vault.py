"""``ports.pan.Vault``: a device's directory, in which each write is whole or not there.

The directory is what ``hotsite agent run`` takes. ``device.json`` names the folder of
the credentials in use and is replaced in one step: that is the moment new ones count.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hotsite.core.onboarding import Names, claim_of
from hotsite.core.provisioning import (
    Credentials,
    Custody,
    DeviceIdentity,
    Staged,
    names_document,
)
from hotsite.errors import InvalidInputError, UnreachableError

IDENTITY = "identity.json"
_DEVICE, _FOLDERS, _NAMES = "device.json", "credentials", "names.json"
_STAGED, _LOCKOUT, _OUTBOX = "staged.json", "lockout.json", "outbox.sqlite"
_PRIVATE = 0o600


@dataclass(frozen=True, slots=True)
class DirectoryVault:
    """Implements ``ports.pan.Vault``.

    Attributes:
        folder: The device's directory.
        agent: What ``device.json`` says besides the credentials, for example
            ``resolver``.
    """

    folder: Path
    agent: Mapping[str, Any]

    def failures(self) -> int:
        """Return how many wrong codes were counted; a spoilt count is the worst."""
        said = self._read(self.folder / _LOCKOUT)
        count = 0 if said is None else said.get("failures")
        if not isinstance(count, int) or count < 0:
            raise UnreachableError(f"{self.folder / _LOCKOUT}: is spoilt")
        return count

    def write_failures(self, count: int) -> None:
        """Keep the count."""
        self._write(self.folder / _LOCKOUT, {"failures": count})

    def current(self) -> Credentials | None:
        """Return what is in use."""
        home = self._home()
        if home is None:
            return None
        return _credentials(self._read(home / _NAMES) or {}, home)

    def current_key(self) -> str:
        """Return the private key in use, PEM; "" if there is none."""
        home = self._home()
        with _translated(self.folder):
            return (home / "device.key").read_text("ascii") if home else ""

    def staged(self) -> Staged:
        """Return what is not in use yet."""
        said = self._read(self.folder / _STAGED)
        if said is None:
            return Staged()
        given = said.get("credentials")
        credentials = _credentials(given, self.folder / _STAGED) if given else None
        current = self.current()
        if credentials is not None and credentials == current:
            # The power went between the two steps of ``promote``.
            return Staged()
        return Staged(said.get("key", ""), said.get("csr", ""), credentials)

    def stage(self, staged: Staged) -> None:
        """Keep what is not in use yet."""
        given = staged.credentials
        document = {
            "key": staged.key_pem,
            "csr": staged.csr_pem,
            "credentials": _document(given) if given else None,
        }
        if staged == Staged():
            with _translated(self.folder):
                (self.folder / _STAGED).unlink(missing_ok=True)
        else:
            self._write(self.folder / _STAGED, document)
        self._sweep()

    def lay_out(self) -> Path:
        """Write what is staged as the agent takes it; return its ``device.json``.

        Raises:
            InvalidInputError: There is nothing to try.
        """
        staged = self.staged()
        given = staged.credentials
        if given is None:
            raise InvalidInputError(f"{self.folder}: nothing is staged")
        home = self.folder / _FOLDERS / _folder_name(given)
        with _translated(self.folder):
            if (home / _DEVICE).exists():
                # Written last, and the folder's name is the digest of what is in it.
                return home / _DEVICE
            home.mkdir(parents=True, exist_ok=True)
        for name, text in (
            ("device.key", staged.key_pem),
            ("certificate.pem", given.certificate_pem),
            ("ca.pem", given.ca_pem),
        ):
            self._write_text(home / name, text)
        self._write(home / _NAMES, _document(given))
        self._write(home / _DEVICE, self._configuration(given, Path(), Path("../..")))
        return home / _DEVICE

    def promote(self) -> None:
        """Use what is staged from now on, and forget what was used before."""
        given = self.staged().credentials
        if given is None:
            return
        home = self.lay_out().parent.relative_to(self.folder)
        # From this replacement on they are in use; the rest is tidying up.
        self._write(self.folder / _DEVICE, self._configuration(given, home, Path()))
        self.stage(Staged())

    def reset(self) -> None:
        """Forget all but identity, failures and firmware."""
        with _translated(self.folder):
            # First what is in use, so that a half-done reset uses nothing.
            for name in (_DEVICE, _STAGED, _OUTBOX, f"{_OUTBOX}-wal", f"{_OUTBOX}-shm"):
                (self.folder / name).unlink(missing_ok=True)
        self._sweep()

    def _home(self) -> Path | None:
        said = self._read(self.folder / _DEVICE)
        if said is None:
            return None
        certificate = said.get("certificate")
        if not isinstance(certificate, str):
            raise UnreachableError(f"{self.folder / _DEVICE}: is spoilt")
        return (self.folder / certificate).parent

    def _configuration(
        self, given: Credentials, home: Path, root: Path
    ) -> dict[str, Any]:
        return {
            "thing": given.thing,
            "endpoints": list(given.names.iot),
            "port": given.names.port,
            "certificate": str(home / "certificate.pem"),
            "private_key": str(home / "device.key"),
            "ca": str(home / "ca.pem"),
            "outbox": str(root / _OUTBOX),
            **self.agent,
        }

    def _sweep(self) -> None:
        """Remove the folders of credentials that nothing names any more."""
        staged, home = self._read(self.folder / _STAGED) or {}, self._home()
        wanted = {home.name} if home else set()
        if given := staged.get("credentials"):
            wanted.add(_folder_name(_credentials(given, self.folder / _STAGED)))
        with _translated(self.folder):
            for path in (self.folder / _FOLDERS).glob("*"):
                if path.name not in wanted:
                    shutil.rmtree(path)

    def _read(self, path: Path) -> dict[str, Any] | None:
        try:
            said = json.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise UnreachableError(f"{path}: {error}") from error
        if not isinstance(said, dict):
            raise UnreachableError(f"{path}: is spoilt")
        return said

    def _write(self, path: Path, document: Mapping[str, Any]) -> None:
        self._write_text(path, json.dumps(document, indent=1) + "\n")

    def _write_text(self, path: Path, text: str) -> None:
        with _translated(path):
            write_whole(path, text)


def write_whole(path: Path, text: str) -> None:
    """Replace a file in one step, durable and for this user alone.

    Raises:
        OSError: It cannot be written; what was there is there still.
    """
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_identity(
    folder: Path, identity: DeviceIdentity, extras: Mapping[str, Any]
) -> None:
    """Write who a device is; the factory's last step.

    Args:
        folder: The device's directory.
        identity: Who it is.
        extras: What its ``device.json`` will say besides the credentials.

    Raises:
        InvalidInputError: It is there already, or cannot be written.
    """
    path = folder / IDENTITY
    document = {
        "serial": identity.serial,
        "model": identity.model,
        "domain": identity.domain,
        "custody": identity.custody.value,
        "username": identity.username,
        "salt": identity.salt.hex(),
        "verifier": identity.verifier.hex(),
        "claim": {"id": identity.claim.claim_id, "secret": identity.claim.secret},
        "agent": dict(extras),
    }
    if path.exists():
        raise InvalidInputError(f"{path}: is there already; it was kept")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(document, indent=1) + "\n")
    except OSError as error:
        raise InvalidInputError(f"{path}: {error.strerror}") from error


def read_identity(folder: Path) -> DeviceIdentity:
    """Return who a device is.

    Raises:
        InvalidInputError: The file is missing or says something wrong.
    """
    path = folder / IDENTITY
    try:
        said = json.loads(path.read_text("utf-8"))
        return DeviceIdentity(
            serial=said["serial"],
            model=said["model"],
            domain=said["domain"],
            claim=claim_of(said["claim"], where=f"{path}: claim"),
            salt=bytes.fromhex(said["salt"]),
            verifier=bytes.fromhex(said["verifier"]),
            username=said["username"],
            custody=Custody(said["custody"]),
        )
    except OSError as error:
        raise InvalidInputError(
            f"{path}: {error.strerror}; `hotsite agent make` writes it"
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(f"{path}: {error!r}") from error


def read_extras(folder: Path) -> dict[str, Any]:
    """Return what a device's ``device.json`` says besides the credentials.

    Raises:
        InvalidInputError: The file is missing or says something wrong.
    """
    path = folder / IDENTITY
    try:
        extras = json.loads(path.read_text("utf-8")).get("agent", {})
    except (OSError, ValueError, AttributeError) as error:
        raise InvalidInputError(f"{path}: {error}") from error
    if not isinstance(extras, dict):
        raise InvalidInputError(f"{path}: agent must be an object")
    return extras


def _document(given: Credentials) -> dict[str, Any]:
    return {
        "thing": given.thing,
        "certificate_id": given.certificate_id,
        "certificate": given.certificate_pem,
        "ca": given.ca_pem,
        **names_document(given.names),
        **({"private_key": given.private_key_pem} if given.private_key_pem else {}),
    }


def _credentials(said: Mapping[str, Any], path: Path) -> Credentials:
    try:
        iot = said["iot"]
        return Credentials(
            said["thing"],
            said["certificate_id"],
            said["certificate"],
            said["ca"],
            Names(tuple(iot["names"]), said["api"], iot["port"]),
            said.get("private_key", ""),
        )
    except (KeyError, TypeError, ValueError, InvalidInputError) as error:
        raise UnreachableError(f"{path}: is spoilt: {error!r}") from error


def _folder_name(given: Credentials) -> str:
    text = json.dumps(_document(given), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnreachableError(f"{path}: {error.strerror}") from error
