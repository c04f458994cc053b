"""What arrives in the queue of errors, as its writers document it."""

import base64
import json

import pytest

from hotsite.adapters.aws.refusals import refusal_of
from hotsite.core.arrivals import Refused

PAYLOAD = b'\xff{"seq":1}'
TEXT = base64.b64encode(PAYLOAD).decode()
TOPIC = "dt/oven/telemetry"
SELECTED = {"payload": TEXT, "topic": TOPIC, "thing": "oven", "at_ms": 90_500}
# AWS IoT developer guide, "Error action message format".
FAILED_RULE = {
    "ruleName": "hotsite_telemetry",
    "topic": TOPIC,
    "cloudwatchTraceId": "7e146a2c-95b5-6caf-98b9-50e3969734c7",
    "clientId": "oven",
    "base64OriginalPayload": TEXT,
    "failures": [
        {
            "failedAction": "DynamoDBv2Action",
            "failedResource": "hotsite-telemetry",
            "errorMessage": "Failed to insert: throttled",
        }
    ],
}
# Lambda developer guide, "Retaining records of asynchronous invocations".
FAILED_FUNCTION = {
    "version": "1.0",
    "requestContext": {"condition": "RetriesExhausted", "approximateInvokeCount": 3},
    "requestPayload": SELECTED,
    "responsePayload": {"errorMessage": "no room for 2 of 2 messages"},
}


@pytest.mark.parametrize(
    ("document", "reason", "at_s"),
    [
        (
            FAILED_RULE,
            "DynamoDBv2Action hotsite-telemetry Failed to insert: throttled",
            7,
        ),
        (FAILED_FUNCTION, "RetriesExhausted: no room for 2 of 2 messages", 90.5),
        (
            FAILED_FUNCTION | {"responsePayload": None},
            "RetriesExhausted",
            90.5,
        ),
        ({"requestPayload": SELECTED}, "the function failed", 90.5),
        (SELECTED, "", 90.5),
    ],
)
def test_each_writer_is_understood(document, reason, at_s):
    found = refusal_of(json.dumps(document), sent_at_s=7)
    assert found == Refused(TOPIC, PAYLOAD, reason, at_s)


@pytest.mark.parametrize(
    "body", ["", "[]", "null", '"x"', "{}", '{"payload":"?","topic":"t"}']
)
def test_what_nobody_can_read_is_kept_as_it_is(body):
    found = refusal_of(body, sent_at_s=7)
    assert (found.topic, found.payload, found.at_s) == ("", body.encode(), 7)
    assert found.reason == "an error that nobody can read"
