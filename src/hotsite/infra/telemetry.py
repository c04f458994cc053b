"""The telemetry stack: where one Region's device messages go; once in each Region.

A stack of its own beside the site's, because a template that is handed over in
one call holds 51,200 bytes (CloudFormation API, CreateStack).
"""

import aws_cdk as cdk
from constructs import Construct

from hotsite.infra.constructs.cold import may_deliver, stream_name, to_cold
from hotsite.infra.constructs.errors import ErrorArchive
from hotsite.infra.constructs.functions import role
from hotsite.infra.constructs.meter import Meter
from hotsite.infra.constructs.telemetry import Telemetry
from hotsite.infra.inputs import declare_telemetry
from hotsite.infra.stack import RegionStack
from hotsite.settings import Settings, SiteSettings


class TelemetryStack(RegionStack):
    """The rules of one site's telemetry, and what stands behind them.

    A construct for each noun: what one gives another (an action for the live rule,
    the archive for errors) is an argument, so that none looks into another.
    """

    def __init__(
        self, scope: Construct, name: str, settings: Settings, site: SiteSettings
    ) -> None:
        super().__init__(scope, name, region=site.region)
        inputs = declare_telemetry(self, settings, site)
        archive = ErrorArchive(self, inputs)
        sender = role(
            self,
            "ColdRole",
            service="iot.amazonaws.com",
            statements=[may_deliver(settings)],
        )
        telemetry = Telemetry(
            self,
            inputs,
            archive,
            also=[to_cold(settings, sender.attr_arn)],
            cold_stream=stream_name(settings),
        )
        meter = Meter(self, inputs)
        outputs = {
            "BatchFunction": telemetry.batch,
            "ErrorBucket": archive.bucket,
            "ErrorQueue": archive.queue,
            "MeterFunction": meter.function,
            "ResumeFunction": telemetry.resume,
        }
        for key, value in outputs.items():
            cdk.CfnOutput(self, key, value=value)
