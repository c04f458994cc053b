"""The page for who releases firmware; ``tests/rehearsal`` runs all of it."""

from tests.docs.page import ROOT, play

from hotsite.core.firmware import Reason

PAGE = ROOT / "docs" / "firmware.md"


def test_signing_works_as_it_is_written_without_any_cloud(tmp_path):
    # What stands before the sites come up needs none.
    half = tmp_path / "half.md"
    half.write_text(PAGE.read_text().partition("## Publish")[0])
    work = tmp_path / "work"
    work.mkdir()
    play(half, work, limit_s=120)


def test_page_has_each_word_that_a_refusal_can_be():
    table = PAGE.read_text().partition("## What is refused")[2]
    told = {reason.value for reason in Reason if f"`{reason.value}`" in table}
    quiet = {
        Reason.PENDING,
        Reason.TAKEN,
        Reason.CURRENT,
        Reason.MALFORMED,
        Reason.MODEL,
    }
    assert told == {reason.value for reason in set(Reason) - quiet}
