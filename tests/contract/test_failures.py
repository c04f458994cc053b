"""Where failed batches wait for a redrive, in memory and in a real bucket alike."""

import json

import pytest
from tests.contract.world import (
    NOBODY_LISTENS_PORT,
    Cloud,
    CloudFailures,
    SimFailures,
    invocation_record,
    make_bucket,
    stream_record,
)

from hotsite.core.registry import Key, Kind, thing_key
from hotsite.errors import InvalidInputError, NotFoundError, UnreachableError


def names_of(store):
    """Every name, page by page."""
    found, token = [], None
    while True:
        page = store.page(token)
        found += page.names
        token = page.next_token
        if token is None:
            return found


@pytest.fixture(params=["sim", pytest.param("local", marks=pytest.mark.local)])
def failed_cut_off(request):
    if request.param == "sim":
        made = SimFailures()
        made.store.is_reachable = False
        return made
    region = request.getfixturevalue("region")
    url = f"http://{region.config.address}:{NOBODY_LISTENS_PORT}"
    return CloudFailures(Cloud.local(region, url), "nowhere")


@pytest.fixture
def bucket(region):
    cloud = Cloud.local(region)
    return CloudFailures(cloud, make_bucket(cloud))


def test_store_where_nothing_failed_is_empty(failed):
    assert names_of(failed.store) == []


def test_batch_tells_its_keys_once_and_why_it_failed(failed):
    keys = (thing_key("oven"), Key(Kind.POLICY, "fleet"), Key(Kind.SHADOWS, "oven"))
    name = failed.put(*keys, keys[0])
    batch = failed.store.read(name)
    assert (batch.name, batch.keys) == (name, keys)
    assert batch.reason == "RetryAttemptsExhausted"


def test_pages_name_every_batch_once(failed):
    made = [failed.put(thing_key(f"oven-{number}")) for number in range(8)]
    assert sorted(names_of(failed.store)) == sorted(made)


def test_batches_that_are_deleted_on_the_way_hide_no_others(failed):
    made = {failed.put(thing_key(f"oven-{number}")) for number in range(8)}
    seen, token = set(), None
    while True:
        page = failed.store.page(token)
        for name in page.names:
            seen.add(name)
            failed.store.delete(name)
        token = page.next_token
        if token is None:
            break
    assert seen == made
    assert names_of(failed.store) == []


def test_batch_that_is_gone_can_be_deleted_again_and_not_read(failed):
    name = failed.put(thing_key("oven"))
    for _ in range(2):
        failed.store.delete(name)
    with pytest.raises(NotFoundError):
        failed.store.read(name)


def test_silent_store_is_unreachable_and_never_empty(failed_cut_off):
    store = failed_cut_off.store
    with pytest.raises(UnreachableError):
        store.page()
    with pytest.raises(UnreachableError):
        store.read("aws/lambda/any")
    with pytest.raises(UnreachableError):
        store.delete("aws/lambda/any")


@pytest.mark.local
def test_records_of_no_key_are_left_out(bucket):
    records = [stream_record("claim#oven"), stream_record("thing#oven")]
    name = bucket.put_object(invocation_record(records))
    assert bucket.store.read(name).keys == (thing_key("oven"),)


@pytest.mark.local
@pytest.mark.parametrize(
    "document",
    [
        [],
        "text",
        {"requestContext": {"condition": "RetryAttemptsExhausted"}},
        {"payload": "no JSON"},
        {"payload": json.dumps({"Records": [{"kinesis": {}}]})},
        {"payload": json.dumps({"Records": [{"dynamodb": {"Keys": {"pk": "x"}}}]})},
        {"payload": "{}", "requestContext": None},
    ],
)
def test_object_that_is_no_batch_is_refused_by_name(bucket, document):
    name = bucket.put_object(document)
    with pytest.raises(InvalidInputError, match=name):
        bucket.store.read(name)


@pytest.mark.local
def test_other_objects_in_the_bucket_are_no_batches(bucket):
    bucket.s3.put_object(Bucket=bucket.bucket, Key="notes.txt", Body=b"mine")
    assert names_of(bucket.store) == []


@pytest.mark.local
def test_missing_bucket_is_an_error_of_its_own_and_never_empty(region):
    with pytest.raises(NotFoundError):
        CloudFailures(Cloud.local(region), "no-such-bucket").store.page()
