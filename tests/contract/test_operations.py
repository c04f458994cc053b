"""The operations table, as any replica of it must behave."""

from dataclasses import replace

import pytest
from botocore.httpsession import URLLib3Session
from tests.contract.world import (
    Cloud,
    cloud_operations,
    make_operations_table,
    put,
)

from hotsite.adapters.aws.operations import JOURNAL_KEPT_S, DynamoOperations
from hotsite.core.epoch import Epoch
from hotsite.core.operations import (
    Action,
    Book,
    Claim,
    Entry,
    Kind,
    Look,
    Operation,
    Pause,
)
from hotsite.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnreachableError,
)

B1 = Epoch(1, "b", 1_795_000_000.125, "operator", "a is dead", is_forced=True)
LOOK = Look("b", B1, 1_795_000_009.5, 1_795_000_009.5, 4.0, Action.SERVE, "why")
OPERATION = Operation(
    "forced-b-1",
    Kind.FORCED,
    "a",
    "b",
    "dns",
    1_795_000_000.0,
    "operator",
    epoch=1,
    token="page-2",
    moved=200,
    overridden=("paused: work",),
    force_because="the hall is dark",
)
PAUSE = Pause(is_paused=True, until_s=1_795_000_100.0, by="operator", reason="work")
ITEMS = (Claim(B1), LOOK, OPERATION, PAUSE)


def test_table_that_nobody_wrote_is_an_empty_book(operations):
    assert operations.read() == Book()


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.key)
def test_item_is_read_back_whole(operations, item):
    operations.write(item, previous=None)
    assert operations.read().items == {item.key: item}


def test_items_do_not_touch_each_other(operations):
    for item in ITEMS:
        operations.write(item, previous=None)
    moved = replace(OPERATION, step="verify", token=None)
    operations.write(moved, previous=OPERATION)
    found = operations.read()
    assert found.operation("b") == moved
    assert (found.claim("b"), found.look("b"), found.pause) == (Claim(B1), LOOK, PAUSE)


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: item.key)
def test_second_of_two_writers_has_to_read_again(operations, item):
    operations.write(item, previous=None)
    for stale in (None, Claim(Epoch(3, "b", 0.0))):
        with pytest.raises(ConflictError):
            operations.write(item, previous=stale)
    assert operations.read().items == {item.key: item}


def test_item_that_is_gone_is_not_replaced(operations):
    with pytest.raises(ConflictError):
        operations.write(OPERATION, previous=replace(OPERATION, step="epoch"))
    assert operations.read() == Book()


def test_journal_keeps_every_line_in_order(operations):
    one = Entry(1_795_000_001.0, "b", "operator", "issued epoch 1 (b)", "a is dead")
    two = Entry(1_795_000_002.0, "b", "guard of b", "serve", "a is dead")
    same = replace(two, what="stand by")
    for entry in (two, one, same):
        operations.note(entry)
    lines = operations.entries()
    assert lines[0] == one
    assert set(lines) == {one, two, same}
    assert set(operations.entries(since_s=1_795_000_001.5)) == {two, same}
    assert operations.read() == Book()


def test_item_is_written_again_and_again(operations):
    first, second = Claim(B1), Claim(Epoch(3, "b", 1.0))
    operations.write(first, previous=None)
    operations.write(second, previous=first)
    operations.write(first, previous=second)
    with pytest.raises(ConflictError):
        operations.write(second, previous=second)
    assert operations.read().claim("b") == first


def test_table_that_cannot_be_read_is_not_empty(operations_cut_off):
    with pytest.raises(UnreachableError):
        operations_cut_off.read()
    with pytest.raises(UnreachableError):
        operations_cut_off.write(PAUSE, previous=None)
    with pytest.raises(UnreachableError):
        operations_cut_off.note(Entry(1.0, "b", "operator", "serve", "why"))
    with pytest.raises(UnreachableError):
        operations_cut_off.entries()


@pytest.fixture
def table(region):
    return make_operations_table(Cloud.local(region))


@pytest.fixture
def replica(region, table):
    return cloud_operations(Cloud.local(region), table)


def spoilt(region, table, item, **changes):
    """Change what an item of the table holds, past every check of ours."""
    key = {"pk": {"S": "operations"}, "sk": {"S": item.key}}
    found = region.client("dynamodb").get_item(TableName=table, Key=key)["Item"]
    put(region, table, found | changes)


UNREADABLE = {
    "version": {"v": {"N": "2"}},
    "no content": {"content": {"NULL": True}},
    "noun": {"sk": {"S": "lease#b"}},
    "other key": {"sk": {"S": "epoch#a"}},
    "unknown fact": {"content": {"M": {"witness": {"S": "c"}}}},
}


@pytest.mark.local
@pytest.mark.parametrize("changes", UNREADABLE.values(), ids=UNREADABLE)
def test_table_with_an_unreadable_item_says_nothing(region, table, replica, changes):
    replica.write(Claim(B1), previous=None)
    replica.write(PAUSE, previous=None)
    spoilt(region, table, Claim(B1), **changes)
    with pytest.raises(InvalidInputError, match=r"^(operations )?[a-z]+#[ab]: "):
        replica.read()


@pytest.mark.local
def test_unreadable_item_is_not_written_over(region, table, replica):
    replica.write(Claim(B1), previous=None)
    spoilt(region, table, Claim(B1), v={"N": "2"})
    for previous in (None, Claim(B1)):
        with pytest.raises(InvalidInputError, match="version 2"):
            replica.write(Claim(Epoch(3, "b", 1.0)), previous=previous)


@pytest.mark.local
def test_unreadable_line_of_the_journal_is_no_missing_line(region, table, replica):
    line = {"pk": {"S": "journal#a"}, "sk": {"S": "1"}, "v": {"N": "2"}}
    put(region, table, line)
    with pytest.raises(InvalidInputError, match="version 2"):
        replica.entries()


@pytest.mark.local
def test_item_of_an_older_hotsite_with_fewer_facts_can_be_replaced(
    region, table, replica
):
    old, new = Pause(is_paused=False), Pause(is_paused=True)
    replica.write(old, previous=None)
    content = {"M": {"is_paused": {"BOOL": False}}}
    spoilt(region, table, old, content=content)
    replica.write(new, previous=replica.read().pause)
    assert replica.read().pause == new


@pytest.mark.local
def test_write_between_look_and_write_is_a_conflict(region, table, replica):
    replica.write(PAUSE, previous=None)
    # As if a replicated write came in after the adapter had looked.
    mine = Cloud.local(region).client("dynamodb")
    mine.meta.events.register(
        "before-call.dynamodb.PutItem",
        lambda **_: spoilt(region, table, PAUSE, stamp={"S": "of another"}),
    )
    with pytest.raises(ConflictError):
        DynamoOperations(mine, table).write(Pause(is_paused=False), previous=PAUSE)
    assert replica.read().pause == PAUSE


@pytest.mark.local
def test_lost_answer_is_not_taken_for_the_write_of_another(region, table, replica):
    twice = Cloud.local(region).client("dynamodb")
    session = URLLib3Session()
    # The first request arrives and its answer is lost: the client sends it again.
    twice.meta.events.register(
        "before-send.dynamodb.PutItem", lambda request, **_: lose(session, request)
    )
    DynamoOperations(twice, table).write(PAUSE, previous=None)
    assert replica.read().pause == PAUSE


def lose(session, request):
    assert session.send(request).status_code == 200


@pytest.mark.local
def test_missing_table_is_not_an_empty_one(region):
    nowhere = cloud_operations(Cloud.local(region), "no-such-table")
    with pytest.raises(NotFoundError):
        nowhere.read()


@pytest.mark.local
def test_journal_expires_and_what_says_who_is_active_does_not(region, table, replica):
    for item in ITEMS:
        replica.write(item, previous=None)
    replica.note(Entry(1_795_000_001.75, "b", "operator", "serve", "why"))
    items = region.client("dynamodb").scan(TableName=table)["Items"]
    kept_until = {
        item["pk"]["S"]: item.get("expires_at_s", {}).get("N") for item in items
    }
    in_400_days = str(1_795_000_001 + JOURNAL_KEPT_S)
    assert kept_until == {"operations": None, "journal#b": in_400_days}
