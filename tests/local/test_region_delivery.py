"""The stand-in of Firehose: what it converts, and what a Region delivers."""

import base64
import contextlib
import dataclasses
import gzip
import json
import time

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.local.region_world import (
    ACCOUNT,
    Authority,
    config_of,
    eventually,
    running,
)
from tests.local.region_world import role as iam_role

from hotsite.local.region.delivery import (
    Column,
    NotConvertibleError,
    fitted,
    parquet,
)

COLUMNS = [
    Column("pk", "string"),
    Column("seq", "bigint"),
    Column("at_s", "double"),
    Column("data", "string"),
]
BUCKET, STREAM = "cold", "messages"


def read_back(body, folder):
    path = folder / "object.parquet"
    path.write_bytes(body)
    with duckdb.connect() as connection:
        return connection.execute(
            "SELECT * FROM read_parquet(?)", [str(path)]
        ).fetchall()


# What is converted.


def test_a_record_becomes_a_row_of_the_schema_and_a_map_becomes_its_text():
    document = {"PK": "oven", "seq": 3.0, "at_s": 5, "data": {"t": 1}, "more": 1}
    assert fitted(document, COLUMNS) == {
        "pk": "oven",
        "seq": 3,
        "at_s": 5.0,
        "data": '{"t": 1}',
    }
    assert fitted({}, COLUMNS) == dict.fromkeys(("pk", "seq", "at_s", "data"))


@pytest.mark.parametrize(
    "document", [{"seq": "3"}, {"seq": 3.5}, {"seq": True}, {"at_s": "x"}, {"at_s": []}]
)
def test_a_value_of_another_type_is_refused(document):
    with pytest.raises(NotConvertibleError):
        fitted(document, COLUMNS)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "pk": st.text(st.characters(codec="utf-8"), max_size=9),
                "seq": st.integers(-(2**63), 2**63 - 1),
                "at_s": st.floats(allow_nan=False, allow_infinity=False),
                "data": st.none() | st.text(st.characters(codec="utf-8")),
            }
        ),
        min_size=1,
        max_size=5,
    )
)
def test_parquet_gives_back_what_was_put_in(tmp_path_factory, rows):
    found = read_back(parquet(rows, COLUMNS), tmp_path_factory.mktemp("read"))
    assert found == [tuple(row[column.name] for column in COLUMNS) for row in rows]


# What a Region delivers.


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("delivery"))


def config(authority, folder, delivery_s, address="127.0.53.1"):
    found = config_of(authority, folder, "eu-west-1", address, letter="b")
    return dataclasses.replace(found, delivery_s=delivery_s)


@contextlib.contextmanager
def region_with_stream(told):
    with running(told) as region:
        make_stream(region)
        yield region


def make_stream(region):
    region.client("s3").create_bucket(
        Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    glue = region.client("glue")
    glue.create_database(DatabaseInput={"Name": "db"})
    columns = [{"Name": c.name, "Type": c.kind} for c in COLUMNS]
    glue.create_table(
        DatabaseName="db",
        TableInput={"Name": "t", "StorageDescriptor": {"Columns": columns}},
    )
    role = f"arn:aws:iam::{ACCOUNT}:role/any"
    destination = {
        "RoleARN": role,
        "BucketARN": f"arn:aws:s3:::{BUCKET}",
        "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/",
        "BufferingHints": {"IntervalInSeconds": 60, "SizeInMBs": 64},
    }
    hour = "date=!{timestamp:yyyy-MM-dd}/hour=!{timestamp:HH}/"
    conversion = {
        "Enabled": True,
        "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
        "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
        "SchemaConfiguration": {
            "RoleARN": role,
            "DatabaseName": "db",
            "TableName": "t",
        },
    }
    firehose = region.client("firehose")
    firehose.create_delivery_stream(
        DeliveryStreamName=STREAM,
        ExtendedS3DestinationConfiguration=destination
        | {
            "Prefix": f"telemetry/{hour}",
            "DataFormatConversionConfiguration": conversion,
        },
    )
    firehose.create_delivery_stream(
        DeliveryStreamName="raw",
        ExtendedS3DestinationConfiguration=destination
        | {"Prefix": f"raw/{hour}", "CompressionFormat": "GZIP"},
    )


def put(region, *documents, stream=STREAM):
    records = [
        {"Data": doc if isinstance(doc, bytes) else f"{json.dumps(doc)}\n".encode()}
        for doc in documents
    ]
    answer = region.client("firehose").put_record_batch(
        DeliveryStreamName=stream, Records=records
    )
    assert answer["FailedPutCount"] == 0


def objects(region, prefix):
    s3 = region.client("s3")
    found = s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ())
    return {
        each["Key"]: s3.get_object(Bucket=BUCKET, Key=each["Key"])["Body"].read()
        for each in found
    }


def numbers(region, folder):
    return sorted(
        seq
        for body in objects(region, "telemetry/").values()
        for _pk, seq, *_ in read_back(body, folder)
    )


@pytest.fixture(scope="module")
def region(authority, tmp_path_factory):
    folder = tmp_path_factory.mktemp("region")
    with region_with_stream(config(authority, folder, 1.0)) as found:
        yield found


@pytest.mark.local
def test_records_arrive_together_in_one_object_of_their_hour(region, tmp_path):
    put(region, *({"pk": "oven", "seq": n} for n in (1, 2)))
    put(region, b'{"seq":3}{"seq":4}\n')
    eventually(lambda: numbers(region, tmp_path) == [1, 2, 3, 4])
    (key,) = objects(region, "telemetry/")
    hour = time.strftime("date=%Y-%m-%d/hour=%H", time.gmtime())
    assert key.startswith(f"telemetry/{hour}/{STREAM}-1-")
    assert key.endswith(".parquet")


@pytest.mark.local
def test_what_cannot_be_converted_is_put_aside_and_stops_nothing(region, tmp_path):
    put(region, {"seq": "five"}, {"seq": 55}, b"no json", b"[1]\n")
    eventually(lambda: 55 in numbers(region, tmp_path))
    errors = eventually(lambda: objects(region, "errors/"))
    (key, body), *_ = errors.items()
    assert key.startswith("errors/format-conversion-failed/")
    lines = [json.loads(line) for line in body.splitlines()]
    raw = [base64.b64decode(line["rawData"]) for line in lines]
    assert raw == [b'{"seq": "five"}\n', b"no json", b"[1]\n"]
    assert "seq is no bigint" in lines[0]["ErrorMessage"]


@pytest.mark.local
def test_a_stream_without_conversion_delivers_what_came(region):
    put(region, b"one\n", b"two\n", stream="raw")
    (key, body), *_ = eventually(lambda: objects(region, "raw/")).items()
    assert key.endswith(".gz")
    assert gzip.decompress(body) == b"one\ntwo\n"


@pytest.mark.local
def test_a_rule_sends_messages_to_the_stream_and_errors_to_its_error_action(region):
    role = iam_role(region, "rule", "iot", "firehose:PutRecord", "sqs:SendMessage")
    queue = region.client("sqs").create_queue(QueueName="errors")["QueueUrl"]
    aside = {"sqs": {"queueUrl": queue, "roleArn": role, "useBase64": False}}
    iot = region.client("iot")
    for name, stream in (("good", "raw"), ("bad", "nowhere")):
        action = {"deliveryStreamName": stream, "roleArn": role, "separator": "\n"}
        iot.create_topic_rule(
            ruleName=name,
            topicRulePayload={
                "sql": f"SELECT *, topic(2) AS pk FROM '{name}/+'",
                "awsIotSqlVersion": "2016-03-23",
                "actions": [{"firehose": action}],
                "errorAction": aside,
            },
        )
    data = region.client("iot-data")
    data.publish(topic="good/oven", qos=1, payload=b'{"t":1}')
    data.publish(topic="bad/oven", qos=1, payload=b'{"t":2}')

    def delivered():
        return [gzip.decompress(body) for body in objects(region, "raw/").values()]

    eventually(lambda: b'{"t": 1, "pk": "oven"}\n' in delivered())
    sqs = region.client("sqs")
    (told,) = eventually(
        lambda: sqs.receive_message(QueueUrl=queue).get("Messages"), within_s=5
    )
    assert json.loads(told["Body"])["ruleName"] == "bad"


@pytest.mark.local
def test_a_killed_region_delivers_what_waited_when_it_returns(authority, tmp_path):
    told = config(authority, tmp_path, 300.0, address="127.0.54.1")
    with region_with_stream(told) as region:
        put(region, *({"seq": n} for n in range(1, 40)))
    with running(told) as region:
        eventually(lambda: numbers(region, tmp_path) == list(range(1, 40)))
        (key,) = objects(region, "telemetry/")
        put(region, {"seq": 99})
        assert list(objects(region, "telemetry/")) == [key]
