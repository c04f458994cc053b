"""The RPO meter's function, its stream and its alarm."""

import pytest
from tests.infra.test_functions import grants
from tests.infra.test_synth import text_of

from hotsite.adapters.aws import metrics
from hotsite.faces.lambdas import measures
from hotsite.infra.constructs import alarms

REGIONS = ("eu-central-1", "eu-west-1")
pytestmark = pytest.mark.parametrize("region", REGIONS)


def test_meter_reads_the_hot_tables_own_stream_and_may_lose_its_place(assembly, region):
    (mapping,) = (
        one
        for one in assembly.properties(
            f"telemetry-{region}", "Lambda::EventSourceMapping"
        )
        if one["EventSourceArn"] == {"Ref": "TelemetryStreamArn"}
    )
    assert mapping["FunctionName"]["Fn::GetAtt"][0].startswith("Meter")
    assert mapping["StartingPosition"] == "LATEST"
    assert mapping["MaximumBatchingWindowInSeconds"] == 2
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["MaximumRecordAgeInSeconds"] == 60
    site = assembly.template(f"site-{region}")["Outputs"]
    assert "TelemetryStreamArn" in site


def test_meter_may_read_one_stream_list_one_bucket_and_keep_its_readings(
    assembly, region
):
    found = grants(assembly, region, "meter")
    found = {pair for pair in found if not pair[0].startswith("logs:")}
    base = "arn:<AWS::Partition>"
    own = f"{base}:dynamodb:<AWS::Region>:<AWS::AccountId>:table/hotsite-applied"
    bucket = f"{base}:s3:::hotsite-telemetry-<AWS::AccountId>-{region}"
    stream = "<TelemetryStreamArn>"
    assert found == {
        ("dynamodb:DescribeStream", stream),
        ("dynamodb:GetRecords", stream),
        ("dynamodb:GetShardIterator", stream),
        ("dynamodb:ListStreams", "*"),
        ("dynamodb:GetItem", own),
        ("dynamodb:PutItem", own),
        ("s3:ListBucket", bucket),
    }


def test_half_the_outbox_wakes_somebody_and_so_does_silence_where_all_is_on(
    assembly, settings, region
):
    (alarm,) = (
        one
        for one in assembly.properties(f"replication-{region}", "CloudWatch::Alarm")
        if one["MetricName"] == alarms.RPO_HOT
    )
    assert alarm["Namespace"] == metrics.NAMESPACE
    assert alarm["MetricName"] == measures.RPO_HOT
    assert alarm["Threshold"] == settings.outbox.reach_s / 2 == 210
    assert alarm["ComparisonOperator"] == "GreaterThanThreshold"
    missing = alarm["TreatMissingData"]
    by_choice = {"Fn::If": ["IsOn", "breaching", "notBreaching"]}
    assert missing == (by_choice if region == REGIONS[1] else "breaching")
    assert text_of(alarm["Dimensions"][0]["Value"]) == settings.prefix
