"""What a store holds of a device reads the same in memory, hot and cold."""

import datetime as dt
import json

import pytest
from tests.contract import world
from tests.contract.world import RUN, Cloud

from hotsite.adapters.aws.cold_store import ColdSeries
from hotsite.adapters.aws.hot_series import HotSeries
from hotsite.adapters.aws.items import to_wire
from hotsite.core.outbox import Key
from hotsite.core.series import Row, Window
from hotsite.core.telemetry import sort_key
from hotsite.errors import HotsiteError, InvalidInputError
from hotsite.local.region.delivery import Column, parquet
from hotsite.sim.series import SimSeries

A, B = "eu-central-1", "eu-west-1"
# An hour that begins, so that neighbours lie in two partitions.
AT_S = 1_795_824_000.0
COLUMNS = [
    *(Column(name, "string") for name in ("pk", "sk", "origin", "data")),
    *(Column(name, "bigint") for name in ("epoch", "seq")),
    *(Column(name, "double") for name in ("published_at_s", "received_at_s")),
]


class Sim:
    def __init__(self):
        self.reader = SimSeries()

    def put(self, *rows):
        self.reader.rows += rows

    def spoil(self, thing):
        self.reader.unreadable += 1


class Hot:
    def __init__(self, cloud):
        self.table = world.make_tables(cloud).registry
        self.dynamodb = cloud.client("dynamodb")
        self.reader = HotSeries(self.dynamodb, self.table)

    def put(self, *rows):
        for number, row in enumerate(rows):
            # A map, as AWS stores it, or its text, as others do.
            data = row.data if number % 2 else json.loads(row.data)
            self._put(fields(row) | {"data": data})

    def spoil(self, thing):
        self._put({"pk": thing, "sk": "spoilt", "epoch": "one", "data": {}})

    def _put(self, item):
        self.dynamodb.put_item(TableName=self.table, Item=to_wire(item))


class Cold:
    def __init__(self, cloud):
        self.bucket = world.make_bucket(cloud)
        self.s3 = cloud.client("s3")
        self.reader = ColdSeries(self.s3, self.bucket)
        self.count = 0

    def put(self, *rows):
        for row in rows:
            self.object(row.origin, row.received_at_s, fields(row) | {"data": row.data})

    def spoil(self, thing):
        self.object(A, AT_S, {"pk": thing})

    def object(self, origin, at_s, row):
        self.count += 1
        hour = dt.datetime.fromtimestamp(at_s, dt.UTC)
        place = f"region={origin}/date={hour:%Y-%m-%d}/hour={hour:%H}"
        key = f"telemetry/{place}/{self.count}.parquet"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=parquet([row], COLUMNS))


def fields(row):
    return {
        "pk": row.thing,
        "sk": sort_key(row.key),
        "epoch": row.key.epoch,
        "seq": row.key.seq,
        "published_at_s": row.published_at_s,
        "received_at_s": row.received_at_s,
        "origin": row.origin,
    }


@pytest.fixture(
    params=["sim", *(pytest.param(k, marks=pytest.mark.local) for k in ("hot", "cold"))]
)
def series(request):
    if request.param == "sim":
        return Sim()
    cloud = Cloud.local(request.getfixturevalue("region"))
    return Hot(cloud) if request.param == "hot" else Cold(cloud)


@pytest.fixture(
    params=["sim", *(pytest.param(k, marks=pytest.mark.local) for k in ("hot", "cold"))]
)
def series_cut_off(request):
    if request.param == "sim":
        return SimSeries(is_reachable=False)
    region = request.getfixturevalue("region")
    url = f"http://{region.config.address}:{world.NOBODY_LISTENS_PORT}"
    cloud = Cloud.local(region, url)
    if request.param == "hot":
        return HotSeries(cloud.client("dynamodb"), "nowhere")
    return ColdSeries(cloud.client("s3"), "nowhere")


def row(seq, *, at_s=AT_S, arrived_s=None, origin=A, thing="oven"):
    arrived_s = at_s + 0.5 if arrived_s is None else arrived_s
    return Row(thing, Key(7, seq), at_s, f'{{"n":{seq}}}', origin, arrived_s)


def found(series, window=Window(), thing="oven"):  # noqa: B008 - a frozen value
    rows = series.reader.read(thing, window).rows
    return sorted(rows, key=lambda each: (each.key, each.origin))


def test_what_was_put_is_read_back(series):
    rows = [row(1), row(2, at_s=AT_S + 0.123456), row(3, origin=B)]
    series.put(*rows)
    assert found(series) == rows


def test_a_device_of_which_nothing_is_held_has_an_empty_series(series):
    assert series.reader.read("oven", Window()).rows == ()


def test_other_devices_are_not_read(series):
    series.put(row(1), row(2, thing="oven-2"), row(3, thing="ove"))
    assert [each.key.seq for each in found(series)] == [1]


@pytest.mark.parametrize(
    ("window", "numbers"),
    [
        (Window(), [1, 2, 3, 4]),
        (Window(from_s=AT_S), [2, 3, 4]),
        (Window(to_s=AT_S), [1, 2]),
        (Window(AT_S, AT_S + 0.25), [2, 3]),
        (Window(AT_S + 5000), []),
    ],
)
def test_a_window_is_of_the_time_of_publication_bounds_included(
    series, window, numbers
):
    times = (AT_S - 0.001, AT_S, AT_S + 0.25, AT_S + 3600)
    series.put(*(row(n, at_s=at_s) for n, at_s in enumerate(times, 1)))
    assert [each.key.seq for each in found(series, window)] == numbers


def test_a_message_that_came_hours_late_is_found_by_when_it_was_published(series):
    series.put(row(1, arrived_s=AT_S + 5 * 3600))
    window = Window(AT_S - 60, AT_S + 60)
    assert [each.key.seq for each in found(series, window)] == [1]


def test_what_is_no_message_is_counted_and_stops_nothing(series):
    series.put(row(1))
    series.spoil("oven")
    reading = series.reader.read("oven", Window())
    assert [each.key.seq for each in reading.rows] == [1]
    assert reading.unreadable == 1


def test_a_store_that_does_not_answer_is_no_empty_store(series_cut_off):
    with pytest.raises(HotsiteError):
        series_cut_off.read("oven", Window())


# The cold store's own.


@pytest.fixture
def cold(region):
    return Cold(Cloud.local(region))


@pytest.mark.local
def test_only_hours_that_can_hold_an_answer_are_fetched(cold):
    for hours in range(-48, 60, 6):
        cold.put(row(hours + 100, at_s=AT_S + hours * 3600))
    fetched = []
    cold.s3.meta.events.register(
        "before-call.s3.GetObject", lambda params, **_: fetched.append(params["url"])
    )
    window = Window(AT_S, AT_S, late_s=3600.0)
    assert [each.key.seq for each in found(cold, window)] == [100]
    assert len(fetched) == 1


@pytest.mark.local
def test_an_object_that_is_no_parquet_is_named(cold):
    key = f"telemetry/region={A}/date=2026-11-28/hour=00/broken.parquet"
    cold.s3.put_object(Bucket=cold.bucket, Key=key, Body=b"no parquet at all")
    with pytest.raises(InvalidInputError, match=r"hour=00/broken\.parquet"):
        cold.reader.read("oven", Window())


@pytest.mark.local
def test_a_bucket_that_is_not_there_is_no_empty_one(region):
    s3 = Cloud.local(region).client("s3")
    with pytest.raises(HotsiteError, match="NoSuchBucket"):
        ColdSeries(s3, f"{RUN}-nowhere").read("oven", Window())


@pytest.mark.local
def test_more_objects_than_one_chunk_are_all_read(cold):
    cold.put(*(row(n, at_s=AT_S + n) for n in range(1, 131)))
    assert [each.key.seq for each in found(cold)] == list(range(1, 131))
