"""The state file, and the dictionary that says what may have changed."""

import pickle
import threading

import pytest

from hotsite.local.region.noted import NotedDict
from hotsite.local.region.statefile import BLOB_BYTES_MIN, Row, StateFile, key_text

CODE = b"\0" * BLOB_BYTES_MIN


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.sqlite"


def read(path, shelf="s"):
    file = StateFile(path)
    found = {key: value for key, value, _ in file.read(shelf)}
    file.close()
    return found


def write(path, *rows):
    file = StateFile(path)
    file.write(
        Row(
            shelf, None if key is None else key_text(key), value and file.pickled(value)
        )
        for shelf, key, value in rows
    )
    file.close()


def test_rows_are_read_back_with_keys_of_any_depth(path):
    write(path, ("s", ("a", ("b", 1)), {"x": b"1"}), ("s", 7, (1, 2)))
    assert read(path) == {("a", ("b", 1)): {"x": b"1"}, 7: (1, 2)}


def test_equal_keys_are_one_key(path):
    text = f"thing-{len(CODE[:1])}"
    write(path, ("s", (text, text), "old"), ("s", ("thing-1", "thing-1"), "new"))
    assert read(path) == {("thing-1", "thing-1"): "new"}


def test_a_removed_row_and_a_removed_shelf_are_gone(path):
    write(path, ("s", 1, "x"), ("s", 2, "y"), ("t", 1, "z"))
    write(path, ("s", 1, None), ("t", None, None))
    assert read(path) == {2: "y"}
    assert read(path, "t") == {}


def test_long_bytes_are_stored_once(path):
    write(path, ("s", 1, {"code": CODE}), ("s", 2, {"code": bytes(CODE)}))
    assert read(path) == {1: {"code": CODE}, 2: {"code": CODE}}
    assert path.stat().st_size < 3 * BLOB_BYTES_MIN + 32_768


def test_a_failed_transaction_leaves_nothing_and_blocks_nothing(path):
    file = StateFile(path)

    def rows():
        yield Row("s", "1", file.pickled("x"))
        raise LookupError

    with pytest.raises(LookupError):
        file.write(rows())
    file.write([Row("s", "2", file.pickled("y"))])
    file.close()
    assert read(path) == {2: "y"}


def test_what_cannot_be_kept_is_refused(path):
    file = StateFile(path)
    with pytest.raises((pickle.PicklingError, TypeError)):
        file.pickled({"lock": threading.Lock()})
    file.close()


def test_another_file_is_an_error_of_the_disk(path):
    path.write_text("not a database, and longer than the header of one" * 9)
    with pytest.raises(OSError, match=r"state\.sqlite: file is not a database"):
        StateFile(path)


def test_every_way_to_reach_a_value_is_noted():
    noted = []
    store = NotedDict({"a": 1}, noted.append)
    assert store["a"] == store.get("a") == 1
    store["b"] = 2
    store.setdefault("c", 3)
    store.update({"d": 4})
    assert store.pop("d") == 4
    del store["c"]
    assert noted == ["a", "a", "b", "c", "d", "d", "c"]
    noted.clear()
    store.clear()
    assert (sorted(noted), store) == (["a", "b"], {})
