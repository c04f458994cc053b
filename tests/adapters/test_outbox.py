"""The durable outbox, with a real file and a real SIGKILL."""

import asyncio
import random
import subprocess
import sys

import pytest

from hotsite.adapters.outbox import SqliteOutbox
from hotsite.core.outbox import (
    Acknowledgement,
    Kept,
    Key,
    Message,
    Outbox,
    OutboxPolicy,
    Overflow,
)
from hotsite.errors import InvalidInputError, UnreachableError

# Appends for two things until it is killed; says what is durable on stdout.
WRITER = """
import asyncio, os, pathlib, sys
from hotsite.adapters.outbox import SqliteOutbox
from hotsite.core.outbox import Acknowledgement, Key, Message

async def main():
    store = SqliteOutbox.open(pathlib.Path(sys.argv[1]))
    epochs = {t: s.epoch for t, s in store.start(["x", "y"], epoch_min=1).items()}
    payload = b"%d" % os.getpid()
    for seq in range(1, 1_000_000):
        for thing, epoch in epochs.items():
            durable = store.append(thing, Message(Key(epoch, seq), payload))
        await durable
        for thing, epoch in epochs.items():
            print(thing, epoch, seq, payload.decode(), flush=True)
            if seq % 3 == 0:
                store.acknowledge(thing, Key(epoch, seq), Acknowledgement("a", 1.0))

asyncio.run(main())
"""


def message(epoch, seq):
    return Message(Key(epoch, seq), b"%d" % seq)


@pytest.mark.parametrize("seed", range(4))
def test_nothing_that_was_said_to_be_durable_is_missing_after_a_sigkill(tmp_path, seed):
    path, chance = tmp_path / "outbox.sqlite", random.Random(seed)
    durable = set()
    for _ in range(3):
        arguments = [sys.executable, "-c", WRITER, str(path)]
        writer = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
        # Which line is the last to be read decides when the kill comes.
        for _ in range(chance.randrange(1, 300)):
            durable.add(tuple(writer.stdout.readline().split()))
        writer.kill()
        durable.update(
            tuple(line.split()) for line in writer.stdout if line.endswith("\n")
        )
        writer.stdout.close()
        writer.wait()
    found = asyncio.run(_read(path))
    assert {(t, int(e), int(s), p.encode()) for t, e, s, p in durable} <= found
    # One process, one epoch: no key was ever used for a second text.
    for thing in "xy":
        writers = {(e, p) for t, e, _seq, p in found if t == thing}
        assert len(writers) == len({e for e, _p in writers}) == 3


async def _read(path):
    store = SqliteOutbox.open(path)
    snapshots = store.start(["x", "y"], epoch_min=1)
    await store.close()
    return {
        (thing, *kept.message.key, kept.message.payload)
        for thing, snapshot in snapshots.items()
        for kept in snapshot.kept
    }


@pytest.mark.parametrize("seed", range(5))
async def test_a_power_loss_at_any_byte_loses_nothing_that_was_durable(tmp_path, seed):
    """A disk keeps what was synced; of what came after, any part, and garbage."""
    path, chance = tmp_path / "outbox.sqlite", random.Random(seed)
    store = SqliteOutbox.open(path)
    store.start(["x"], epoch_min=5)
    log = tmp_path / "outbox.sqlite-wal"
    synced = {}
    for seq in range(1, 41):
        durable = store.append("x", message(5, seq))
        if seq % 7 == 0:
            store.acknowledge("x", Key(5, seq - 1), Acknowledgement("a", 1.0))
        await durable
        synced[seq] = log.stat().st_size
    whole, base = log.read_bytes(), path.read_bytes()
    for _ in range(20):
        cut = chance.randrange(synced[1], len(whole) + 1)
        torn = tmp_path / f"torn-{cut}"
        torn.mkdir(exist_ok=True)
        after = torn / "outbox.sqlite"
        after.write_bytes(base)
        garbage = chance.randbytes(chance.choice([0, 10, 5_000]))
        (torn / "outbox.sqlite-wal").write_bytes(whole[:cut] + garbage)
        later = SqliteOutbox.open(after)
        snapshot = later.start(["x"], epoch_min=5)["x"]
        await later.close()
        found = {kept.message.key.seq for kept in snapshot.kept}
        assert {seq for seq, size in synced.items() if size <= cut} <= found
        assert found == set(range(1, len(found) + 1))
        assert all(
            k.message.payload == b"%d" % k.message.key.seq for k in snapshot.kept
        )
        assert snapshot.epoch == 6
    await store.close()


async def test_what_a_full_outbox_gave_up_is_counted_across_restarts(tmp_path):
    path = tmp_path / "outbox.sqlite"
    policy = OutboxPolicy(message_count_max=3, overflow=Overflow.DROP_OLDEST)
    published = 0
    for _ in range(3):
        store = SqliteOutbox.open(path)
        snapshot = store.start(["x"], epoch_min=1)["x"]
        outbox = Outbox(snapshot, policy)
        for seq in range(1, 6):
            evicted = outbox.reserve()
            if evicted is not None:
                keys, is_given_up = [evicted.key], evicted.is_given_up
                store.drop("x", keys, is_given_up=is_given_up)
            await store.append("x", message(snapshot.epoch, seq))
            outbox.append(message(snapshot.epoch, seq))
        await store.close()
        published += 5
        assert sum(report.dropped for report in outbox.report()) == published - 3
        assert outbox.held_count == 3


async def test_a_restart_finds_each_message_as_it_was_left(tmp_path):
    path = tmp_path / "outbox.sqlite"
    store = SqliteOutbox.open(path)
    assert store.start(["x"], epoch_min=5)["x"].epoch == 5
    for seq in range(1, 5):
        await store.append("x", message(5, seq))
    by = Acknowledgement("a", 12.5)
    store.acknowledge("x", Key(5, 1), by)
    store.drop("x", [Key(5, 2)])
    store.drop("x", [Key(5, 4)], is_given_up=True)
    await store.close()
    store = SqliteOutbox.open(path)
    snapshot = store.start(["x"], epoch_min=5)["x"]
    await store.close()
    assert snapshot.epoch == 6
    assert snapshot.kept == (Kept(message(5, 1), by), Kept(message(5, 3)))
    assert snapshot.given_up == (Key(5, 4),)
    report = Outbox(snapshot, OutboxPolicy()).report()[0]
    assert report.published.pairs == ((1, 4),)
    assert report.acknowledged.pairs == ((1, 2),)


async def test_things_in_one_file_do_not_mix(tmp_path):
    path = tmp_path / "outbox.sqlite"
    store = SqliteOutbox.open(path)
    store.start(["x"], epoch_min=5)
    await store.append("x", message(5, 1))
    await store.close()
    store = SqliteOutbox.open(path)
    snapshot = store.start(["y"], epoch_min=1)["y"]
    await store.close()
    assert (snapshot.epoch, snapshot.kept) == (1, ())


async def test_messages_of_one_moment_share_a_commit(tmp_path):
    store = SqliteOutbox.open(tmp_path / "outbox.sqlite")
    store.start(["x"], epoch_min=1)
    futures = {store.append("x", message(1, seq)) for seq in range(1, 50)}
    assert len(futures) == 1
    await futures.pop()
    assert store.append("x", message(1, 50)) not in futures
    await store.close()


async def test_whoever_waits_finds_all_that_was_appended_before(tmp_path):
    store = SqliteOutbox.open(tmp_path / "outbox.sqlite")
    epoch = store.start(["x"], epoch_min=1)["x"].epoch
    published = []
    for seq in range(1, 4):
        durable = store.append("x", message(epoch, seq))
        durable.add_done_callback(lambda _, seq=seq: published.append(seq))
        # The one before is on its way to the disk.
        await asyncio.sleep(0)
    await store.written()
    assert published == [1, 2, 3]
    await store.written()
    await store.close()


async def test_a_message_with_a_known_key_breaks_loudly(tmp_path):
    store = SqliteOutbox.open(tmp_path / "outbox.sqlite")
    store.start(["x"], epoch_min=1)
    await store.append("x", message(1, 1))
    with pytest.raises(UnreachableError):
        await store.append("x", message(1, 1))
    await store.append("x", message(1, 2))
    await store.close()


async def test_acknowledgements_become_durable_without_another_message(tmp_path):
    path = tmp_path / "outbox.sqlite"
    store = SqliteOutbox.open(path)
    store.start(["x"], epoch_min=1)
    await store.append("x", message(1, 1))
    store.acknowledge("x", Key(1, 1), Acknowledgement("a", 1.0))
    batch = store._batch
    async with asyncio.timeout(10):
        await batch.durable
    await store.close()


def test_a_file_that_is_something_else_is_refused(tmp_path):
    path = tmp_path / "outbox.sqlite"
    path.write_bytes(b"this is no database at all" * 100)
    with pytest.raises(InvalidInputError, match="not a database"):
        SqliteOutbox.open(path)


def test_a_directory_that_is_missing_is_named(tmp_path):
    with pytest.raises(InvalidInputError, match="missing"):
        SqliteOutbox.open(tmp_path / "missing" / "outbox.sqlite")


async def test_a_file_that_cannot_be_written_is_unreachable(tmp_path):
    path = tmp_path / "outbox.sqlite"
    store = SqliteOutbox.open(path)
    store._database.execute("DROP TABLE epochs")
    with pytest.raises(UnreachableError):
        store.start(["x"], epoch_min=1)
    await store.close()
