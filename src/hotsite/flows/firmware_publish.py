"""Copy a signed repository to where devices find it, the timestamp last.

Whoever reads in between finds the old timestamp and with it the old list. A run that
was killed is run again: what is there with the same bytes is left.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hotsite.core.firmware_files import TIMESTAMP, version_of
from hotsite.errors import AlreadyUsedError
from hotsite.ports.firmware import FirmwareFiles


@dataclass(frozen=True, slots=True)
class Publication:
    """What was done at one site.

    Attributes:
        version: The timestamp's version that counts there now.
        written: Files that were written, in order.
        kept: How many were there.
    """

    version: int
    written: tuple[str, ...]
    kept: int


def publish(
    names: Sequence[str], read: Callable[[str], bytes], there: FirmwareFiles
) -> Publication:
    """Make one site hold what was signed.

    Args:
        names: What to copy, in order; the timestamp last.
        read: Returns a signed file by its name.
        there: Where to.

    Raises:
        AlreadyUsedError: Something newer, or another history, was published there.
        UnreachableError: The Region does not answer; run it again.
    """
    assert names[-1] == TIMESTAMP, "what counts is written last"  # noqa: S101
    last = read(TIMESTAMP)
    version = version_of(last, where=TIMESTAMP)
    _check(last, version, there.read(TIMESTAMP))
    missing = [name for name in names[:-1] if not _is_there(there, name, read(name))]
    written: list[str] = []
    for name in missing:
        there.write(name, read(name))
        written.append(name)
    if there.read(TIMESTAMP) != last:
        there.write(TIMESTAMP, last)
        written.append(TIMESTAMP)
    return Publication(version, tuple(written), len(names) - len(written))


def _is_there(there: FirmwareFiles, name: str, content: bytes) -> bool:
    found = there.digest(name)
    if found is not None and found != hashlib.sha256(content).hexdigest():
        raise AlreadyUsedError(
            f"{name} is there with other bytes: another repository was published"
        )
    return found is not None


def _check(own: bytes, version: int, published: bytes | None) -> None:
    if published is None or published == own:
        return
    found = version_of(published, where=f"the published {TIMESTAMP}")
    if found >= version:
        raise AlreadyUsedError(
            f"version {found} is published, this is {version}: devices would take it"
            " for a rollback; fetch the newer repository, and sign that"
        )
