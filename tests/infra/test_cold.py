"""What one Region's cold stacks must hold."""

import pytest
from tests.infra.test_synth import COLDS, COPIES, text_of

from hotsite.core.buckets import cold_bucket

pytestmark = pytest.mark.parametrize("stack", COLDS)


def region_of(stack):
    return stack.removeprefix("cold-")


def streams(assembly, stack):
    found = assembly.properties(stack, "KinesisFirehose::DeliveryStream")
    return {
        each["DeliveryStreamName"]: each["ExtendedS3DestinationConfiguration"]
        for each in found
    }


def test_the_bucket_is_kept_versioned_encrypted_and_private(assembly, stack):
    (bucket,) = assembly.resources(stack, "S3::Bucket").values()
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    found = bucket["Properties"]
    name = cold_bucket("hotsite", "<AWS::AccountId>", region_of(stack))
    assert text_of(found["BucketName"]) == name
    assert len(cold_bucket("p" * 20, "1" * 12, "ap-southeast-1")) <= 63
    assert found["VersioningConfiguration"] == {"Status": "Enabled"}
    assert set(found["PublicAccessBlockConfiguration"].values()) == {True}
    (rule,) = found["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    key = rule["ServerSideEncryptionByDefault"]
    assert key["SSEAlgorithm"] == "aws:kms"
    base = "arn:<AWS::Partition>:kms:<AWS::Region>:<AWS::AccountId>:key/"
    assert text_of(key["KMSMasterKeyID"]) == f"{base}<KeyId>"
    assert "ReplicationConfiguration" not in found


def test_nobody_reads_the_bucket_without_tls(assembly, stack):
    (policy,) = assembly.properties(stack, "S3::BucketPolicy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Principal"] in ("*", {"AWS": "*"})
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert len(statement["Resource"]) == 2


def test_messages_become_parquet_below_the_prefix_of_this_region(assembly, stack):
    region = region_of(stack)
    found = streams(assembly, stack)
    assert found.keys() == {"hotsite-telemetry", "hotsite-raw"}
    messages = found["hotsite-telemetry"]
    hour = "date=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
    assert messages["Prefix"] == f"telemetry/region={region}/{hour}"
    assert messages["BufferingHints"]["IntervalInSeconds"] == 60
    conversion = messages["DataFormatConversionConfiguration"]
    assert "ParquetSerDe" in conversion["OutputFormatConfiguration"]["Serializer"]
    for stream in found.values():
        kind = "!{firehose:error-output-type}"
        assert stream["ErrorOutputPrefix"] == f"errors/region={region}/{kind}/{hour}"


def test_the_schema_has_the_columns_of_the_records(assembly, stack):
    (table,) = assembly.properties(stack, "Glue::Table")
    columns = table["TableInput"]["StorageDescriptor"]["Columns"]
    assert {each["Name"]: each["Type"] for each in columns} == {
        "pk": "string",
        "sk": "string",
        "epoch": "bigint",
        "seq": "bigint",
        "published_at_s": "double",
        "received_at_s": "double",
        "origin": "string",
        "data": "string",
    }
    parts = [each["Name"] for each in table["TableInput"]["PartitionKeys"]]
    assert parts == ["region", "date", "hour"]


def test_all_that_devices_publish_is_archived_as_it_came(assembly, stack):
    (rule,) = assembly.properties(stack, "IoT::TopicRule")
    payload = rule["TopicRulePayload"]
    assert payload["Sql"].endswith("FROM 'dt/#'")
    assert "encode(*, 'base64')" in payload["Sql"]
    (action,) = payload["Actions"]
    assert text_of(action["Firehose"]["DeliveryStreamName"]).startswith("<ColdRaw")
    assert payload["ErrorAction"].keys() == {"Sqs"}
    assert streams(assembly, stack)["hotsite-raw"]["CompressionFormat"] == "GZIP"


def test_only_its_own_messages_are_copied_and_by_this_sites_setup(assembly, stack):
    copies = COPIES[COLDS.index(stack)]
    resources = assembly.template(copies)["Resources"].values()
    (wish,) = (r["Properties"] for r in resources if r["Type"].startswith("Custom::"))
    assert wish["Prefix"] == f"telemetry/region={region_of(stack)}/"
    assert text_of(wish["ServiceToken"]).endswith(":function:hotsite-setup")
    assert wish["ReplicaBucket"] == {"Ref": "ReplicaBucket"}
    (copier,) = assembly.properties(copies, "IAM::Role")
    (needs,) = copier["Policies"]
    actions = {
        action
        for statement in needs["PolicyDocument"]["Statement"]
        for action in (
            [statement["Action"]]
            if isinstance(statement["Action"], str)
            else statement["Action"]
        )
    }
    assert "s3:ReplicateObject" in actions
    assert "s3:ReplicateDelete" not in actions
