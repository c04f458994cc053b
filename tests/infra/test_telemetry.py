"""What one Region's telemetry stack must hold."""

import pytest
from tests.infra.test_synth import TELEMETRIES, text_of

from hotsite.core.telemetry import MESSAGE_BYTES_MAX
from hotsite.infra.constructs import telemetry

pytestmark = pytest.mark.parametrize("stack", TELEMETRIES)


def rules(assembly, stack):
    return {
        rule["RuleName"].removeprefix("hotsite_"): rule["TopicRulePayload"]
        for rule in assembly.properties(stack, "IoT::TopicRule")
    }


def test_live_message_becomes_a_row_and_its_errors_go_elsewhere(
    assembly, settings, stack
):
    payload = rules(assembly, stack)["telemetry"]
    region = stack.removeprefix("telemetry-")
    assert payload["Sql"].startswith(
        "SELECT sk, epoch, seq, published_at_s, data, topic(2) AS pk,"
        f" '{region}' AS origin, timestamp() / 1000 AS received_at_s,"
        " timestamp() / 1000 + 2592000 AS expires_at_s FROM 'dt/+/telemetry' WHERE "
    )
    action, cold = payload["Actions"]
    put = action["DynamoDBv2"]["PutItem"]
    assert put["TableName"] == settings.table("telemetry")
    assert payload["ErrorAction"].keys() == {"Sqs"}
    assert cold["Firehose"]["DeliveryStreamName"] == "hotsite-telemetry"
    assert cold["Firehose"]["Separator"] == "\n"


def test_every_topic_of_a_device_has_a_rule_and_what_is_no_message_another(
    assembly, stack
):
    found = rules(assembly, stack)
    topics = {noun: rule["Sql"].split(" FROM ")[1] for noun, rule in found.items()}
    assert topics.keys() == {"telemetry", "refused", "batch", "resume"}
    assert topics["refused"].startswith("'dt/+/telemetry' WHERE ")
    assert (topics["batch"], topics["resume"]) == ("'dt/+/batch'", "'dt/+/resume'")
    assert found["refused"]["ErrorAction"].keys() == {"CloudwatchLogs"}
    for noun in ("batch", "resume"):
        assert found[noun]["Actions"][0].keys() == {"Lambda"}
        assert found[noun]["ErrorAction"].keys() == {"Sqs"}


def test_rule_and_core_refuse_the_same_size(stack):
    assert stack
    assert telemetry.DATA_BYTES_MAX == MESSAGE_BYTES_MAX


def test_what_a_function_could_not_do_goes_to_the_queue_of_errors(assembly, stack):
    (mapping,) = assembly.properties(stack, "Lambda::EventSourceMapping")
    queue = mapping["EventSourceArn"]
    found = assembly.properties(stack, "Lambda::EventInvokeConfig")
    assert len(found) == 2
    for config in found:
        assert config["DestinationConfig"]["OnFailure"]["Destination"] == queue


def test_answers_go_to_one_topic_of_each_device_and_nowhere_else(assembly, stack):
    published = [
        text_of(statement["Resource"])
        for role in assembly.properties(stack, "IAM::Role")
        for statement in role["Policies"][0]["PolicyDocument"]["Statement"]
        if statement["Action"] == "iot:Publish"
    ]
    (topic,) = published
    assert topic.endswith(":topic/cmd/*/resume")
