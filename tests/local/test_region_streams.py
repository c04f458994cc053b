"""Decisions about stream batches and change logs, without a Region."""

import pytest

from hotsite.errors import InvalidInputError
from hotsite.local.region.changes import OUTDATED_MAX, ChangeLog, Version
from hotsite.local.region.config import load
from hotsite.local.region.mqtt import covers
from hotsite.local.region.streams import (
    Progress,
    after_failure,
    first_failed,
    is_due,
    retry_delay_s,
)

RECORDS = [{"dynamodb": {"SequenceNumber": str(number)}} for number in range(5)]


def failures(*numbers):
    return {"batchItemFailures": [{"itemIdentifier": number} for number in numbers]}


@pytest.mark.parametrize(
    ("answer", "place"),
    [
        (None, None),
        ("", None),
        ({}, None),
        ({"batchItemFailures": []}, None),
        ({"batchItemFailures": None}, None),
        (failures("3"), 3),
        (failures("4", "2"), 2),
        ('{"batchItemFailures": [{"itemIdentifier": "1"}]}', 1),
        (failures(""), 0),
        (failures("unknown", "3"), 0),
    ],
)
def test_the_lowest_failed_record_is_the_checkpoint(answer, place):
    assert first_failed(answer, RECORDS) == place


@pytest.mark.parametrize(
    ("first", "is_split", "size", "expected"),
    [
        (2, False, 5, Progress(12, 1, 100)),
        (0, False, 5, Progress(10, 1, 100)),
        (0, True, 5, Progress(10, 0, 3)),
        (0, True, 1, Progress(10, 1, 100)),
    ],
)
def test_a_failed_batch_moves_splits_or_retries(first, is_split, size, expected):
    before = Progress(10, 0, 100)
    assert after_failure(before, size, first, is_split=is_split) == expected


@pytest.mark.parametrize(
    ("waiting", "waited_s", "window_s", "expected"),
    [
        (1, 0.0, 0, True),
        (1, 1.9, 2, False),
        (1, 2.0, 2, True),
        (99, 1.9, 2, False),
        (100, 0.0, 2, True),
    ],
)
def test_a_batch_waits_until_it_is_full_or_its_window_is_over(
    waiting, waited_s, window_s, expected
):
    found = is_due(waiting, waited_s, batch_size=100, window_s=window_s)
    assert found == expected


def test_splitting_ends_at_one_record():
    progress, size = Progress(0, 0, 100), 100
    while size > 1:
        progress = after_failure(progress, size, 0, is_split=True)
        assert progress.batch_size < size
        size = progress.batch_size
    assert progress.attempts == 0


def test_retries_slow_down_to_a_bound():
    delays = [retry_delay_s(attempts) for attempts in range(1, 40)]
    assert delays == sorted(delays)
    assert delays[-1] == 10.0


def test_a_log_keeps_one_entry_a_key_however_often_it_is_written():
    log = ChangeLog()
    for number in range(3 * OUTDATED_MAX):
        key = {"pk": {"S": str(number % 10)}}
        log.record_local(key, now_s=float(number), region="eu-central-1")
    assert len(log) == 10
    assert len(log._order) <= OUTDATED_MAX + 10
    places = [change.sequence for change in log.after(0)]
    assert places == sorted(places)
    assert len(places) == 10


def test_a_local_write_is_later_than_all_that_is_known_of_its_key():
    log, key = ChangeLog(), {"pk": {"S": "x"}}
    log.record(key, Version(100.0, "eu-west-1"))
    log.record_local(key, now_s=50.0, region="eu-central-1")
    assert log.version(key) > Version(100.0, "eu-west-1")


@pytest.mark.parametrize(
    ("name", "is_covered"),
    [
        ("iot.hotsite.test", True),
        ("x-ats.iot.eu-central-1.amazonaws.com", True),
        ("a.b.iot.eu-central-1.amazonaws.com", False),
        ("iot.eu-central-1.amazonaws.com", False),
    ],
)
def test_a_certificate_covers_exact_names_and_one_label_of_a_wildcard(name, is_covered):
    names = ("iot.hotsite.test", "*.iot.eu-central-1.amazonaws.com")
    assert covers(names, name) is is_covered


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "JSON"),
        ("[]", "object"),
        ("{}", "account_id"),
        ('{"regio": "eu-central-1"}', "regio"),
    ],
)
def test_a_wrong_configuration_is_refused_by_name(tmp_path, text, complaint):
    path = tmp_path / "region.json"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=complaint):
        load(path)
