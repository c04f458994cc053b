"""The replication stack: what keeps one Region's registry equal to the record.

A stack of its own beside the site's, because a template that is handed over in
one call holds 51,200 bytes (CloudFormation API, CreateStack); once in each Region.
"""

import aws_cdk as cdk
from constructs import Construct

from hotsite.infra.constructs.alarms import Alarms, Watched
from hotsite.infra.constructs.capture import Capture
from hotsite.infra.constructs.dashboard import Dashboard
from hotsite.infra.constructs.replication import Replicator
from hotsite.infra.constructs.sweep import Sweep
from hotsite.infra.inputs import declare_replication
from hotsite.infra.stack import RegionStack
from hotsite.settings import Settings, SiteSettings


class ReplicationStack(RegionStack):
    """Replicator, capture and sweep of one site, and the alarms on them."""

    def __init__(
        self, scope: Construct, name: str, settings: Settings, site: SiteSettings
    ) -> None:
        super().__init__(scope, name, region=site.region)
        inputs = declare_replication(self, settings, site)
        replicator = Replicator(self, inputs)
        capture = Capture(self, inputs)
        sweep = Sweep(self, inputs)
        watched = Watched(replicator.function, replicator.stream, capture.missed_name)
        alarms = Alarms(self, inputs, watched)
        Dashboard(self, inputs, watched, alarms.names)
        outputs = {
            "AlarmTopic": alarms.topic,
            "CaptureFunction": capture.function,
            "FailureBucket": replicator.failures,
            "MissedQueue": capture.missed,
            "ReplicatorFunction": replicator.function,
            "SweeperFunction": sweep.function,
        }
        for key, value in outputs.items():
            cdk.CfnOutput(self, key, value=value)
