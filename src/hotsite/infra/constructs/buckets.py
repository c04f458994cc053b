"""What each bucket of hotsite is: private, encrypted, and kept when its stack goes."""

from aws_cdk import CfnDeletionPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from hotsite.infra.constructs.transport import refusal

_Bucket = s3.CfnBucket


def kept_bucket(scope: Construct, identifier: str, *, days: int) -> s3.CfnBucket:
    """Make a bucket for what failed, which outlives its stack.

    Args:
        scope: Where it belongs.
        identifier: Its name in the template.
        days: How long an object stays.
    """
    rule = _Bucket.RuleProperty(status="Enabled", expiration_in_days=days)
    bucket = _Bucket(
        scope,
        identifier,
        bucket_encryption=encrypted(),
        lifecycle_configuration=_Bucket.LifecycleConfigurationProperty(rules=[rule]),
        public_access_block_configuration=private(),
    )
    https_only(scope, bucket, identifier=f"{identifier}Policy")
    # What failed must outlive the stack that failed it.
    return kept(bucket)


def private() -> s3.CfnBucket.PublicAccessBlockConfigurationProperty:
    """Return what shuts the public out, whatever a policy says."""
    return _Bucket.PublicAccessBlockConfigurationProperty(
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
    )


def encrypted() -> s3.CfnBucket.BucketEncryptionProperty:
    """Return encryption with keys of Amazon S3."""
    default = _Bucket.ServerSideEncryptionByDefaultProperty(sse_algorithm="AES256")
    rule = _Bucket.ServerSideEncryptionRuleProperty(
        server_side_encryption_by_default=default
    )
    return _Bucket.BucketEncryptionProperty(server_side_encryption_configuration=[rule])


def kept(bucket: s3.CfnBucket) -> s3.CfnBucket:
    """Let a bucket outlive its stack, and return it."""
    bucket.cfn_options.deletion_policy = CfnDeletionPolicy.RETAIN
    bucket.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
    return bucket


def https_only(
    scope: Construct,
    bucket: s3.CfnBucket,
    *also: iam.PolicyStatement,
    identifier: str = "Policy",
) -> None:
    """Give a bucket its one policy, which refuses whoever comes without TLS.

    Args:
        scope: Where the bucket belongs.
        bucket: Which.
        also: Who may come besides those whose own policies let them.
        identifier: Of the policy in the template.
    """
    everything = [bucket.attr_arn, f"{bucket.attr_arn}/*"]
    s3.CfnBucketPolicy(
        scope,
        identifier,
        bucket=bucket.ref,
        policy_document=iam.PolicyDocument(
            statements=[*also, refusal("s3:*", on=everything)]
        ),
    )
