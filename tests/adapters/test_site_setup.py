"""The pure pieces of the site's setup; its calls are tested on the local cloud."""

import json

import pytest

from hotsite.adapters.aws.site_setup import (
    EVENTS,
    Wish,
    certificate_id_of,
    missing_events,
    stream_of,
)
from hotsite.errors import NotReadyError

STREAM = "arn:aws:dynamodb:eu-west-1:1:table/t/stream/2026-01-01T00:00:00.000"


def test_the_stream_of_an_active_replica_is_returned():
    table = {"TableName": "t", "TableStatus": "ACTIVE", "LatestStreamArn": STREAM}
    assert stream_of({"Table": table}) == STREAM


@pytest.mark.parametrize(
    "table",
    [
        {"TableName": "t", "TableStatus": "CREATING", "LatestStreamArn": STREAM},
        {"TableName": "t", "TableStatus": "ACTIVE"},
    ],
)
def test_a_replica_that_is_not_there_yet_is_waited_for(table):
    with pytest.raises(NotReadyError, match="table t has no active replica"):
        stream_of({"Table": table})


@pytest.mark.parametrize(
    ("enabled", "missing"),
    [
        ({}, EVENTS),
        ({name: {"Enabled": True} for name in EVENTS}, ()),
        (
            {**{name: {"Enabled": True} for name in EVENTS}, "THING": {}},
            ("THING",),
        ),
        (
            {
                **{name: {"Enabled": True} for name in EVENTS},
                "THING_TYPE": {"Enabled": False},
            },
            ("THING_TYPE",),
        ),
    ],
)
def test_only_events_that_are_off_are_enabled(enabled, missing):
    assert missing_events({"eventConfigurations": enabled}) == missing


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        ("", None),
        ("a password of somebody else", None),
        ("[]", None),
        ("{}", None),
        (json.dumps({"certificate_id": 7}), None),
        (json.dumps({"certificate_id": "ab"}), "ab"),
    ],
)
def test_only_what_setup_wrote_counts_as_the_canarys_certificate(secret, expected):
    assert certificate_id_of(secret) == expected


def test_arns_are_of_the_sites_own_region_and_account():
    wish = Wish(
        account_id="123456789012",
        region="eu-west-1",
        registry="r",
        telemetry="h",
        fleet_group="g",
        fleet_policy="p",
        thing_type="t",
        canary_thing="c",
        canary_secret="s",
    )
    expected = "arn:aws:iot:eu-west-1:123456789012:thinggroup/g"
    assert wish.arn("thinggroup/g") == expected
