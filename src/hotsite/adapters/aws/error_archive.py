"""``ports.telemetry.ErrorArchive`` in a bucket of this Region.

One object for each refusal, below ``errors/`` while it waits and below ``redriven/``
afterwards, named by its day and its content: what fails again is kept once.
"""

import base64
import binascii
import datetime as dt
import hashlib
import json
from typing import Any

from hotsite.adapters.aws.session import translated
from hotsite.core.arrivals import Refused
from hotsite.errors import InvalidInputError
from hotsite.ports.telemetry import RefusedPage

_WAITS, _DONE = "errors/", "redriven/"
_VERSION = 1
_DIGEST_LENGTH = 32


class S3ErrorArchive:
    """Implements ``ports.telemetry.ErrorArchive``."""

    def __init__(self, s3: Any, bucket: str, *, page_size: int = 1000) -> None:
        """Take a client, the bucket, and how many names a page has at most.

        Args:
            s3: A boto3 client of Amazon S3.
            bucket: The bucket of refusals.
            page_size: 1 to 1,000 (S3 API reference, ListObjectsV2).
        """
        self._s3 = s3
        self._bucket = bucket
        self._page_size = page_size

    def put(self, refused: Refused) -> str:
        """Keep what was refused; the same again is kept once."""
        name = name_of(refused)
        with translated("write into the error archive"):
            self._s3.put_object(Bucket=self._bucket, Key=name, Body=encode(refused))
        return name

    def page(self, token: str | None = None) -> RefusedPage:
        """Return the names of some of what waits to be redriven."""
        # After a name, not by a continuation token: what was finished meanwhile
        # does not matter to the next page.
        more = {"StartAfter": token} if token else {}
        with translated("list the error archive"):
            answer = self._s3.list_objects_v2(
                Bucket=self._bucket, Prefix=_WAITS, MaxKeys=self._page_size, **more
            )
        names = tuple(item["Key"] for item in answer.get("Contents", ()))
        is_more = bool(answer.get("IsTruncated")) and names
        return RefusedPage(names, names[-1] if is_more else None)

    def read(self, name: str) -> Refused:
        """Return what was refused."""
        with translated(f"read {name} of the error archive"):
            answer = self._s3.get_object(Bucket=self._bucket, Key=name)
            body = answer["Body"].read()
        return decode(name, body)

    def finish(self, name: str) -> None:
        """Mark it as redriven: it stays, and waits no longer."""
        done = _DONE + name.removeprefix(_WAITS)
        with translated(f"mark {name} of the error archive"):
            try:
                self._s3.copy_object(
                    Bucket=self._bucket,
                    Key=done,
                    CopySource={"Bucket": self._bucket, "Key": name},
                )
            except self._s3.exceptions.NoSuchKey:
                return
            self._s3.delete_object(Bucket=self._bucket, Key=name)


def name_of(refused: Refused) -> str:
    """Return the key of a refusal: by its day, and by its content.

    Args:
        refused: What was refused.
    """
    day = dt.datetime.fromtimestamp(refused.at_s, dt.UTC).date()
    facts = f"{refused.topic}\n{refused.at_s}\n{refused.reason}\n".encode()
    digest = hashlib.sha256(facts + refused.payload).hexdigest()[:_DIGEST_LENGTH]
    return f"{_WAITS}date={day}/{int(refused.at_s * 1000)}-{digest}.json"


def encode(refused: Refused) -> bytes:
    """Return the object of a refusal.

    Args:
        refused: What was refused.
    """
    document: dict[str, Any] = {
        "v": _VERSION,
        "topic": refused.topic,
        "reason": refused.reason,
        "at_s": refused.at_s,
        "payload_base64": base64.b64encode(refused.payload).decode(),
    }
    # Beside the bytes, for whoever reads it with nothing but a browser.
    document["payload_text"] = refused.payload.decode(errors="replace")
    return json.dumps(document, indent=1).encode()


def decode(name: str, body: bytes) -> Refused:
    """Return the refusal in an object.

    Args:
        name: The object's key.
        body: Its content.

    Raises:
        InvalidInputError: It is nothing that hotsite wrote.
    """
    try:
        document = json.loads(body)
        if document["v"] != _VERSION:
            raise InvalidInputError(f"{name}: version {document['v']} is unknown")
        return Refused(
            topic=str(document["topic"]),
            payload=base64.b64decode(document["payload_base64"], validate=True),
            reason=str(document["reason"]),
            at_s=float(document["at_s"]),
        )
    except (ValueError, KeyError, TypeError, binascii.Error) as error:
        raise InvalidInputError(f"{name} is no refusal: {error!r}") from error
