"""``ports.firmware.FirmwareFiles`` in a bucket of one Region."""

import hashlib
from typing import Any

from botocore.exceptions import ClientError

from hotsite.adapters.aws.session import translated
from hotsite.core.firmware_files import Part
from hotsite.errors import InvalidInputError, NotFoundError

# S3 tells the MD5 of an object, or not even that; what was written is noted beside it.
_DIGEST = "sha256"
_NOT_THERE = {"404", "NoSuchKey", "NotFound"}


class S3FirmwareFiles:
    """Implements ``ports.firmware.FirmwareFiles``."""

    def __init__(self, s3: Any, bucket: str) -> None:
        """Take a boto3 client of the Region, and the bucket."""
        self._s3 = s3
        self._bucket = bucket

    def read(self, name: str) -> bytes | None:
        """Return a file, or None if there is none."""
        try:
            with translated(f"read {name} of {self._bucket}"):
                answer = self._s3.get_object(Bucket=self._bucket, Key=name)
                body: bytes = answer["Body"].read()
        except NotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise
            return None
        return body

    def read_part(self, name: str, part: Part) -> tuple[bytes, int] | None:
        """Return bytes of a file and the length of all of it, or None."""
        wanted = f"bytes={part.first}-{part.last}"
        try:
            with translated(f"read {name} of {self._bucket}"):
                try:
                    answer = self._s3.get_object(
                        Bucket=self._bucket, Key=name, Range=wanted
                    )
                except ClientError as error:
                    if error.response.get("Error", {}).get("Code") == "InvalidRange":
                        raise InvalidInputError(f"{name} ends before") from error
                    raise
                body: bytes = answer["Body"].read()
        except NotFoundError:
            return None
        return body, int(str(answer["ContentRange"]).rpartition("/")[2])

    def digest(self, name: str) -> str | None:
        """Return the SHA-256 of a file as it was written, or None if there is none."""
        with translated(f"look at {name} of {self._bucket}"):
            try:
                answer = self._s3.head_object(Bucket=self._bucket, Key=name)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in _NOT_THERE:
                    return None
                raise
        found: str = answer.get("Metadata", {}).get(_DIGEST, "")
        return found

    def write(self, name: str, content: bytes) -> None:
        """Write a file, and note its digest."""
        with translated(f"write {name} into {self._bucket}"):
            self._s3.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=content,
                Metadata={_DIGEST: hashlib.sha256(content).hexdigest()},
            )
