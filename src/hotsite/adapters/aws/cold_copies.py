"""Tell one bucket to replicate a site's own objects into the other site's."""

from dataclasses import dataclass
from typing import Any

from hotsite.adapters.aws.session import translated

_ID = "hotsite-own"
# The only value that S3 takes (S3 API, ReplicationTimeValue): 99.99 % of objects.
_MINUTES = 15


@dataclass(frozen=True, slots=True)
class CopiesWish:
    """How a bucket must replicate.

    Attributes:
        bucket: The site's bucket.
        prefix: Keys of what arrived at this site.
        replica: The other site's bucket.
        replica_key_arn: Key of the other Region. S3 treats a multi-Region key as
            one of a single Region (S3 user guide, "Replicating encrypted
            objects"), so it has to be named.
        role_arn: What S3 copies as.
        more: Where there are more than two sites: each further bucket, and its key.
    """

    bucket: str
    prefix: str
    replica: str
    replica_key_arn: str
    role_arn: str
    more: tuple[tuple[str, str], ...] = ()


def establish(wish: CopiesWish, s3: Any) -> None:
    """Make the bucket replicate as it must; running again is safe.

    Delete markers stay where they are: what somebody deletes on one side is still
    on the other. Replicas are not replicated again, so two rules make no ring.

    Args:
        wish: How it must replicate.
        s3: A boto3 client of the bucket's Region.

    Raises:
        HotsiteError: S3 refused, for example because a bucket is not there.
    """
    replicas = ((wish.replica, wish.replica_key_arn), *wish.more)
    rules = [_rule(wish, place, *replica) for place, replica in enumerate(replicas, 1)]
    with translated(f"replicate {wish.bucket}"):
        s3.put_bucket_replication(
            Bucket=wish.bucket,
            ReplicationConfiguration={"Role": wish.role_arn, "Rules": rules},
        )


def _rule(wish: CopiesWish, place: int, replica: str, key_arn: str) -> dict[str, Any]:
    """Return one destination's rule: of one filter, each has a priority of its own."""
    clock = {"Status": "Enabled"}
    minutes = {"Minutes": _MINUTES}
    return {
        "ID": _ID if place == 1 else f"{_ID}-{place}",
        "Priority": place,
        "Status": "Enabled",
        "Filter": {"Prefix": wish.prefix},
        "DeleteMarkerReplication": {"Status": "Disabled"},
        "SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}},
        "Destination": {
            "Bucket": f"arn:aws:s3:::{replica}",
            "EncryptionConfiguration": {"ReplicaKmsKeyID": key_arn},
            "ReplicationTime": {**clock, "Time": minutes},
            "Metrics": {**clock, "EventThreshold": minutes},
        },
    }


def remove(wish: CopiesWish, s3: Any) -> None:
    """End the replication; the buckets stay, and all that is in them.

    Args:
        wish: How it replicated.
        s3: A boto3 client of the bucket's Region.

    Raises:
        HotsiteError: S3 refused.
    """
    with translated(f"end the replication of {wish.bucket}"):
        s3.delete_bucket_replication(Bucket=wish.bucket)
