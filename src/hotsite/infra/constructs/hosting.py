"""The companion app for everybody: a private bucket behind CloudFront.

All of it is in us-east-1, because CloudFront takes certificates from there only
(CloudFront developer guide, "Requirements for using SSL/TLS certificates with
CloudFront"); so nothing here refers to another Region.
"""

from collections.abc import Mapping

from aws_cdk import Aws, CfnDeletionPolicy
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudfront as cloudfront
from aws_cdk import aws_iam as iam
from aws_cdk import aws_route53 as route53
from aws_cdk import aws_s3 as s3
from constructs import Construct

from hotsite.infra.constructs.buckets import https_only

Headers = tuple[tuple[str, str], ...]
# Managed policy CachingOptimized (CloudFront developer guide, "Use managed cache
# policies"): it asks the bucket once a day, and goes by paths alone.
_CACHE_POLICY = "658327ea-f89d-4fab-a63d-7e88639e58f6"
# The zone of every distribution (Route 53 API, AliasTarget$HostedZoneId).
_CLOUDFRONT_ZONE = "Z2FDTNDATAQYW2"
_TLS = "TLSv1.2_2021"
_HSTS_S = 31_536_000
# What CloudFront takes as security headers; it refuses them as custom ones.
_CSP, _REFERRER = "Content-Security-Policy", "Referrer-Policy"
_SNIFF = "X-Content-Type-Options"
_ORIGIN = "bucket"
_FORMER_DAYS = 90

_Bucket = s3.CfnBucket
_Distribution = cloudfront.CfnDistribution
_Policy = cloudfront.CfnResponseHeadersPolicy


class Hosting(Construct):
    """Bucket, certificate, distribution and name of the app."""

    def __init__(
        self,
        scope: Construct,
        *,
        names: Mapping[str, str],
        zone_id: str,
        headers: Headers,
    ) -> None:
        """Make it.

        Args:
            scope: Where it belongs.
            names: ``app`` (the host), ``bucket`` and ``prefix``.
            zone_id: Route 53 zone of the owner's domain.
            headers: Of every answer.
        """
        super().__init__(scope, "Hosting")
        self._names, self._zone_id = names, zone_id
        self.bucket = self._private_bucket()
        self.distribution = self._distribution(self._certificate(), headers)
        self._let_in()
        for kind in ("A", "AAAA"):
            self._record(kind)

    def _private_bucket(self) -> s3.CfnBucket:
        rule = _Bucket.ServerSideEncryptionRuleProperty(
            server_side_encryption_by_default=(
                _Bucket.ServerSideEncryptionByDefaultProperty(sse_algorithm="AES256")
            )
        )
        bucket = _Bucket(
            self,
            "Bucket",
            bucket_name=self._names["bucket"],
            bucket_encryption=_Bucket.BucketEncryptionProperty(
                server_side_encryption_configuration=[rule]
            ),
            versioning_configuration=_Bucket.VersioningConfigurationProperty(
                status="Enabled"
            ),
            lifecycle_configuration=_lifecycle(),
            public_access_block_configuration=(
                _Bucket.PublicAccessBlockConfigurationProperty(
                    block_public_acls=True,
                    block_public_policy=True,
                    ignore_public_acls=True,
                    restrict_public_buckets=True,
                )
            ),
        )
        bucket.cfn_options.deletion_policy = CfnDeletionPolicy.RETAIN
        bucket.cfn_options.update_replace_policy = CfnDeletionPolicy.RETAIN
        return bucket

    def _certificate(self) -> acm.CfnCertificate:
        name = self._names["app"]
        return acm.CfnCertificate(
            self,
            "Certificate",
            domain_name=name,
            validation_method="DNS",
            domain_validation_options=[
                acm.CfnCertificate.DomainValidationOptionProperty(
                    domain_name=name, hosted_zone_id=self._zone_id
                )
            ],
        )

    def _distribution(
        self, served: acm.CfnCertificate, headers: Headers
    ) -> cloudfront.CfnDistribution:
        access = cloudfront.CfnOriginAccessControl(
            self,
            "Access",
            origin_access_control_config=(
                cloudfront.CfnOriginAccessControl.OriginAccessControlConfigProperty(
                    name=f"{self._names['prefix']}-app",
                    origin_access_control_origin_type="s3",
                    signing_behavior="always",
                    signing_protocol="sigv4",
                )
            ),
        )
        origin = _Distribution.OriginProperty(
            id=_ORIGIN,
            domain_name=self.bucket.attr_regional_domain_name,
            origin_access_control_id=access.attr_id,
            # Empty, where access control takes the place of an identity.
            s3_origin_config=_Distribution.S3OriginConfigProperty(
                origin_access_identity=""
            ),
        )
        policy = _headers_policy(self, f"{self._names['prefix']}-app", headers)
        return _Distribution(
            self,
            "Distribution",
            distribution_config=_Distribution.DistributionConfigProperty(
                enabled=True,
                aliases=[self._names["app"]],
                comment=f"{self._names['prefix']}: the companion app",
                default_root_object="index.html",
                http_version="http2and3",
                ipv6_enabled=True,
                origins=[origin],
                default_cache_behavior=_behaviour(policy),
                viewer_certificate=_Distribution.ViewerCertificateProperty(
                    acm_certificate_arn=served.ref,
                    minimum_protocol_version=_TLS,
                    ssl_support_method="sni-only",
                ),
            ),
        )

    def _let_in(self) -> None:
        """Let this one distribution read, and nobody without TLS."""
        source = (
            f"arn:{Aws.PARTITION}:cloudfront::{Aws.ACCOUNT_ID}:distribution/"
            f"{self.distribution.ref}"
        )
        read = iam.PolicyStatement(
            principals=[iam.ServicePrincipal("cloudfront.amazonaws.com")],
            actions=["s3:GetObject"],
            resources=[f"{self.bucket.attr_arn}/*"],
            conditions={"StringEquals": {"AWS:SourceArn": source}},
        )
        https_only(self, self.bucket, read)

    def _record(self, kind: str) -> None:
        route53.CfnRecordSet(
            self,
            f"Record{kind}",
            hosted_zone_id=self._zone_id,
            name=f"{self._names['app']}.",
            type=kind,
            alias_target=route53.CfnRecordSet.AliasTargetProperty(
                dns_name=self.distribution.attr_domain_name,
                hosted_zone_id=_CLOUDFRONT_ZONE,
                evaluate_target_health=False,
            ),
        )


def _lifecycle() -> s3.CfnBucket.LifecycleConfigurationProperty:
    """Return that the app stays, and that its former versions go one day."""
    former = _Bucket.NoncurrentVersionExpirationProperty(noncurrent_days=_FORMER_DAYS)
    rule = _Bucket.RuleProperty(status="Enabled", noncurrent_version_expiration=former)
    return _Bucket.LifecycleConfigurationProperty(rules=[rule])


def _behaviour(
    policy: cloudfront.CfnResponseHeadersPolicy,
) -> cloudfront.CfnDistribution.DefaultCacheBehaviorProperty:
    return _Distribution.DefaultCacheBehaviorProperty(
        target_origin_id=_ORIGIN,
        viewer_protocol_policy="redirect-to-https",
        allowed_methods=["GET", "HEAD"],
        compress=True,
        cache_policy_id=_CACHE_POLICY,
        response_headers_policy_id=policy.attr_id,
    )


def _headers_policy(
    scope: Construct, name: str, headers: Headers
) -> cloudfront.CfnResponseHeadersPolicy:
    """Return the app's own headers, and that browsers stay with HTTPS."""
    given = dict(headers)
    # Its one value, nosniff, is what CloudFront says here.
    del given[_SNIFF]
    security = _Policy.SecurityHeadersConfigProperty(
        content_security_policy=_Policy.ContentSecurityPolicyProperty(
            content_security_policy=given.pop(_CSP), override=True
        ),
        referrer_policy=_Policy.ReferrerPolicyProperty(
            referrer_policy=given.pop(_REFERRER), override=True
        ),
        content_type_options=_Policy.ContentTypeOptionsProperty(override=True),
        strict_transport_security=_Policy.StrictTransportSecurityProperty(
            access_control_max_age_sec=_HSTS_S, override=True
        ),
    )
    # A browser asks each time: a new version of the app is one file that differs.
    others = {**given, "Cache-Control": "no-cache"}
    custom = [
        _Policy.CustomHeaderProperty(header=header, value=value, override=True)
        for header, value in others.items()
    ]
    return _Policy(
        scope,
        "Headers",
        response_headers_policy_config=_Policy.ResponseHeadersPolicyConfigProperty(
            name=name,
            security_headers_config=security,
            custom_headers_config=_Policy.CustomHeadersConfigProperty(items=custom),
        ),
    )
