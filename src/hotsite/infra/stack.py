"""The one form of all stacks: a Region of its own, a compact template."""

import aws_cdk as cdk
from constructs import Construct


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
