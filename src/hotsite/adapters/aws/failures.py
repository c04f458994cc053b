"""``ports.FailedBatches`` on the S3 bucket of a replicator's failures.

Lambda writes one object a batch: "For Amazon S3 destinations, Lambda also sends
the entire invocation record along with the metadata", as the text in ``payload``
(Lambda developer guide, "Retain discarded records for a DynamoDB event source").
"""

import json
from typing import Any

from hotsite.adapters.aws.session import translated
from hotsite.core.registry import Key, key_in
from hotsite.errors import InvalidInputError
from hotsite.ports.failures import BatchPage, FailedBatch

# What Lambda names them: aws/lambda/<mapping>/<shard>/YYYY/MM/DD/<time>-<id>
# (same page); anything else in the bucket is not ours to read or delete.
_PREFIX = "aws/lambda/"


class S3FailedBatches:
    """Implements ``ports.FailedBatches``."""

    def __init__(self, s3: Any, bucket: str, *, page_size: int = 1000) -> None:
        """Take a client, the bucket, and how many names a page has at most.

        Args:
            s3: A boto3 client of Amazon S3.
            bucket: Where the event source mapping puts failed batches.
            page_size: 1 to 1,000 (S3 API reference, ListObjectsV2).
        """
        self._s3 = s3
        self._bucket = bucket
        self._page_size = page_size

    def page(self, token: str | None = None) -> BatchPage:
        """Return the names of some batches, in the order of their names."""
        # After a name instead of by a continuation token, so that a page that
        # was worked off and deleted does not matter to the next.
        more = {"StartAfter": token} if token else {}
        with translated("list the failed batches"):
            answer = self._s3.list_objects_v2(
                Bucket=self._bucket, Prefix=_PREFIX, MaxKeys=self._page_size, **more
            )
        names = tuple(item["Key"] for item in answer.get("Contents", ()))
        is_more = bool(answer.get("IsTruncated")) and names
        return BatchPage(names, names[-1] if is_more else None)

    def read(self, name: str) -> FailedBatch:
        """Return what a batch was about."""
        with translated(f"read the failed batch {name}"):
            answer = self._s3.get_object(Bucket=self._bucket, Key=name)
            body = answer["Body"].read()
        return batch_of(name, body)

    def delete(self, name: str) -> None:
        """Delete a batch; one that is gone is gone."""
        with translated(f"delete the failed batch {name}"):
            self._s3.delete_object(Bucket=self._bucket, Key=name)


def batch_of(name: str, body: bytes) -> FailedBatch:
    """Return the batch in an invocation record.

    Args:
        name: The object's key.
        body: Its content.

    Raises:
        InvalidInputError: It is not what Lambda writes, or lacks its records.
    """
    try:
        document = json.loads(body)
        payload = document["payload"]
        event = json.loads(payload) if isinstance(payload, str) else payload
        keys = [_key_of(record) for record in event["Records"]]
        return FailedBatch(
            name,
            tuple(dict.fromkeys(key for key in keys if key is not None)),
            reason=str(document.get("requestContext", {}).get("condition", "")),
            failed_at=str(document.get("timestamp", "")),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"{name} is no failed batch with its records: {error!r}"
        ) from error


def _key_of(record: dict[str, Any]) -> Key | None:
    return key_in(record["dynamodb"]["Keys"]["pk"]["S"])
