"""What a bucket is told to replicate: what S3's own model takes, and no more."""

import boto3
import pytest
from botocore.stub import Stubber

from hotsite.adapters.aws.cold_copies import CopiesWish, establish

OWN = ("own", "telemetry/region=r/", "there-b", "key-b", "role")


@pytest.mark.parametrize(
    ("more", "buckets"),
    [
        ((), ["there-b"]),
        (
            (("there-c", "key-c"), ("there-d", "key-d")),
            ["there-b", "there-c", "there-d"],
        ),
    ],
)
def test_each_other_site_is_a_destination_with_a_key_and_a_priority(more, buckets):
    client = boto3.client(
        "s3", region_name="r-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    told = []
    with Stubber(client) as stubber:
        stubber.add_response("put_bucket_replication", {})
        client.meta.events.register(
            "provide-client-params.s3.PutBucketReplication",
            lambda params, **_: told.append(params),
        )
        establish(CopiesWish(*OWN, more), client)
    (params,) = told
    rules = params["ReplicationConfiguration"]["Rules"]
    goals = [rule["Destination"]["Bucket"].rpartition(":")[2] for rule in rules]
    assert goals == buckets
    assert [rule["Priority"] for rule in rules] == list(range(1, len(rules) + 1))
    assert len({rule["ID"] for rule in rules}) == len(rules)
    assert rules[0]["ID"] == "hotsite-own"
    assert {rule["Filter"]["Prefix"] for rule in rules} == {OWN[1]}
    keys = [
        rule["Destination"]["EncryptionConfiguration"]["ReplicaKmsKeyID"]
        for rule in rules
    ]
    assert keys == [f"key-{name[-1]}" for name in buckets]
