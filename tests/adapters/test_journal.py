import pytest
from tests.sample_journal import journal

from hotsite.adapters.journal import JournalWriter, read
from hotsite.core.journal import DrillEnded, Event, Note, Phase, PhaseStarted
from hotsite.errors import InvalidInputError, NotFoundError, RefusedError


class Ticking:
    """A clock that moves on by a second each time it is read."""

    def __init__(self, now_s):
        self._now_s = now_s

    def now_s(self):
        self._now_s += 1
        return self._now_s

    def sleep(self, duration_s):
        self._now_s += duration_s


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


def written(path, facts):
    with JournalWriter(path, 1000.0, Ticking(1000.5)) as writer:
        for fact in facts:
            writer.write(fact)
    return path


def test_facts_are_stamped_and_come_back(path):
    facts = [PhaseStarted(Phase.UP), Note("ready"), DrillEnded("done")]
    file = read(written(path, facts))
    assert file.torn == ""
    assert file.events == tuple(
        Event(number + 0.5, 1000.5 + number, fact)
        for number, fact in enumerate(facts, 1)
    )


def test_every_line_is_readable_as_soon_as_it_is_written(path):
    with JournalWriter(path, 0.0, Ticking(0)) as writer:
        for count in range(1, 4):
            writer.write(Note(f"line {count}\nof this drill"))
            assert len(read(path).events) == count


def test_a_listener_hears_what_is_in_the_file(path):
    heard = []
    with JournalWriter(path, 0.0, Ticking(0), listener=heard.append) as writer:
        writer.write(Note("x"))
    assert tuple(heard) == read(path).events


def test_a_journal_is_never_replaced(path):
    written(path, [Note("first")])
    with pytest.raises(RefusedError, match="exists; a journal is never replaced"):
        JournalWriter(path, 0.0, Ticking(0))
    assert len(read(path).events) == 1


def test_a_directory_that_is_missing_is_said(tmp_path):
    with pytest.raises(RefusedError, match="cannot be written: No such file"):
        JournalWriter(tmp_path / "no" / "journal.jsonl", 0.0, Ticking(0))


def test_a_full_disk_is_said():
    with (
        pytest.raises(RefusedError, match="the journal cannot be written"),
        open_full() as writer,
    ):
        writer.write(Note("x"))


def open_full():
    class Full:
        def open(self, *args, **kwargs):
            return open("/dev/full", "wb", buffering=0)  # noqa: PTH123

    return JournalWriter(Full(), 0.0, Ticking(0))


def test_a_torn_last_line_is_reported_and_the_rest_is_kept(path):
    written(path, [Note("whole"), Note("torn, and naïve")])
    whole = path.read_bytes()
    for length in range(whole.index(b"\n") + 2, len(whole)):
        path.write_bytes(whole[:length])
        file = read(path)
        assert [event.fact for event in file.events] == [Note("whole")]
        assert file.torn


def test_a_malformed_line_in_the_middle_names_file_and_line(path):
    written(path, [Note("a"), Note("b"), Note("c")])
    lines = path.read_text().splitlines(keepends=True)
    lines[1] = lines[1][:20] + "\n"
    path.write_text("".join(lines))
    with pytest.raises(
        InvalidInputError, match=r"journal\.jsonl:2: not a line of JSON"
    ):
        read(path)


def test_bytes_that_are_no_text_name_file_and_line(path):
    written(path, [Note("a"), Note("b")])
    path.write_bytes(path.read_bytes().replace(b'"b"', b'"\xff"'))
    with pytest.raises(InvalidInputError, match=r"journal\.jsonl:2: not UTF-8"):
        read(path)


def test_a_missing_journal_is_not_an_empty_one(tmp_path):
    with pytest.raises(NotFoundError, match="there is no journal"):
        read(tmp_path / "journal.jsonl")
    with pytest.raises(InvalidInputError, match="cannot be read: Is a directory"):
        read(tmp_path)


def test_a_whole_drill_survives_the_file(path):
    events = journal()
    file = read(written(path, [event.fact for event in events]))
    assert [event.fact for event in file.events] == [event.fact for event in events]
