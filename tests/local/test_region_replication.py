"""Two Regions in two processes replicate a global table through the hook."""

import json
import threading
import time

import pytest
from tests.local.region_world import (
    STREAM_ACTIONS,
    Authority,
    config_of,
    eventually,
    function,
    running,
    table,
)

pytestmark = [pytest.mark.local, pytest.mark.timeout(60)]

TABLES = "/_hotsite/tables"


@pytest.fixture(scope="module")
def regions(tmp_path_factory):
    """Region a with its tables, and Region b with their replicas."""
    directory = tmp_path_factory.mktemp("regions")
    authority = Authority(directory)
    config_a = config_of(authority, directory, "eu-central-1", "127.0.11.3", "a")
    config_b = config_of(authority, directory, "eu-west-1", "127.0.12.1", "b")
    with running(config_a) as region_a, running(config_b) as region_b:
        yield region_a, region_b


@pytest.fixture
def replicated(regions, request):
    """The name of a new global table, empty in both Regions."""
    name = f"t{abs(hash(request.node.name))}"
    region_a, region_b = regions
    table(region_a, name, "sk")
    description = region_a.client("dynamodb").describe_table(TableName=name)["Table"]
    answer = make_replica(region_b, description)
    assert answer["created"]
    assert answer["stream_arn"].startswith("arn:aws:dynamodb:eu-west-1:")
    return name


def make_replica(region, description):
    plain = json.loads(json.dumps(description, default=str))
    status, answer = region.request("POST", f"{TABLES}/replicas", {"table": plain})
    assert status == 200
    return answer


def put(region, name, pk, value):
    region.client("dynamodb").put_item(TableName=name, Item=item(pk, value))


def item(pk, value):
    return {"pk": {"S": pk}, "sk": {"S": "record"}, "value": {"S": value}}


def key(pk):
    return {"pk": {"S": pk}, "sk": {"S": "record"}}


def value_of(region, name, pk):
    got = region.client("dynamodb").get_item(TableName=name, Key=key(pk))
    return got["Item"]["value"]["S"] if "Item" in got else None


def changes(region, name, **query):
    text = "&".join(f"{field}={one}" for field, one in query.items())
    status, answer = region.request("GET", f"{TABLES}/{name}/changes?{text}")
    assert status == 200
    return answer


def apply(region, name, *listed):
    status, answer = region.request(
        "POST", f"{TABLES}/{name}/apply", {"changes": listed}
    )
    assert status == 200
    return answer


def written(pk, value, at_s, origin):
    image = None if value is None else item(pk, value)
    return {"key": key(pk), "image": image, "written_at_s": at_s, "origin": origin}


def stream_length(region, name):
    dynamodb, streams = region.client("dynamodb"), region.client("dynamodbstreams")
    arn = dynamodb.describe_table(TableName=name)["Table"]["LatestStreamArn"]
    shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    iterator = streams.get_shard_iterator(
        StreamArn=arn,
        ShardId=shards[0]["ShardId"],
        ShardIteratorType="TRIM_HORIZON",
    )["ShardIterator"]
    return len(streams.get_records(ShardIterator=iterator)["Records"])


def test_a_write_appears_in_the_other_region_and_is_not_listed_there(
    regions, replicated
):
    region_a, region_b = regions
    put(region_a, replicated, "thing", "one")
    listed = changes(region_a, replicated)["changes"]
    assert [one["origin"] for one in listed] == ["eu-central-1"]
    assert apply(region_b, replicated, *listed)["applied"] == 1
    assert value_of(region_b, replicated, "thing") == "one"
    found = region_b.client("dynamodb").query(
        TableName=replicated,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "thing"}},
    )
    assert found["Items"] == [item("thing", "one")]
    assert changes(region_b, replicated)["changes"] == []
    any_origin = changes(region_b, replicated, origin="any")["changes"]
    assert [one["origin"] for one in any_origin] == ["eu-central-1"]


def test_a_replica_that_exists_is_left_alone(regions, replicated):
    region_a, region_b = regions
    put(region_b, replicated, "thing", "one")
    description = region_a.client("dynamodb").describe_table(TableName=replicated)
    assert not make_replica(region_b, description["Table"])["created"]
    assert value_of(region_b, replicated, "thing") == "one"


def test_a_replica_expires_items_by_the_same_attribute(regions):
    region_a, region_b = regions
    description = table(region_a, "expiring", "sk")
    plain = json.loads(json.dumps(description, default=str))
    body = {"table": plain, "time_to_live_attribute": "expires_at_s"}
    assert region_b.request("POST", f"{TABLES}/replicas", body)[0] == 200
    answer = region_b.client("dynamodb").describe_time_to_live(TableName="expiring")
    assert answer["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "expires_at_s",
    }


def test_the_later_writer_wins_in_whatever_order_writes_arrive(regions, replicated):
    _, region_b = regions
    newer = written("x", "newer", 2.0, "eu-central-1")
    older = written("x", "older", 1.0, "eu-west-3")
    assert apply(region_b, replicated, newer, older) == {
        "applied": 1,
        "lost": 1,
        "identical": 0,
    }
    assert value_of(region_b, replicated, "x") == "newer"
    assert stream_length(region_b, replicated) == 1


def test_of_two_writes_at_one_instant_the_greater_region_name_wins(regions, replicated):
    _, region_b = regions
    one, other = (written("x", name, 1.0, name) for name in ("eu-a", "eu-b"))
    apply(region_b, replicated, one, other)
    assert value_of(region_b, replicated, "x") == "eu-b"
    apply(region_b, replicated, one)
    assert value_of(region_b, replicated, "x") == "eu-b"


def test_a_deletion_replicates_and_an_older_write_cannot_revive_the_item(
    regions, replicated
):
    region_a, region_b = regions
    put(region_a, replicated, "gone", "one")
    (first,) = changes(region_a, replicated)["changes"]
    apply(region_b, replicated, first)
    region_a.client("dynamodb").delete_item(TableName=replicated, Key=key("gone"))
    (second,) = changes(region_a, replicated)["changes"]
    assert second["image"] is None
    apply(region_b, replicated, second, first)
    assert value_of(region_b, replicated, "gone") is None
    assert stream_length(region_b, replicated) == 2


def test_an_identical_image_writes_no_stream_record(regions, replicated):
    _, region_b = regions
    apply(region_b, replicated, written("x", "same", 1.0, "eu-central-1"))
    answer = apply(region_b, replicated, written("x", "same", 2.0, "eu-central-1"))
    assert answer["identical"] == 1
    assert stream_length(region_b, replicated) == 1


def test_a_write_after_a_replicated_one_wins_even_if_the_other_clock_is_ahead(
    regions, replicated
):
    region_a, region_b = regions
    ahead_s = time.time() + 3600
    ahead = written("x", "ahead", ahead_s, "eu-central-1")
    apply(region_b, replicated, ahead)
    put(region_b, replicated, "x", "after")
    (listed,) = changes(region_b, replicated)["changes"]
    assert listed["written_at_s"] > ahead_s
    apply(region_a, replicated, ahead, listed)
    assert value_of(region_a, replicated, "x") == "after"


def test_each_kind_of_write_is_listed_once_with_its_last_image(regions, replicated):
    region_a, _ = regions
    dynamodb = region_a.client("dynamodb")
    put(region_a, replicated, "put", "one")
    put(region_a, replicated, "put", "two")
    put(region_a, replicated, "put", "two")
    dynamodb.update_item(
        TableName=replicated,
        Key=key("update"),
        UpdateExpression="SET #v = :v",
        ExpressionAttributeNames={"#v": "value"},
        ExpressionAttributeValues={":v": {"S": "updated"}},
    )
    requests = [{"PutRequest": {"Item": item("batch", "b")}}]
    dynamodb.batch_write_item(RequestItems={replicated: requests})
    entry = {"Put": {"TableName": replicated, "Item": item("transaction", "t")}}
    dynamodb.transact_write_items(TransactItems=[entry])
    listed = changes(region_a, replicated)["changes"]
    images = [(one["key"]["pk"]["S"], one["image"]["value"]["S"]) for one in listed]
    assert images == [
        ("put", "two"),
        ("update", "updated"),
        ("batch", "b"),
        ("transaction", "t"),
    ]


def test_a_cursor_pages_through_and_a_strange_one_starts_again(regions, replicated):
    region_a, _ = regions
    for number in range(5):
        put(region_a, replicated, f"k{number}", "v")
    first = changes(region_a, replicated, limit=3)
    second = changes(region_a, replicated, limit=3, after=first["cursor"])
    names = [
        one["key"]["pk"]["S"] for page in (first, second) for one in page["changes"]
    ]
    assert names == [f"k{number}" for number in range(5)]
    assert changes(region_a, replicated, after=second["cursor"])["changes"] == []
    restarted = changes(region_a, replicated, after="before-the-restart.99")
    assert len(restarted["changes"]) == 5


def test_a_waiting_reader_gets_a_write_when_it_happens(regions, replicated):
    region_a, _ = regions
    cursor = changes(region_a, replicated)["cursor"]
    answers = []

    def read():
        answers.append(changes(region_a, replicated, after=cursor, wait_s=20))

    reader = threading.Thread(target=read)
    reader.start()
    put(region_a, replicated, "awaited", "v")
    reader.join(10)
    assert [one["key"]["pk"]["S"] for one in answers[0]["changes"]] == ["awaited"]


NOTES = """
import boto3
table = boto3.resource("dynamodb").Table("notes")
def handler(event, context):
    for record in event["Records"]:
        table.put_item(Item={"pk": record["dynamodb"]["Keys"]["pk"]["S"]})
    return {"batchItemFailures": []}
"""


def test_a_replicated_write_fires_the_lambda_of_the_other_region(regions, replicated):
    region_a, region_b = regions
    table(region_b, "notes")
    function(region_b, "notes", NOTES, "dynamodb:PutItem", *STREAM_ACTIONS)
    dynamodb = region_b.client("dynamodb")
    source = dynamodb.describe_table(TableName=replicated)["Table"]
    region_b.client("lambda").create_event_source_mapping(
        FunctionName="notes",
        EventSourceArn=source["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )
    put(region_a, replicated, "noted", "v")
    apply(region_b, replicated, *changes(region_a, replicated)["changes"])
    eventually(lambda: "noted" in str(dynamodb.scan(TableName="notes")["Items"]))


def test_an_unknown_table_and_a_malformed_change_are_refused(regions, replicated):
    region_a, _ = regions
    status, answer = region_a.request("GET", f"{TABLES}/nothing/changes")
    assert status == 404
    assert "nothing" in answer["message"]
    bad = {"changes": [{"key": key("x"), "image": None}]}
    status, answer = region_a.request("POST", f"{TABLES}/{replicated}/apply", bad)
    assert status == 400
    assert "written_at_s" in answer["message"]
    assert region_a.request("GET", f"{TABLES}/{replicated}/changes?limit=x")[0] == 400
