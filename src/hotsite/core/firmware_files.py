"""Which files a firmware repository has, and which part of one is asked for."""

import json
import re
from dataclasses import dataclass

from hotsite.errors import InvalidInputError

TIMESTAMP = "metadata/timestamp.json"
# A function of AWS Lambda answers with 6 MB at most (Lambda quotas, "Invocation
# payload"), and base64 makes 4 of 3.
PART_BYTES_MAX = 4 * 1024 * 1024
_NAME_LENGTH_MAX = 200
# As a repository with consistent snapshots names them (TUF specification, 6.2).
_METADATA = re.compile(
    r"metadata/(timestamp|[1-9]\d{0,8}\.(root|snapshot|targets))\.json"
)
_TARGET = re.compile(
    r"targets/([A-Za-z0-9][A-Za-z0-9._-]*/){0,4}[0-9a-f]{64}\.[A-Za-z0-9._-]+"
)
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})")


def is_metadata(name: str) -> bool:
    """Tell whether a name is one of metadata."""
    return _METADATA.fullmatch(name) is not None


def is_known(name: str) -> bool:
    """Tell whether a repository can have a file of this name."""
    if len(name) > _NAME_LENGTH_MAX:
        return False
    return is_metadata(name) or _TARGET.fullmatch(name) is not None


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a file that are asked for.

    Attributes:
        first: The first one, 0 or more.
        last: The last one, itself among them.
    """

    first: int
    last: int


def part_of(header: str | None) -> Part | None:
    """Return what a ``Range`` header asks for (RFC 9110, section 14.2).

    Args:
        header: Its value; None for the whole file.

    Returns:
        The part, not longer than an answer can be; None for all of it.

    Raises:
        InvalidInputError: It is not one range with both ends.
    """
    if header is None:
        return None
    found = _RANGE.fullmatch(header.strip())
    if found is None:
        raise InvalidInputError("Range must be bytes=FIRST-LAST")
    first, last = int(found.group(1)), int(found.group(2))
    if last < first:
        raise InvalidInputError("Range must be bytes=FIRST-LAST, LAST not before FIRST")
    return Part(first, min(last, first + PART_BYTES_MAX - 1))


def version_of(metadata: bytes, *, where: str) -> int:
    """Return the version that a file of metadata says it has; nothing is verified.

    Args:
        metadata: The file.
        where: Where it was; the message begins with it.

    Raises:
        InvalidInputError: It is no metadata.
    """
    try:
        return int(json.loads(metadata)["signed"]["version"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(f"{where}: is no metadata of firmware") from error
