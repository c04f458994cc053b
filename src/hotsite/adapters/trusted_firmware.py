"""``ports.firmware.FirmwareSource`` over The Update Framework's own client.

python-tuf walks root, timestamp, snapshot and targets; this module gives it a clock
that can be wrong, a way to fetch, and turns what it raises into one word for a device.
Decides nothing about versions of firmware: ``core/firmware.py`` does.
"""

import datetime as dt
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tuf.api import exceptions
from tuf.api.metadata import Metadata, Targets
from tuf.api.serialization import DeserializationError
from tuf.ngclient import Updater, UpdaterConfig
from tuf.ngclient.fetcher import FetcherInterface

from hotsite.adapters import durable
from hotsite.core.firmware import (
    Catalogue,
    FirmwareRefusedError,
    Image,
    Reason,
    described,
)
from hotsite.errors import NotReadyError, UnreachableError

BASE = "hotsite-firmware:/"
_TIMESTAMP = "timestamp.json"
_CHUNK = 65_536
_NOT_FOUND = 404
# An endless answer fills no disk. A target's length is in what was signed.
_CONFIG = UpdaterConfig(
    max_root_rotations=32,
    root_max_length=65_536,
    timestamp_max_length=16_384,
    snapshot_max_length=65_536,
    targets_max_length=1_048_576,
    app_user_agent="hotsite",
)


class TrustedFirmware:
    """Implements ``ports.firmware.FirmwareSource``."""

    def __init__(self, fetcher: FetcherInterface, state: Path, root: bytes) -> None:
        """Take a way to fetch, a folder of its own, and the root that is trusted.

        Args:
            fetcher: Brings files by their path below ``BASE``.
            state: What was seen before; whoever loses it can be shown older metadata
                once, and the security counter still holds.
            root: The first root metadata; comes with the device, never by the network.
        """
        self._fetcher = _Noting(fetcher)
        self._metadata = state / "metadata"
        self._target = state / "target"
        self._root = root
        self._updater: Updater | None = None

    def catalogue(self, now_s: float) -> Catalogue:
        """Return what is offered, after every signature was checked."""
        with _translated():
            updater = self._opened(now_s)
            try:
                updater.refresh()
            except exceptions.BadVersionNumberError as error:
                # Of a timestamp: older than what was seen. Nobody can tell a replica
                # that lags from somebody who plays back; neither is an update.
                if self._fetcher.last.endswith(_TIMESTAMP):
                    return Catalogue((), is_behind=True)
                raise FirmwareRefusedError(Reason.TAMPERED, str(error)) from error
            except exceptions.DownloadHTTPError:
                if self._fetcher.last.endswith(_TIMESTAMP):
                    return Catalogue(())
                raise
            self._settle()
            listed = Metadata[Targets].from_file(str(self._metadata / "targets.json"))
        self._updater = updater
        return Catalogue(
            tuple(
                described(
                    path,
                    target.length,
                    target.hashes.get("sha256", ""),
                    target.unrecognized_fields.get("custom"),
                )
                for path, target in sorted(listed.signed.targets.items())
            )
        )

    def fetch(self, image: Image) -> Iterator[bytes]:
        """Return the bytes of an image, checked as a whole first."""
        if self._updater is None:
            raise NotReadyError("ask for the catalogue first")
        with _translated():
            target = self._updater.get_targetinfo(image.name)
            if target is None:
                raise NotReadyError(f"{image.name} is not in the catalogue")
            self._updater.download_target(target, str(self._target))
        return _chunks(self._target)

    def _opened(self, now_s: float) -> Updater:
        self._metadata.mkdir(parents=True, exist_ok=True)
        updater = Updater(
            str(self._metadata),
            f"{BASE}/metadata/",
            str(self._target.parent),
            f"{BASE}/targets/",
            self._fetcher,
            _CONFIG,
            bootstrap=self._root,
        )
        # python-tuf 7 takes no clock; without one a device that wakes in 1970 calls
        # nothing expired. Pinned, and a test sees it if another version moves it.
        updater._trusted_set.reference_time = dt.datetime.fromtimestamp(  # noqa: SLF001
            now_s, dt.UTC
        )
        return updater

    def _settle(self) -> None:
        """Make durable what the client only renamed: it is the memory of versions."""
        history = self._metadata / "root_history"
        for path in (*self._metadata.glob("*.json"), *history.glob("*.json")):
            with path.open("rb") as file:
                os.fsync(file.fileno())
        durable.settle(history)
        durable.settle(self._metadata)


class ReadingFetcher(FetcherInterface):
    """Brings what a function reads: from a folder, a bucket, or a site."""

    def __init__(self, read: Callable[[str], bytes | None]) -> None:
        """Take what returns a file by its name, or None if there is none."""
        self._read = read

    def _fetch(self, url: str) -> Iterator[bytes]:
        name = url.removeprefix(f"{BASE}/")
        content = self._read(name)
        if content is None:
            raise exceptions.DownloadHTTPError(f"there is no {name}", _NOT_FOUND)
        return iter(content[at : at + _CHUNK] for at in range(0, len(content), _CHUNK))


@dataclass(frozen=True, slots=True)
class Signed:
    """One role's metadata, as a device found it.

    Attributes:
        role: Whose it is.
        version: Its version.
        expires_at_s: When it expires, in seconds since the epoch.
    """

    role: str
    version: int
    expires_at_s: float


@dataclass(frozen=True, slots=True)
class Verified:
    """A repository that a device would believe.

    Attributes:
        images: What it lists; the bytes of each were verified.
        signed: Every role, root first.
    """

    images: tuple[Image, ...]
    signed: tuple[Signed, ...]


def verify(
    read: Callable[[str], bytes | None], root: bytes, now_s: float
) -> Verified | None:
    """Walk through a repository as a new device does, and fetch every image.

    Args:
        read: Returns a file of the repository by its name, or None.
        root: The first root.
        now_s: The time, in seconds since the epoch.

    Returns:
        What was found; None if nothing was published.

    Raises:
        FirmwareRefusedError: A device would refuse it.
        UnreachableError: It could not be read.
    """
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        source = TrustedFirmware(ReadingFetcher(read), state, root)
        found = source.catalogue(now_s)
        for image in found.images:
            for _ in source.fetch(image):
                pass
        metadata = state / "metadata"
        if not (metadata / _TIMESTAMP).exists():
            return None
        signed = []
        for role in ("root", "targets", "snapshot", "timestamp"):
            part: Metadata[Targets] = Metadata.from_file(str(metadata / f"{role}.json"))
            ends_s = part.signed.expires.timestamp()
            signed.append(Signed(role, part.signed.version, ends_s))
    return Verified(found.images, tuple(signed))


class _Noting(FetcherInterface):
    """Notes what was asked for last, because the errors do not say it."""

    def __init__(self, inner: FetcherInterface) -> None:
        self._inner = inner
        self.last = ""

    def _fetch(self, url: str) -> Iterator[bytes]:
        self.last = url
        return self._inner.fetch(url)


def _chunks(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                yield chunk
    finally:
        path.unlink(missing_ok=True)


@contextmanager
def _translated() -> Iterator[None]:
    """Turn what python-tuf raises into a reason; the first kind that fits wins."""
    kinds: tuple[tuple[type[Exception], Reason], ...] = (
        (exceptions.ExpiredMetadataError, Reason.EXPIRED),
        (exceptions.UnsignedMetadataError, Reason.WRONG_KEY),
        (exceptions.DownloadLengthMismatchError, Reason.TAMPERED),
        (exceptions.DownloadHTTPError, Reason.INCOMPLETE),
        (exceptions.RepositoryError, Reason.TAMPERED),
        (DeserializationError, Reason.TAMPERED),
    )
    try:
        yield
    except (exceptions.RepositoryError, exceptions.DownloadError) as error:
        for kind, reason in kinds:
            if isinstance(error, kind):
                raise FirmwareRefusedError(reason, _said(error)) from error
        raise UnreachableError(f"firmware: {_said(error)}") from error
    except OSError as error:
        raise UnreachableError(f"firmware: {error}") from error


def _said(error: Exception) -> str:
    """Return the type with the message: the message of some is empty."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__} {text}".strip()
