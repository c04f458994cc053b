"""What IoT Core of a site must hold before a device exists."""

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iot as iot
from constructs import Construct

from hotsite.infra.inputs import SiteInputs, arn

_THING = "${iot:Connection.Thing.ThingName}"
# Its own jobs, for firmware that wants to hear when to update.
_JOBS = f"$aws/things/{_THING}/jobs/*"
_SPEAKS = (
    ("Publish", f"topic/dt/{_THING}/*"),
    ("Subscribe", f"topicfilter/cmd/{_THING}/*"),
    ("Receive", f"topic/cmd/{_THING}/*"),
    ("Publish", f"topic/{_JOBS}"),
    ("Subscribe", f"topicfilter/{_JOBS}"),
    ("Receive", f"topic/{_JOBS}"),
)


class Fleet(Construct):
    """Thing type, thing group and the one policy of all devices."""

    def __init__(self, scope: Construct, inputs: SiteInputs) -> None:
        super().__init__(scope, "Fleet")
        settings = inputs.settings
        # Refused attributes and types would make two Regions differ, so the type
        # searches nothing and the group carries nothing.
        thing_type = iot.CfnThingType(self, "Type", thing_type_name=settings.thing_type)
        # Things outlive the stack, and their type cannot be deleted before them (AWS
        # IoT API reference, DeleteThingType).
        thing_type.cfn_options.deletion_policy = cdk.CfnDeletionPolicy.RETAIN
        thing_type.cfn_options.update_replace_policy = cdk.CfnDeletionPolicy.RETAIN
        group = iot.CfnThingGroup(self, "Group", thing_group_name=settings.fleet_group)
        policy = iot.CfnPolicy(
            self,
            "Policy",
            policy_name=inputs.policy_name,
            policy_document=policy_document(),
        )
        self.parts: tuple[cdk.CfnResource, ...] = (thing_type, group, policy)


def policy_document() -> dict[str, Any]:
    """Return the IoT policy: a device is itself, and speaks only for itself.

    ``client/${iot:Connection.Thing.ThingName}`` with ``IsAttached`` is the form
    that Device Defender's audit accepts (AWS IoT Device Defender developer guide,
    "AWS IoT policies overly permissive"). The thing variables need the
    certificate attached to the thing in this Region and the client identifier
    equal to the thing's name ("Thing policy variables").
    """
    allow = {"Effect": "Allow"}
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                **allow,
                "Action": "iot:Connect",
                "Resource": arn("iot", f"client/{_THING}"),
                "Condition": {"Bool": {"iot:Connection.Thing.IsAttached": "true"}},
            },
            *(
                {**allow, "Action": f"iot:{action}", "Resource": arn("iot", resource)}
                for action, resource in _SPEAKS
            ),
        ],
    }
