"""The stores of telemetry of one Region, in memory and behind AWS's APIs."""

import json
import uuid

from tests.contract import world

from hotsite.adapters.aws.cold_stream import FirehoseColdStream
from hotsite.adapters.aws.error_archive import S3ErrorArchive
from hotsite.adapters.aws.hot_table import DynamoHotStore
from hotsite.core.arrivals import cold_line
from hotsite.sim.telemetry import SimColdStream, SimErrorArchive, SimHotStore

PAGE = 3


class SimKeeping:
    """Everything in memory."""

    def __init__(self):
        self.hot = SimHotStore(page_size=PAGE)
        self.cold = SimColdStream()
        self.archive = SimErrorArchive(page_size=PAGE)

    def cut_off(self):
        for port in (self.hot, self.cold, self.archive):
            port.is_reachable = False
        return self

    def cold_records(self):
        return [json.loads(cold_line(each)) for each in self.cold.records]


class CloudKeeping:
    """A table, a bucket and a delivery stream of one Region."""

    def __init__(self, cloud):
        self.cloud = cloud
        self.names = [f"{world.RUN}-{uuid.uuid4().hex[:12]}" for _ in range(2)]
        table, stream = self.names
        self.bucket = world.make_bucket(cloud)
        world.make_table(cloud, table, "pk", "sk")
        cloud.client("firehose").create_delivery_stream(
            DeliveryStreamName=stream,
            ExtendedS3DestinationConfiguration={
                "RoleARN": f"arn:aws:iam::{cloud.account_id}:role/firehose",
                "BucketARN": f"arn:aws:s3:::{self.bucket}",
                "Prefix": "cold/",
            },
        )
        self._open(cloud)

    def _open(self, cloud):
        table, stream = self.names
        dynamodb = cloud.client("dynamodb")
        self.hot = DynamoHotStore(dynamodb, table, page_size=PAGE)
        self.cold = FirehoseColdStream(cloud.client("firehose"), stream)
        self.archive = S3ErrorArchive(cloud.client("s3"), self.bucket, page_size=PAGE)

    def cut_off(self):
        nowhere = f"http://127.0.52.1:{world.NOBODY_LISTENS_PORT}"
        settings = {**self.cloud.settings, "endpoint_url": nowhere}
        self._open(world.Cloud(self.cloud.region, self.cloud.account_id, settings))
        return self

    def cold_records(self):
        s3 = self.cloud.client("s3")
        found = s3.list_objects_v2(Bucket=self.bucket, Prefix="cold/")
        bodies = [
            s3.get_object(Bucket=self.bucket, Key=item["Key"])["Body"].read()
            for item in found.get("Contents", ())
        ]
        return [json.loads(line) for body in bodies for line in body.splitlines()]
