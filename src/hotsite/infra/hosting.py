"""The stack that serves the companion app to people; nobody has it who does not ask.

It is no part of the plan of ``hotsite deploy``: sites need no app, and the app's
Region (us-east-1, see ``constructs.hosting``) is none of theirs.
"""

import tempfile
from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

from hotsite.infra.constructs.hosting import Headers, Hosting
from hotsite.infra.stack import RegionStack, new_app
from hotsite.settings import Settings

REGION = "us-east-1"


class HostingStack(RegionStack):
    """The companion app under ``app.<domain>``."""

    def __init__(
        self, scope: Construct, name: str, settings: Settings, headers: Headers
    ) -> None:
        super().__init__(scope, name, region=REGION)
        zone = cdk.CfnParameter(
            self, "HostedZoneId", type="String", description="Route 53 zone"
        )
        names = {
            "app": settings.app_name,
            "bucket": f"{settings.prefix}-app-{cdk.Aws.ACCOUNT_ID}",
            "prefix": settings.prefix,
        }
        hosting = Hosting(
            self, names=names, zone_id=zone.value_as_string, headers=headers
        )
        cdk.CfnOutput(self, "Bucket", value=hosting.bucket.ref)
        cdk.CfnOutput(self, "Distribution", value=hosting.distribution.ref)


def build(settings: Settings, headers: Headers, out_dir: str) -> cdk.App:
    """Build the app without writing anything.

    Args:
        settings: The owner's settings.
        headers: Of every answer, as the app needs them.
        out_dir: Where ``App.synth`` will write.
    """
    app = new_app(out_dir)
    HostingStack(app, f"{settings.prefix}-app", settings, headers)
    return app


def synthesise(settings: Settings, headers: Headers, out: Path) -> Path:
    """Write the template, byte for byte the same each time.

    Args:
        settings: The owner's settings.
        headers: Of every answer, as the app needs them.
        out: The file; its folder must be there.
    """
    with tempfile.TemporaryDirectory() as directory:
        build(settings, headers, directory).synth()
        name = f"{settings.prefix}-app.template.json"
        out.write_bytes((Path(directory) / name).read_bytes())
    return out
