"""Buckets for what failed: private, encrypted, and longer-lived than their stack."""

from aws_cdk import CfnDeletionPolicy
from aws_cdk import aws_s3 as s3
from constructs import Construct


def kept_bucket(scope: Construct, identifier: str, *, days: int) -> s3.CfnBucket:
    """Make a bucket that outlives its stack.

    Args:
        scope: Where it belongs.
        identifier: Its name in the template.
        days: How long an object stays.
    """
    bucket = s3.CfnBucket(
        scope,
        identifier,
        bucket_encryption=s3.CfnBucket.BucketEncryptionProperty(
            server_side_encryption_configuration=[
                s3.CfnBucket.ServerSideEncryptionRuleProperty(
                    server_side_encryption_by_default=(
                        s3.CfnBucket.ServerSideEncryptionByDefaultProperty(
                            sse_algorithm="AES256"
                        )
                    )
                )
            ]
        ),
        lifecycle_configuration=s3.CfnBucket.LifecycleConfigurationProperty(
            rules=[s3.CfnBucket.RuleProperty(status="Enabled", expiration_in_days=days)]
        ),
        public_access_block_configuration=(
            s3.CfnBucket.PublicAccessBlockConfigurationProperty(
                block_public_acls=True,
                block_public_policy=True,
                ignore_public_acls=True,
                restrict_public_buckets=True,
            )
        ),
    )
    # What failed must outlive the stack that failed it.
    bucket.cfn_options.deletion_policy = CfnDeletionPolicy.RETAIN
    bucket.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
    return bucket
