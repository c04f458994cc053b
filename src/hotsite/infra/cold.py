"""The cold stacks: one Region's bucket, and then the copies between both buckets.

Two stacks in each Region, because "the destination bucket must already exist"
when replication is configured, and each bucket is the other's destination: first
both buckets are made, then both are told to replicate.
"""

import aws_cdk as cdk
from constructs import Construct

from hotsite.infra.constructs.archive import Archive
from hotsite.infra.constructs.cold import Cold
from hotsite.infra.constructs.copies import Copies, CopiesInputs
from hotsite.infra.keys import key_id_parameter
from hotsite.infra.stack import RegionStack
from hotsite.settings import Settings, SiteSettings


class ColdStack(RegionStack):
    """Bucket, schema, delivery streams and the raw archive of one site."""

    def __init__(
        self, scope: Construct, name: str, settings: Settings, site: SiteSettings
    ) -> None:
        super().__init__(scope, name, region=site.region)
        cold = Cold(self, settings, site, key_id=key_id_parameter(self))
        Archive(self, settings, stream=cold.raw_stream)
        cdk.CfnOutput(self, "ColdBucket", value=cold.bucket.ref)
        cdk.CfnOutput(self, "ColdKeyArn", value=cold.key_arn)


class CopiesStack(RegionStack):
    """The replication of one site's bucket into the other's."""

    def __init__(
        self, scope: Construct, name: str, settings: Settings, site: SiteSettings
    ) -> None:
        super().__init__(scope, name, region=site.region)
        bucket, key, replica, replica_key = (
            cdk.CfnParameter(
                self, parameter, type="String", description=says
            ).value_as_string
            for parameter, says in (
                ("ColdBucket", "This site's bucket"),
                ("ColdKeyArn", "What it is encrypted with"),
                ("ReplicaBucket", "The other site's bucket"),
                ("ReplicaKeyArn", "What that is encrypted with"),
            )
        )
        inputs = CopiesInputs(settings, site, bucket, key, replica, replica_key)
        Copies(self, inputs)
