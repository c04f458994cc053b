"""The cold stacks: one Region's bucket, and then the copies between all buckets.

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

_FIRST = "Replica"


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
    """The replication of one site's bucket into those of all others."""

    def __init__(
        self, scope: Construct, name: str, settings: Settings, site: SiteSettings
    ) -> None:
        super().__init__(scope, name, region=site.region)
        own = self._bucket("Cold", "This site's", "it")
        first, *more = (
            self._bucket(
                parameter,
                "The other site's" if settings.is_pair else f"Site {other.letter}'s",
                "that",
            )
            for parameter, other in replicas(settings, site)
        )
        Copies(self, CopiesInputs(settings, site, *own, *first, tuple(more)))

    def _bucket(self, name: str, whose: str, which: str) -> tuple[str, str]:
        """Declare the parameters of a bucket: its name, and its key's ARN."""
        bucket, key = (
            cdk.CfnParameter(self, f"{name}{what}", type="String", description=says)
            for what, says in (
                ("Bucket", f"{whose} bucket"),
                ("KeyArn", f"What {which} is encrypted with"),
            )
        )
        return bucket.value_as_string, key.value_as_string


def replicas(
    settings: Settings, site: SiteSettings
) -> tuple[tuple[str, SiteSettings], ...]:
    """Return the other sites, each with the start of its parameters' names."""
    first, *more = (one for one in settings.sites if one != site)
    return (_FIRST, first), *((f"{_FIRST}{one.letter.upper()}", one) for one in more)
