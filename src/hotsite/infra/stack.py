"""The one form of all apps and stacks: a Region of its own, a compact template."""

import aws_cdk as cdk
from constructs import Construct


def new_app(out_dir: str) -> cdk.App:
    """Return an app without stacks.

    Args:
        out_dir: Where ``App.synth`` will write.
    """
    return cdk.App(
        outdir=out_dir,
        analytics_reporting=False,
        tree_metadata=False,
        # More than half of a synthesis; validation.py asks the same engine.
        builtin_cloud_formation_validation=False,
        # Templates without assets need no CDK bootstrap in the owner's account.
        default_stack_synthesizer=cdk.BootstraplessSynthesizer(),
    )


class RegionStack(cdk.Stack):
    """A stack in one Region; it knows nothing of other stacks."""

    def __init__(self, scope: Construct, name: str, *, region: str) -> None:
        super().__init__(
            scope,
            name,
            env=cdk.Environment(region=region),
            # CloudFormation takes 51,200 bytes of template body.
            suppress_template_indentation=True,
        )
