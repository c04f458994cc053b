"""What one Region's telemetry stack must hold."""

import pytest
from tests.infra.test_synth import TELEMETRIES

pytestmark = pytest.mark.parametrize("stack", TELEMETRIES)


def test_telemetry_is_stored_and_its_errors_go_elsewhere(assembly, settings, stack):
    (rule,) = assembly.properties(stack, "IoT::TopicRule")
    assert rule["RuleName"] == "hotsite_telemetry"
    payload = rule["TopicRulePayload"]
    assert payload["Sql"] == (
        "SELECT sk, epoch, seq, published_at_s, data, topic(2) AS pk"
        " FROM 'dt/+/telemetry'"
    )
    (action,) = payload["Actions"]
    put = action["DynamoDBv2"]["PutItem"]
    assert put["TableName"] == settings.table("telemetry")
    assert payload["ErrorAction"].keys() == {"Sqs"}
