"""The quota that all workers of a Region share, in memory and in a real table."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.contract.workers import CloudWorkers
from tests.contract.world import Cloud, put

from hotsite.errors import InvalidInputError, ThrottledError, UnreachableError

SLOT_S = {"CreateThing": 0.02, "UpdateCertificate": 0.2}
ROUNDING_S = 1e-5


@pytest.fixture
def local_workers(region, tables):
    return CloudWorkers(Cloud.local(region), tables)


def wait_s(workers, worker, api="CreateThing", count=1):
    slots = worker.take(api, count, wait_s_max=60)
    return pytest.approx(slots.first_s - workers.clock.now_s(), abs=ROUNDING_S)


def test_workers_get_slots_of_one_row(workers):
    one, other = workers.start(), workers.start()
    assert wait_s(workers, one) == 0
    assert wait_s(workers, other) == 0.02
    assert wait_s(workers, one) == 0.04
    assert wait_s(workers, other, count=3) == 0.06
    assert wait_s(workers, one) == 0.12


def test_slots_taken_at_once_say_when_each_of_them_is(workers):
    slots = workers.start().take("CreateThing", 3, wait_s_max=60)
    assert slots.count == 3
    assert slots.interval_s == pytest.approx(0.02)
    assert slots.last_s - slots.first_s == pytest.approx(0.04, abs=ROUNDING_S)
    assert 0 < slots.late_s < 1


def test_bucket_that_was_free_for_long_saves_nothing_up(workers):
    one, other = workers.start(), workers.start()
    assert wait_s(workers, one) == 0
    workers.clock.sleep(100)
    assert wait_s(workers, other) == 0
    assert wait_s(workers, one) == 0.02


def test_each_api_has_a_row_of_its_own(workers):
    worker = workers.start()
    for api, slot_s in SLOT_S.items():
        assert wait_s(workers, worker, api) == 0
        assert wait_s(workers, worker, api) == slot_s


def test_taker_with_too_little_patience_takes_nothing(workers):
    one, other = workers.start(), workers.start()
    one.take("CreateThing", 50, wait_s_max=0)
    for worker in (one, other):
        with pytest.raises(ThrottledError):
            worker.take("CreateThing", wait_s_max=0.9)
    assert wait_s(workers, other) == 1
    assert other.take("CreateThing", wait_s_max=float("inf")).count == 1


def test_refusal_that_one_worker_saw_slows_all_of_them(workers):
    one, other = workers.start(), workers.start()
    assert wait_s(workers, other) == 0
    one.throttled("CreateThing")
    one.throttled("CreateThing")
    other.throttled("CreateThing")
    assert wait_s(workers, other) == 0.02
    assert wait_s(workers, one) == pytest.approx(0.02 + 0.02 / 0.7, abs=ROUNDING_S)
    slots = other.take("UpdateCertificate", wait_s_max=0)
    assert slots.interval_s == pytest.approx(0.2)


def test_rate_comes_back_when_nothing_is_refused(workers):
    one, other = workers.start(), workers.start()
    one.throttled("CreateThing")
    for calm_s, ratio in ((0, 0.7), (5, 0.8), (5, 0.9), (60, 1.0)):
        workers.clock.sleep(calm_s)
        for worker in (one, other):
            slots = worker.take("CreateThing", wait_s_max=60)
            assert slots.interval_s == pytest.approx(0.02 / ratio)


def test_api_without_a_quota_is_refused(workers):
    with pytest.raises(InvalidInputError):
        workers.start().take("CreateTing", wait_s_max=0)
    with pytest.raises(InvalidInputError):
        workers.start().throttled("CreateTing")


def test_silent_table_gives_no_slots(workers):
    worker = workers.start_cut_off()
    with pytest.raises(UnreachableError):
        worker.take("CreateThing", wait_s_max=60)
    with pytest.raises(UnreachableError):
        worker.throttled("CreateThing")


@pytest.mark.local
def test_workers_at_the_same_time_get_different_slots(local_workers):
    def take_many(worker):
        return [worker.take("CreateThing", wait_s_max=60).first_s for _ in range(25)]

    with ThreadPoolExecutor(4) as pool:
        found = pool.map(take_many, [local_workers.start() for _ in range(4)])
        firsts = sorted(first_s for part in found for first_s in part)
    now_s = local_workers.clock.now_s()
    expected = [now_s + 0.02 * index for index in range(100)]
    assert firsts == pytest.approx(expected, abs=ROUNDING_S, rel=0)


@pytest.mark.local
def test_quota_whose_item_was_removed_begins_anew(local_workers):
    worker, other = local_workers.start(), local_workers.start()
    worker.take("CreateThing", 50, wait_s_max=0)
    local_workers.cloud.client("dynamodb").delete_item(
        TableName=local_workers.table, Key={"name": {"S": "quota#CreateThing"}}
    )
    assert wait_s(local_workers, other) == 0
    assert wait_s(local_workers, worker) == 0.02


@pytest.mark.local
def test_item_of_an_unknown_version_is_refused(local_workers):
    item = {"name": {"S": "quota#CreateThing"}, "v": {"N": "9"}, "next_s": {"N": "9e9"}}
    put(local_workers.cloud, local_workers.table, item)
    with pytest.raises(InvalidInputError):
        local_workers.start().take("CreateThing", wait_s_max=0)
