"""The page of each site: JSON, of this Region, of metrics that somebody gives."""

import json

import pytest

from hotsite.adapters.aws import metrics
from hotsite.faces.lambdas import measures
from hotsite.infra.constructs import alarms

REGIONS = ("eu-central-1", "eu-west-1")


def page(assembly, region):
    (dashboard,) = assembly.properties(f"replication-{region}", "CloudWatch::Dashboard")
    body = dashboard["DashboardBody"]
    glue, parts = body["Fn::Join"]
    names = {"AWS::Region": region, "AWS::AccountId": "1" * 12, "AWS::Partition": "aws"}
    text = glue.join(
        part if isinstance(part, str) else names.get(part.get("Ref"), "queue")
        for part in parts
    )
    return dashboard["DashboardName"], json.loads(text)


@pytest.mark.parametrize("region", REGIONS)
def test_the_page_is_json_of_this_region_and_nothing_overlaps(assembly, region):
    name, body = page(assembly, region)
    assert name == f"hotsite-{region}"
    places = {(one["x"], one["y"]) for one in body["widgets"]}
    assert len(places) == len(body["widgets"])
    assert all(one["x"] + one["width"] <= 24 for one in body["widgets"])
    graphs = [one["properties"] for one in body["widgets"] if one["type"] == "metric"]
    assert {graph["region"] for graph in graphs} == {region}


def test_every_alarm_is_on_the_page(assembly):
    _, body = page(assembly, REGIONS[0])
    found = assembly.properties("replication-eu-central-1", "CloudWatch::Alarm")
    (shown,) = (w["properties"] for w in body["widgets"] if w["type"] == "alarm")
    assert {arn.rpartition(":")[2] for arn in shown["alarms"]} == {
        one["AlarmName"] for one in found
    }
    assert all(
        arn.startswith("arn:aws:cloudwatch:eu-central-1:") for arn in shown["alarms"]
    )


def test_every_metric_of_ours_is_one_that_a_function_gives(assembly):
    _, body = page(assembly, REGIONS[0])
    given = {
        value
        for name, value in vars(measures).items()
        if name.isupper() and isinstance(value, str)
    }
    rows = [
        row
        for one in body["widgets"]
        if one["type"] == "metric"
        for row in one["properties"]["metrics"]
    ]
    ours = {row[1] for row in rows if row[0] == alarms.NAMESPACE}
    assert alarms.NAMESPACE == metrics.NAMESPACE
    assert len(ours) >= 9
    assert ours <= given
