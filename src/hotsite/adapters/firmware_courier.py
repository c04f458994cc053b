"""``ports.firmware.Inbox``: files that a phone hands over one by one, and no trust.

The courier is anybody. Names and sizes are checked, so that it cannot fill the disk or
write elsewhere; whether what it brought is firmware is for the signatures to say.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from tuf.api.exceptions import DownloadError, DownloadHTTPError
from tuf.ngclient.fetcher import FetcherInterface

from hotsite.adapters import durable
from hotsite.adapters.trusted_firmware import BASE
from hotsite.core.firmware import FirmwareRefusedError, Reason
from hotsite.core.firmware_files import is_known, is_metadata
from hotsite.errors import UnreachableError

FILES_MAX = 64
_METADATA_BYTES_MAX = 1_048_576
_CHUNK = 65_536
_NOT_FOUND = 404


class CourierInbox:
    """Implements ``ports.firmware.Inbox``: a folder of what was brought so far."""

    def __init__(self, folder: Path, *, bytes_max: int) -> None:
        """Take a folder, and how much an image may have.

        Args:
            folder: Where it is kept until it is applied.
            bytes_max: How much a slot holds.
        """
        self._folder = folder
        self._bytes_max = bytes_max
        self._absent: set[str] = set()
        self._wanted = ""

    @property
    def wanted(self) -> str:
        """What was asked for last and is not here; "" if nothing is missing."""
        return self._wanted

    def receive(self, name: str, content: bytes) -> None:
        """Keep one file; the same again replaces it.

        Args:
            name: ``metadata/timestamp.json``, ``metadata/3.snapshot.json``,
                ``targets/hs-1/<sha256>.app-1.1.0.bin``.
            content: All of it.

        Raises:
            FirmwareRefusedError: The name is none of a repository, or it is too much.
            UnreachableError: It could not be kept.
        """
        if not is_known(name):
            raise _refused("the name is none of a firmware repository")
        limit = _METADATA_BYTES_MAX if is_metadata(name) else self._bytes_max
        if len(content) > limit:
            raise _refused(f"{name}: {len(content)} bytes; {limit} at most")
        present = self.names()
        if name not in present and len(present) >= FILES_MAX:
            raise _refused(f"{FILES_MAX} files are here; start anew")
        if not is_metadata(name):
            self._drop_targets(keep=name)
        try:
            durable.write(self._folder / name, content)
        except OSError as error:
            raise UnreachableError(f"{name}: {error}") from error
        self._absent.discard(name)

    def absent(self, name: str) -> None:
        """Note that the repository has no such file: the end of the chain of roots."""
        if name == self._wanted:
            self._absent.add(name)

    def names(self) -> tuple[str, ...]:
        """Return what was brought, sorted."""
        found = (path for path in self._folder.rglob("*") if path.is_file())
        names = (str(path.relative_to(self._folder)) for path in found)
        return tuple(sorted(name for name in names if not name.endswith(".partial")))

    def clear(self) -> None:
        """Throw all of it away."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._absent.clear()
        self._wanted = ""

    def begin(self) -> None:
        """Ask from the beginning."""
        self._wanted = ""

    def read(self, name: str) -> bytes:
        """Return a file that was brought.

        Raises:
            DownloadHTTPError: The courier says that there is none.
            DownloadError: Nobody brought it yet.
        """
        try:
            return (self._folder / name).read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            if name in self._absent:
                why = f"the repository has no {name}"
                raise DownloadHTTPError(why, _NOT_FOUND) from error
            self._wanted = name
            raise DownloadError(f"nobody brought {name}") from error

    def _drop_targets(self, *, keep: str) -> None:
        """Keep one image at most: two do not fit everywhere."""
        for name in self.names():
            if name.startswith("targets/") and name != keep:
                (self._folder / name).unlink(missing_ok=True)


class InboxFetcher(FetcherInterface):
    """Brings files out of the inbox instead of over a network."""

    def __init__(self, inbox: CourierInbox) -> None:
        self._inbox = inbox

    def _fetch(self, url: str) -> Iterator[bytes]:
        content = self._inbox.read(url.removeprefix(f"{BASE}/"))
        return iter(content[at : at + _CHUNK] for at in range(0, len(content), _CHUNK))


def _refused(why: str) -> FirmwareRefusedError:
    return FirmwareRefusedError(Reason.MALFORMED, why)
