"""Buckets, queues and topics refuse plain text, and let in whom they must."""

import json

import pytest
from tests.infra.test_synth import text_of

# What names what a policy is for, by type of policy.
POLICIES = {
    "S3::BucketPolicy": ("S3::Bucket", "Bucket"),
    "SNS::TopicPolicy": ("SNS::Topic", "Topics"),
    "SQS::QueuePolicy": ("SQS::Queue", "Queues"),
}
REGIONS = ("eu-central-1", "eu-west-1")


def of_kind(template, kind):
    found = template["Resources"].items()
    return {k: r["Properties"] for k, r in found if r["Type"] == f"AWS::{kind}"}


def named(value):
    return [each["Ref"] for each in (value if isinstance(value, list) else [value])]


@pytest.mark.parametrize("policy", POLICIES)
def test_each_has_one_policy_because_a_second_one_would_replace_it(assembly, policy):
    kind, member = POLICIES[policy]
    counted = 0
    for path in assembly.paths:
        template = json.loads(path.read_text())
        there = sorted(of_kind(template, kind))
        policies = of_kind(template, policy).values()
        assert sorted(name for one in policies for name in named(one[member])) == there
        counted += len(there)
    assert counted >= len(REGIONS)


@pytest.mark.parametrize("region", REGIONS)
def test_alarms_of_this_account_and_region_reach_the_topic(assembly, region):
    (policy,) = assembly.properties(f"replication-{region}", "SNS::TopicPolicy")
    publish, own, refusal = policy["PolicyDocument"]["Statement"]
    here = "<AWS::Region>:<AWS::AccountId>"
    assert publish["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
    assert (publish["Effect"], publish["Action"]) == ("Allow", "sns:Publish")
    account = publish["Condition"].pop("StringEquals")
    assert account == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    source = publish["Condition"].pop("ArnLike")["aws:SourceArn"]
    assert text_of(source) == f"arn:<AWS::Partition>:cloudwatch:{here}:alarm:*"
    assert publish["Condition"] == {}
    owner = text_of(own["Principal"]["AWS"])
    assert owner == "arn:<AWS::Partition>:iam::<AWS::AccountId>:root"
    assert (own["Effect"], refusal["Effect"]) == ("Allow", "Deny")
    # Amazon SNS refuses a policy that names more than can be asked of a topic.
    assert own["Action"] == refusal["Action"]
    assert not [action for action in own["Action"] if "*" in action]
    (topic,) = of_kind(assembly.template(f"replication-{region}"), "SNS::Topic")
    for statement in (publish, own, refusal):
        assert statement["Resource"] == {"Ref": topic}


@pytest.mark.parametrize("region", REGIONS)
def test_what_cloudtrail_tells_reaches_its_queue(assembly, region):
    stack = f"replication-{region}"
    policies = assembly.properties(stack, "SQS::QueuePolicy")
    allowed = [
        (one["Queues"], statement)
        for one in policies
        for statement in one["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    ((queues, statement),) = allowed
    rules = assembly.resources(stack, "Events::Rule")
    (rule,) = (k for k, r in rules.items() if "EventPattern" in r["Properties"])
    (target,) = rules[rule]["Properties"]["Targets"]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    source = {"aws:SourceArn": {"Fn::GetAtt": [rule, "Arn"]}}
    assert statement["Condition"] == {"ArnEquals": source}
    assert statement["Resource"] == target["Arn"]
    assert [{"Fn::GetAtt": [each["Ref"], "Arn"]} for each in queues] == [target["Arn"]]
