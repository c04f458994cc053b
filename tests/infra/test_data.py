"""The global tables and their key."""

import json

REGIONS = ["eu-central-1", "eu-west-1"]


def test_one_stack_owns_every_replica_and_each_is_protected(assembly, settings):
    tables = assembly.resources("data", "DynamoDB::GlobalTable")
    names = {table["Properties"]["TableName"] for table in tables.values()}
    nouns = ("registry", "telemetry", "operations")
    assert names == {settings.table(noun) for noun in nouns}
    for table in tables.values():
        assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
        properties = table["Properties"]
        assert properties["StreamSpecification"] == {
            "StreamViewType": "NEW_AND_OLD_IMAGES"
        }
        assert [r["Region"] for r in properties["Replicas"]] == REGIONS
        for replica in properties["Replicas"]:
            recovery = replica["PointInTimeRecoverySpecification"]
            assert recovery == {"PointInTimeRecoveryEnabled": True}
            assert replica["DeletionProtectionEnabled"] is True


def test_each_replica_uses_the_key_of_its_own_region(assembly):
    for table in assembly.properties("data", "DynamoDB::GlobalTable"):
        for replica in table["Replicas"]:
            key = replica["SSESpecification"]["KMSMasterKeyId"]["Fn::Join"][1]
            assert f":kms:{replica['Region']}:" in "".join(map(str, key))
            assert key[-1] == {"Ref": "KeyId"}


def test_everything_but_the_registry_may_expire(assembly, settings):
    expiry = {
        table["TableName"]: table.get("TimeToLiveSpecification")
        for table in assembly.properties("data", "DynamoDB::GlobalTable")
    }
    by_attribute = {"AttributeName": "expires_at_s", "Enabled": True}
    assert expiry == {
        settings.table("registry"): None,
        settings.table("telemetry"): by_attribute,
        settings.table("operations"): by_attribute,
    }


def test_nothing_acts_on_what_the_operations_table_streams(assembly):
    mappings = [
        each["Properties"]
        for path in assembly.paths
        for each in json.loads(path.read_text())["Resources"].values()
        if each["Type"] == "AWS::Lambda::EventSourceMapping"
    ]
    streams = {
        mapping["EventSourceArn"]["Ref"]
        for mapping in mappings
        if "StartingPosition" in mapping
    }
    assert streams == {"RegistryStreamArn", "TelemetryStreamArn"}


def test_the_key_is_one_key_in_two_regions(assembly):
    ((key, primary),) = assembly.resources("key-eu-central-1", "KMS::Key").items()
    ((_, replica),) = assembly.resources("key-eu-west-1", "KMS::ReplicaKey").items()
    assert primary["Properties"]["MultiRegion"] is True
    assert primary["Properties"]["EnableKeyRotation"] is True
    source = replica["Properties"]["PrimaryKeyArn"]["Fn::Join"][1]
    assert ":kms:eu-central-1:" in source
    assert source[-1] == {"Ref": "KeyId"}
    for resource in (primary, replica):
        assert resource["DeletionPolicy"] == "Retain"
    outputs = assembly.template("key-eu-central-1")["Outputs"]
    assert outputs["KeyId"]["Value"] == {"Ref": key}
