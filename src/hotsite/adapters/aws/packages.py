"""``ports.deployment.Packages``: a bucket of Lambda code in one Region.

Private, encrypted and refused over plain HTTP; it holds code alone, named by its
content, so it may go with the stacks.
"""

import json
from typing import Any

from botocore.exceptions import ClientError

from hotsite.adapters.aws.session import translated
from hotsite.errors import RefusedError

_ABSENT = frozenset({"404", "NoSuchBucket", "NotFound"})
_TAKEN = frozenset({"403", "AccessDenied", "Forbidden", "BucketAlreadyExists"})


class BucketPackages:
    """Implements ``ports.deployment.Packages`` for one Region."""

    def __init__(self, store: Any, bucket: str, region: str, *, prefix: str) -> None:
        """Take a client of S3, the bucket's name, its Region, and the keys' start."""
        self._store = store
        self._bucket = bucket
        self._region = region
        self._prefix = prefix

    @property
    def bucket(self) -> str:
        """Return its name."""
        return self._bucket

    def prepare(self) -> None:
        """Make the bucket, unless it is there."""
        with translated(f"make bucket {self._bucket}"):
            if not self._is_there():
                self._create()
            self._store.put_public_access_block(
                Bucket=self._bucket,
                PublicAccessBlockConfiguration={
                    "BlockPublicAcls": True,
                    "IgnorePublicAcls": True,
                    "BlockPublicPolicy": True,
                    "RestrictPublicBuckets": True,
                },
            )

    def names(self) -> frozenset[str]:
        """Return which packages are there; none where there is no bucket."""
        with translated(f"list bucket {self._bucket}"):
            try:
                pages = self._store.get_paginator("list_objects_v2").paginate(
                    Bucket=self._bucket, Prefix=self._prefix
                )
                return frozenset(
                    str(one["Key"]).removeprefix(self._prefix)
                    for page in pages
                    for one in page.get("Contents", ())
                )
            except ClientError as error:
                if _code(error) in _ABSENT:
                    return frozenset()
                raise

    def put(self, name: str, content: bytes) -> None:
        """Put a package there."""
        with translated(f"put {name} into bucket {self._bucket}"):
            self._store.put_object(
                Bucket=self._bucket, Key=f"{self._prefix}{name}", Body=content
            )

    def remove(self) -> bool:
        """Remove the bucket with everything in it; say whether it was there."""
        with translated(f"remove bucket {self._bucket}"):
            if not self._is_there():
                return False
            pages = self._store.get_paginator("list_objects_v2")
            for page in pages.paginate(Bucket=self._bucket):
                for one in page.get("Contents", ()):
                    self._store.delete_object(Bucket=self._bucket, Key=one["Key"])
            self._store.delete_bucket(Bucket=self._bucket)
            return True

    def _is_there(self) -> bool:
        try:
            self._store.head_bucket(Bucket=self._bucket)
        except ClientError as error:
            if _code(error) in _TAKEN:
                raise RefusedError(self._taken()) from error
            if _code(error) not in _ABSENT:
                raise
            return False
        return True

    def _create(self) -> None:
        # us-east-1 is the Region that must not be named (S3 API, CreateBucket).
        where = {"CreateBucketConfiguration": {"LocationConstraint": self._region}}
        more = {} if self._region == "us-east-1" else where
        try:
            self._store.create_bucket(Bucket=self._bucket, **more)
        except ClientError as error:
            if _code(error) in _TAKEN:
                raise RefusedError(self._taken()) from error
            if _code(error) != "BucketAlreadyOwnedByYou":
                raise
        self._store.put_bucket_policy(Bucket=self._bucket, Policy=self._policy())

    def _taken(self) -> str:
        return f"bucket {self._bucket} is another account's: choose another prefix"

    def _policy(self) -> str:
        partition = "aws-cn" if self._region.startswith("cn-") else "aws"
        arn = f"arn:{partition}:s3:::{self._bucket}"
        return json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": [arn, f"{arn}/*"],
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    }
                ],
            }
        )


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
