"""The firmware stack: where one Region's devices find firmware; once in each Region.

A stack of its own behind the site's, whose API it adds a route to. Both Regions'
buckets get the same bytes from whoever publishes: nothing is copied between them.
"""

import aws_cdk as cdk
from constructs import Construct

from hotsite.infra.constructs.firmware import Firmware
from hotsite.infra.inputs import declare_firmware
from hotsite.infra.stack import RegionStack
from hotsite.settings import Settings, SiteSettings


class FirmwareStack(RegionStack):
    """Bucket, function and route of one site."""

    def __init__(
        self, scope: Construct, name: str, settings: Settings, site: SiteSettings
    ) -> None:
        super().__init__(scope, name, region=site.region)
        firmware = Firmware(self, declare_firmware(self, settings, site))
        cdk.CfnOutput(self, "FirmwareBucket", value=firmware.bucket.ref)
