"""Long values, piece by piece: what a device has received, and what it gives out.

An upload outlives the session that began it, so that a phone may walk away.
"""

import hashlib
from dataclasses import dataclass, field

from hotsite.core.pan import (
    BODY_BYTES_MAX,
    FILE_BYTES_MAX,
    JSON_BYTES_MAX,
    Endpoint,
    RefusalError,
    Status,
)
from hotsite.core.pan_frames import OFFSET_BYTES, Whole, offset_of


@dataclass(slots=True)
class _Upload:
    endpoint: Endpoint
    whole: Whole
    data: bytearray = field(default_factory=bytearray)


class Inbox:
    """The one upload that a device takes at a time."""

    def __init__(self) -> None:
        self._upload: _Upload | None = None

    def begin(self, endpoint: Endpoint, whole: Whole) -> int:
        """Begin, or go on with what was begun; return the offset.

        Raises:
            RefusalError: It is too large, or files have no place here.
        """
        if whole.name and endpoint is not Endpoint.FIRMWARE:
            raise RefusalError(Status.MALFORMED, f"{endpoint.word} takes no files")
        limit = FILE_BYTES_MAX if whole.name else JSON_BYTES_MAX
        if whole.length > limit:
            detail = f"{whole.length} bytes are more than {limit}"
            raise RefusalError(Status.TOO_LARGE, detail, bytes_max=limit)
        have = self._upload
        if have is None or (have.endpoint, have.whole) != (endpoint, whole):
            self._upload = have = _Upload(endpoint, whole)
        return len(have.data)

    def put(self, endpoint: Endpoint, body: bytes) -> int:
        """Take the next piece; return the offset of what comes then.

        Raises:
            RefusalError: It is not the next piece.
        """
        upload, offset = self._running(endpoint), offset_of(body)
        data = body[OFFSET_BYTES:]
        if offset != len(upload.data):
            detail = f"byte {len(upload.data)} comes next"
            raise RefusalError(Status.OFFSET, detail, offset=len(upload.data))
        if not data or offset + len(data) > upload.whole.length:
            raise RefusalError(Status.MALFORMED, "PUT has another length")
        upload.data += data
        return len(upload.data)

    def commit(self, endpoint: Endpoint) -> tuple[str, bytes]:
        """Return name and bytes of the whole; it is gone from here.

        Raises:
            RefusalError: Pieces are missing, or the digest is another.
        """
        upload = self._running(endpoint)
        if len(upload.data) < upload.whole.length:
            raise RefusalError(
                Status.STATE, "it is not complete", offset=len(upload.data)
            )
        self._upload = None
        data = bytes(upload.data)
        if hashlib.sha256(data).digest() != upload.whole.digest:
            raise RefusalError(Status.DIGEST, "the SHA-256 is another; send it again")
        return upload.whole.name, data

    def _running(self, endpoint: Endpoint) -> _Upload:
        if self._upload is None or self._upload.endpoint is not endpoint:
            raise RefusalError(Status.STATE, "nothing was begun")
        return self._upload


class Outgoing:
    """The long answers of one session, one for each endpoint."""

    def __init__(self) -> None:
        self._answers: dict[Endpoint, bytes] = {}

    def forget(self, endpoint: Endpoint) -> None:
        """Drop an endpoint's answer: another request was made."""
        self._answers.pop(endpoint, None)

    def offer(self, endpoint: Endpoint, data: bytes) -> Whole:
        """Keep an answer, and return what is said of it."""
        self._answers[endpoint] = data
        return Whole.of(data)

    def read(self, endpoint: Endpoint, body: bytes) -> bytes:
        """Return a piece.

        Raises:
            RefusalError: There is no answer, or it ends before.
        """
        offset = offset_of(body)
        if len(body) != OFFSET_BYTES:
            raise RefusalError(Status.MALFORMED, "READ has another length")
        answer = self._answers.get(endpoint)
        if answer is None:
            raise RefusalError(Status.STATE, "there is no long answer")
        if offset >= len(answer):
            raise RefusalError(
                Status.OFFSET, f"it has {len(answer)} bytes", offset=len(answer)
            )
        return answer[offset : offset + BODY_BYTES_MAX]
