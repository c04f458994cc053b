"""Answer a device or an app that asks for a file of the firmware repository.

Nobody has to say who they are: what is there is signed, and meant for everybody who
has a device. What must stay secret does not belong into firmware.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from hotsite.core.firmware_files import PART_BYTES_MAX, is_known, part_of
from hotsite.errors import InvalidInputError, NotFoundError
from hotsite.ports.firmware import FirmwareFiles

# A second: a timestamp must not be old, and versions are for ever.
_SOON, _FOR_EVER = "no-store", "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Served:
    """An answer.

    Attributes:
        status: 200 for all of a file, 206 for a part.
        content: The bytes.
        headers: What goes with them.
    """

    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


def serve(files: FirmwareFiles, name: str, wanted: str | None) -> Served:
    """Return a file, or a part of it.

    Args:
        files: Of this Region.
        name: Which file.
        wanted: The ``Range`` header, if there is one.

    Raises:
        NotFoundError: There is no such file.
        InvalidInputError: The range means nothing, or the file needs one.
        UnreachableError: The store does not answer.
    """
    if not is_known(name):
        raise NotFoundError("there is no such file")
    part = part_of(wanted)
    headers = {
        "accept-ranges": "bytes",
        "cache-control": _SOON if name.endswith("/timestamp.json") else _FOR_EVER,
    }
    if part is None:
        content = files.read(name)
        if content is None:
            raise NotFoundError("there is no such file")
        if len(content) > PART_BYTES_MAX:
            raise InvalidInputError(
                f"{len(content)} bytes; ask with Range for {PART_BYTES_MAX} at most"
            )
        return Served(200, content, headers)
    found = files.read_part(name, part)
    if found is None:
        raise NotFoundError("there is no such file")
    content, length = found
    last = part.first + len(content) - 1
    spanned = {"content-range": f"bytes {part.first}-{last}/{length}"}
    return Served(206, content, {**headers, **spanned})
