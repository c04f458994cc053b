"""The RPO meter in two real Regions: their streams, their replication, its function.

That a canary's heartbeats come this far is tested in ``test_up.py``.
"""

import json
import threading
import time

import pytest
from tests.faces.test_lambdas import ENVIRON
from tests.local.cloud_world import SITES, TABLES, small_config, wait_until

from hotsite.adapters.aws.meter import DynamoMeterReadings
from hotsite.adapters.clock import SystemClock
from hotsite.core.outbox import Key
from hotsite.core.telemetry import sort_key
from hotsite.flows.metering import rpo_now
from hotsite.infra import packaging
from hotsite.local import launcher
from hotsite.local.client import LocalCloud

pytestmark = [pytest.mark.local, pytest.mark.timeout(300)]

A, B = (site.region for site in SITES)
LAG_S = 20
PER_S = 5
LIMIT_S = 90


def make_role(iam):
    trust = {"Service": "lambda.amazonaws.com"}
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    assume = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": trust}
    made = iam.create_role(RoleName="meter", AssumeRolePolicyDocument=policy(assume))
    iam.put_role_policy(
        RoleName="meter", PolicyName="all", PolicyDocument=policy(allow)
    )
    return made["Role"]["Arn"]


def policy(statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def install(local, site, zipped):
    """Make a Region's own table, its meter, and let it read the hot table."""
    local.client("dynamodb", site.letter).create_table(
        TableName=TABLES.applied,
        KeySchema=[{"AttributeName": "name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "name", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    functions = local.client("lambda", site.letter)
    names = {"TABLE_TELEMETRY": TABLES.telemetry, "TABLE_APPLIED": TABLES.applied}
    place = {"SITE_REGION": site.region, "SITE_LETTER": site.letter}
    functions.create_function(
        FunctionName="hotsite-meter",
        Runtime="python3.13",
        Role=make_role(local.client("iam", site.letter)),
        Handler="hotsite.faces.lambdas.meter.handler",
        Code={"ZipFile": zipped},
        Timeout=30,
        Environment={"Variables": {**ENVIRON, **names, **place}},
    )
    tables = local.client("dynamodb", site.letter)
    hot = tables.describe_table(TableName=TABLES.telemetry)["Table"]
    functions.create_event_source_mapping(
        FunctionName="hotsite-meter",
        EventSourceArn=hot["LatestStreamArn"],
        StartingPosition="LATEST",
        BatchSize=1000,
        MaximumBatchingWindowInSeconds=2,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )


class Rows(threading.Thread):
    """Rows as a Region's rule writes them, of a device or of a canary."""

    def __init__(self, local, site, thing, pause_s):
        super().__init__(daemon=True)
        self.table = local.client("dynamodb", site.letter)
        self.site, self.thing, self.pause_s = site, thing, pause_s
        self.is_over = threading.Event()

    def run(self):
        seq = 0
        while not self.is_over.wait(self.pause_s):
            seq += 1
            item = {
                "pk": {"S": self.thing},
                "sk": {"S": sort_key(Key(1, seq))},
                "origin": {"S": self.site.region},
                "received_at_s": {"N": str(int(time.time()))},
            }
            self.table.put_item(TableName=TABLES.telemetry, Item=item)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.join()


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    folder = tmp_path_factory.mktemp("meter")
    path = packaging.build("meter", packaging.Platform.HOST, folder / "zips")
    with launcher.Launched(small_config(folder), lambda _: None) as launched:
        launched.wait_ready()
        cloud = LocalCloud.open(folder / "cloud")
        for site in SITES:
            install(cloud, site, path.read_bytes())
        yield cloud


@pytest.fixture
def until(local):
    """Wait until what Region b says of Region a is as it must be."""
    readings = DynamoMeterReadings(local.client("dynamodb", "b"), TABLES.applied)

    def wait(check):
        seen = []

        def look():
            found = rpo_now(readings, SystemClock(), [A])[A]
            seen.append(found)
            return found if found.hot_s is not None and check(found) else None

        try:
            return wait_until(look, LIMIT_S)
        except AssertionError:
            raise AssertionError(seen[:: len(seen) // 5 or 1]) from None

    return wait


def test_figure_follows_the_lag_and_a_dead_region_is_told_by_the_other(local, until):
    first, second = SITES
    with Rows(local, second, f"hotsite-canary-{B}", 5):
        with Rows(local, first, "oven-1", 1 / PER_S):
            until(lambda found: found.messages > 0 and found.hot_s < LAG_S / 2)
            local.set_lag(LAG_S)
            until(lambda found: LAG_S <= found.hot_s <= 1.5 * LAG_S)
            # It stays there while the lag does, and the minute's rate fills up.
            found = until(lambda found: found.messages > LAG_S * PER_S / 4)
            assert LAG_S <= found.hot_s <= 1.5 * LAG_S
            local.set_lag(0)
            until(lambda found: found.hot_s < LAG_S / 2)

        local.fault("kill", "a")
        dead = until(lambda found: found.hot_s > LAG_S)
        grown = until(lambda found: found.hot_s > dead.hot_s + LAG_S)
        assert grown.messages >= dead.messages > 0
        assert grown.cold_s is None
