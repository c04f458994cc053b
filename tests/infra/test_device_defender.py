"""What AWS IoT Device Defender's audit would say of the policy of all devices.

Two of its checks judge policies (AWS IoT Device Defender developer guide, "Audit
checks"): IOT_POLICY_OVERLY_PERMISSIVE_CHECK ("AWS IoT policies overly permissive")
and IOT_POLICY_POTENTIAL_MISCONFIGURATION_CHECK ("AWS IoT policy potentially
misconfigured"). Three more judge roles for devices and apps that must not exist
here: role aliases (IOT_ROLE_ALIAS_OVERLY_PERMISSIVE_CHECK,
IOT_ROLE_ALIAS_ALLOWS_ACCESS_TO_UNUSED_SERVICES_CHECK) and Cognito's
(UNAUTHENTICATED_COGNITO_ROLE_OVERLY_PERMISSIVE_CHECK). The rest of the audit is of
certificates and connections of a running fleet. We ask for more than they do: a
variable that names the device, as a whole level, in front of every wildcard.
"""

import re

import pytest
from tests.infra.test_synth import text_of

REGIONS = ("eu-central-1", "eu-west-1")
THING = "${iot:Connection.Thing.ThingName}"
# What the check calls MQTT permissions, with the resource that each is for.
KINDS = {
    "iot:Connect": "client",
    "iot:Publish": "topic",
    "iot:Receive": "topic",
    "iot:Subscribe": "topicfilter",
}
ATTACHED = {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}


def listed(value):
    return value if isinstance(value, list) else [value]


def objections(document):
    """Yield why the audit, or we, would find a policy too broad or misleading."""
    for statement in document["Statement"]:
        for resource in listed(statement["Resource"]):
            text = text_of(resource)
            for action in listed(statement["Action"]):
                if statement["Effect"] == "Deny":
                    yield from _of_denial(text)
                else:
                    yield from _of_grant(action, text, statement.get("Condition"))


def _of_denial(text):
    # POLICY_CONTAINS_MQTT_WILDCARDS_IN_DENY_STATEMENT: a policy takes them literally.
    if re.search(r"(^|[/:])[+#](/|$)", text):
        yield f"denies an MQTT wildcard: {text}"
    # TOPIC_FILTERS_INTENDED_TO_DENY_ALLOWED_USING_WILDCARDS: a wider filter gets in.
    if ":topicfilter/" in text:
        yield f"denies a topic filter that a wider one evades: {text}"


def _of_grant(action, text, condition):
    # ALLOWS_BROAD_ACCESS_TO_IOT_DATA_PLANE_ACTIONS.
    kind = KINDS.get(action)
    if kind is None:
        yield f"allows {action}, which is no MQTT permission"
        return
    head, _, path = text.partition(f":{kind}/")
    if not path:
        yield f"{action} on {text}, which is no {kind}"
        return
    if "*" in head or "?" in head:
        yield f"{action} in any Region or account: {text}"
    levels = path.split("/")
    before = levels[: levels.index(THING)] if THING in levels else levels
    if THING not in levels:
        yield f"{action} on more than the device's own: {text}"
    if any(set(level) & set("*?+#") for level in before):
        yield f"{action} with a wildcard in front of the device: {text}"
    if any(set(level) & set("+#") for level in levels):
        yield f"{action} with an MQTT wildcard: {text}"
    if action == "iot:Connect" and (path != THING or condition != ATTACHED):
        yield f"connects as somebody else than the attached thing: {text}"


def policy(*statements):
    return {"Statement": list(statements)}


def allow(action, resource, **more):
    arn = f"arn:aws:iot:eu-central-1:123456789012:{resource}"
    return {"Effect": "Allow", "Action": action, "Resource": arn, **more}


@pytest.mark.parametrize("region", REGIONS)
def test_the_audit_finds_nothing_in_the_policy_of_all_devices(assembly, region):
    found = assembly.properties(f"site-{region}", "IoT::Policy")
    assert len(found) == 1
    assert list(objections(found[0]["PolicyDocument"])) == []


def test_no_other_stack_gives_a_device_or_a_stranger_rights(assembly):
    endings = [
        path.name.removeprefix("hotsite-").removesuffix(".template.json")
        for path in assembly.paths
    ]
    for ending in endings:
        kinds = {
            resource["Type"]
            for resource in assembly.template(ending)["Resources"].values()
        }
        assert not {kind for kind in kinds if kind.startswith("AWS::Cognito")}
        assert "AWS::IoT::RoleAlias" not in kinds
        if "AWS::IoT::Policy" in kinds:
            assert ending.startswith("site-")


# Of the guide's own examples, and what resembles them.
BROAD = {
    "any client": allow("iot:Connect", "client/*", Condition=ATTACHED),
    "any identifier": allow("iot:Connect", "client/${iot:ClientId}"),
    "not attached": allow("iot:Connect", f"client/{THING}"),
    "names that begin alike": allow(
        "iot:Connect", f"client/{THING}*", Condition=ATTACHED
    ),
    "any topic": allow("iot:Publish", "topic/*"),
    "anybody's shadow": allow("iot:Publish", "topic/$aws/things/*/shadow/update"),
    "a name that ends alike": allow("iot:Publish", f"topic/dt/*{THING}/x"),
    "any shadow by filter": allow(
        "iot:Subscribe", "topicfilter/$aws/things/+/shadow/get/accepted"
    ),
    "any job by filter": allow("iot:Subscribe", "topicfilter/$aws/things/*/jobs/*"),
    "any command": allow("iot:Receive", "topic/cmd/*"),
    "a wildcard behind": allow("iot:Subscribe", f"topicfilter/cmd/{THING}/#"),
    "every action": allow("iot:*", f"topic/dt/{THING}/*"),
    "shadows by HTTPS": allow("iot:UpdateThingShadow", "thing/*"),
    "jobs by HTTPS": allow("iot:GetPendingJobExecutions", "thing/*"),
    "every resource": {"Effect": "Allow", "Action": "iot:Publish", "Resource": "*"},
    "every account": {
        "Effect": "Allow",
        "Action": "iot:Publish",
        "Resource": f"arn:aws:iot:*:*:topic/dt/{THING}/*",
    },
    "a misleading denial": {
        **allow("iot:Publish", "topic/building/#"),
        "Effect": "Deny",
    },
    "a denial that is evaded": {
        **allow("iot:Subscribe", "topicfilter/building/control_room/*"),
        "Effect": "Deny",
    },
}


@pytest.mark.parametrize("statement", BROAD.values(), ids=BROAD)
def test_a_policy_that_the_audit_objects_to_is_seen(statement):
    assert list(objections(policy(statement)))
