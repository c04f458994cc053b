"""The Lambdas of both stacks: their code, their settings, and what they may do."""

import importlib.util
import re

import pytest
from cfnlint.data import AdditionalSpecs
from cfnlint.helpers import load_resource
from tests.infra.test_synth import text_of

from hotsite.core import apis, events
from hotsite.core.registry import Kind
from hotsite.core.replication import Verb
from hotsite.faces.lambdas import environment
from hotsite.flows import restraint
from hotsite.infra import packaging
from hotsite.infra.constructs import alarms, capture

REGIONS = ("eu-central-1", "eu-west-1")
NOUNS = ("site", "replication", "telemetry", "firmware")
pytestmark = pytest.mark.parametrize("region", REGIONS)
# What the local cloud checks on * only: see infra/constructs/permissions.py.
BROADER_THAN_AWS_NEEDS = {
    "iot:AttachPolicy",
    "iot:DeleteCACertificate",
    "iot:DescribeCACertificate",
    "iot:DetachPolicy",
    "iot:ListPrincipalThings",
    "iot:UpdateCACertificate",
}
# The whole data plane of shadows counts as one API in the quotas.
SHADOW_ACTIONS = {
    "DeleteThingShadow",
    "GetThingShadow",
    "ListNamedShadowsForThing",
    "UpdateThingShadow",
}
KNOWN = load_resource(AdditionalSpecs, "Policies.json")


def as_list(value):
    return value if isinstance(value, list) else [value]


def stacks(region):
    return tuple(f"{noun}-{region}" for noun in NOUNS)


def functions(assembly, region):
    return {
        properties["FunctionName"].removeprefix("hotsite-"): (stack, properties)
        for stack in stacks(region)
        for properties in assembly.properties(stack, "Lambda::Function")
    }


def statements(assembly, stack):
    for name, role in assembly.resources(stack, "IAM::Role").items():
        for policy in role["Properties"]["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, set(as_list(statement["Action"])), statement


def allowed(assembly, region, noun):
    """Return the IoT actions of one function's role."""
    return {
        action.removeprefix("iot:")
        for action, _ in grants(assembly, region, noun)
        if action.startswith("iot:")
    }


def grants(assembly, region, noun):
    """Return the actions of one function's role, each with what it is allowed on."""
    stack, function = functions(assembly, region)[noun]
    wanted = function["Role"]["Fn::GetAtt"][0]
    return {
        (action, text_of(resource))
        for role, actions, statement in statements(assembly, stack)
        if role == wanted
        for action in actions
        for resource in as_list(statement["Resource"])
    }


def looks(*kinds):
    counted = {api for kind in kinds for api in apis.calls_of_observation(kind, 1)}
    if apis.SHADOW_API not in counted:
        return counted
    return counted - {apis.SHADOW_API} | {"GetThingShadow", "ListNamedShadowsForThing"}


def changes(*verbs):
    return {apis.API_OF[verb] for verb in verbs} - {apis.SHADOW_API}


def test_every_function_has_a_handler_a_zip_and_all_its_settings(assembly, region):
    found = functions(assembly, region)
    assert found.keys() == set(packaging.FUNCTIONS)
    for noun, (_, function) in found.items():
        module, _, attribute = function["Handler"].rpartition(".")
        assert attribute == "handler"
        assert importlib.util.find_spec(module) is not None
        key = text_of(function["Code"]["S3Key"])
        assert key == f"<AssetKeyPrefix>{packaging.asset_name(noun)}"
        variables = function["Environment"]["Variables"]
        plain = {
            name: value if isinstance(value, str) else ""
            for name, value in variables.items()
        }
        read = environment.read(plain)
        assert (read.region, read.prefix) == (region, "hotsite")


def test_who_applies_records_may_make_every_call_of_a_plan(assembly, region):
    needed = looks(*Kind) | changes(*Verb) | SHADOW_ACTIONS
    assert needed <= allowed(assembly, region, "replicator")
    assert needed | set(apis.PAGE_API_OF.values()) <= allowed(
        assembly, region, "sweeper"
    )


def test_onboarding_may_do_what_lets_a_device_in_and_no_more(assembly, region):
    # The latter for keys in escrow, which these templates have turned on.
    issues = {apis.ISSUE_API, "CreateKeysAndCertificate"}
    wanted = issues | looks(Kind.THING) | changes(*restraint.VERBS)
    assert allowed(assembly, region, "onboarding") == wanted


def test_capture_looks_and_changes_nothing_in_iot_core(assembly, region):
    found = allowed(assembly, region, "capture")
    assert looks(*Kind) <= found
    assert not {name for name in found if not re.match("Describe|Get|List", name)}


@pytest.mark.parametrize("noun", ["capture", "sweeper"])
def test_who_takes_outside_changes_in_may_write_a_revocation(assembly, region, noun):
    # A record is put, item by item; its revocations are updates, written once.
    allowed_on = {
        action.removeprefix("dynamodb:")
        for action, resource in grants(assembly, region, noun)
        if resource.endswith("table/hotsite-registry")
    }
    assert {"Query", "PutItem", "UpdateItem"} <= allowed_on


def test_roles_allow_named_actions_on_named_resources(assembly, region):
    for stack in stacks(region):
        for _, actions, statement in statements(assembly, stack):
            assert not any("*" in action for action in actions)
            if "*" not in as_list(statement["Resource"]):
                continue
            for action in actions - BROADER_THAN_AWS_NEEDS:
                service, _, name = action.partition(":")
                facts = KNOWN[service]["Actions"][name.lower()]
                assert "Resources" not in facts, action


def test_no_role_has_a_managed_policy(assembly, region):
    for stack in stacks(region):
        for role in assembly.properties(stack, "IAM::Role"):
            assert "ManagedPolicyArns" not in role


def test_the_stream_is_read_from_its_start_and_never_gets_stuck(assembly, region):
    stack = f"replication-{region}"
    (source,) = (
        properties
        for properties in assembly.properties(stack, "Lambda::EventSourceMapping")
        if "StartingPosition" in properties
    )
    assert source["EventSourceArn"] == {"Ref": "RegistryStreamArn"}
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BisectBatchOnFunctionError"] is True
    assert source["MaximumRetryAttempts"] == 10
    assert source["MaximumRecordAgeInSeconds"] == 23 * 3600
    assert source["MaximumBatchingWindowInSeconds"] == 0
    failed = source["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"]
    bucket = assembly.template(stack)["Resources"][failed[0]]
    assert bucket["Type"] == "AWS::S3::Bucket"
    assert bucket["DeletionPolicy"] == "Retain"


def test_the_stream_comes_from_the_setup_of_the_same_region(assembly, region):
    outputs = assembly.template(f"site-{region}")["Outputs"]
    name, attribute = outputs["RegistryStreamArn"]["Value"]["Fn::GetAtt"]
    setup = assembly.template(f"site-{region}")["Resources"][name]
    assert (setup["Type"], attribute) == ("Custom::HotsiteSetup", "RegistryStreamArn")


def test_registry_events_and_shadows_go_to_the_queue(assembly, region):
    stack = f"replication-{region}"
    filters = set()
    for rule in assembly.properties(stack, "IoT::TopicRule"):
        payload = rule["TopicRulePayload"]
        filters |= set(re.findall("FROM '(.*)'", payload["Sql"]))
        assert "topic() AS topic" in payload["Sql"]
        (action,) = payload["Actions"]
        assert action["Sqs"]["UseBase64"] is False
        assert payload["ErrorAction"].keys() == {"CloudwatchLogs"}
    assert filters == {
        "$aws/events/thing/#",
        "$aws/events/thingGroup/#",
        "$aws/events/thingGroupMembership/#",
        "$aws/events/thingType/#",
        "$aws/things/+/shadow/delete/accepted",
        "$aws/things/+/shadow/name/+/delete/accepted",
        "$aws/things/+/shadow/name/+/update/documents",
        "$aws/things/+/shadow/update/documents",
    }


def test_calls_without_an_event_are_heard_from_all_but_ourselves(assembly, region):
    (rule,) = (
        properties
        for properties in assembly.properties(f"replication-{region}", "Events::Rule")
        if "EventPattern" in properties
    )
    detail = rule["EventPattern"]["detail"]
    assert set(detail["eventName"]) == set(capture.CALLS) == events.CALLS.keys()
    (ours,) = detail["userIdentity"]["arn"]
    appliers = {"replicator", "onboarding", "sweeper", "setup"}
    assert set(ours["anything-but"]["suffix"]) == {f"/hotsite-{n}" for n in appliers}


def test_what_capture_cannot_take_in_is_kept(assembly, region):
    stack = f"replication-{region}"
    (told,) = (
        queue
        for queue in assembly.properties(stack, "SQS::Queue")
        if "RedrivePolicy" in queue
    )
    _, function = functions(assembly, region)["capture"]
    # Lambda developer guide, "Using Lambda with Amazon SQS": six times.
    assert told["VisibilityTimeout"] >= 6 * function["Timeout"]


def test_no_worker_outlives_its_lease(assembly, region):
    from hotsite.flows.replication import LEASE_S, WORKER_S_MAX  # noqa: PLC0415

    found = functions(assembly, region)
    for noun in ("onboarding", "replicator", "capture", "sweeper"):
        assert found[noun][1]["Timeout"] <= WORKER_S_MAX < LEASE_S


def test_the_sweep_runs_alone_and_again_and_again(assembly, region):
    stack = f"replication-{region}"
    (clock,) = (
        properties
        for properties in assembly.properties(stack, "Events::Rule")
        if "ScheduleExpression" in properties
    )
    assert clock["ScheduleExpression"] == "rate(5 minutes)"
    _, function = functions(assembly, region)["sweeper"]
    assert function["ReservedConcurrentExecutions"] == 1


def test_each_way_to_fail_has_an_alarm(assembly, region):
    stack = f"replication-{region}"
    found = {
        alarm["MetricName"]: alarm["Namespace"]
        for alarm in assembly.properties(stack, "CloudWatch::Alarm")
    }
    assert found == {
        alarms.LAG: alarms.NAMESPACE,
        alarms.PENDING: alarms.NAMESPACE,
        alarms.FAILED: alarms.NAMESPACE,
        alarms.REFUSED: alarms.NAMESPACE,
        alarms.RPO_HOT: alarms.NAMESPACE,
        alarms.NOT_READY: alarms.NAMESPACE,
        alarms.TURNED_AWAY: alarms.NAMESPACE,
        "IteratorAge": "AWS/Lambda",
        "OnFailureDestinationDeliveredEventCount": "AWS/Lambda",
        "ApproximateNumberOfMessagesVisible": "AWS/SQS",
    }
