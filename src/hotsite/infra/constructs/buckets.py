"""What each bucket of hotsite is: private, encrypted, and kept when its stack goes."""

from aws_cdk import CfnDeletionPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

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


def https_only(scope: Construct, bucket: s3.CfnBucket) -> None:
    """Refuse whoever comes without TLS.

    Args:
        scope: Where the bucket belongs; the policy is named ``Policy`` there.
        bucket: Which.
    """
    refusal = iam.PolicyStatement(
        effect=iam.Effect.DENY,
        principals=[iam.AnyPrincipal()],
        actions=["s3:*"],
        resources=[bucket.attr_arn, f"{bucket.attr_arn}/*"],
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )
    s3.CfnBucketPolicy(
        scope,
        "Policy",
        bucket=bucket.ref,
        policy_document=iam.PolicyDocument(statements=[refusal]),
    )
