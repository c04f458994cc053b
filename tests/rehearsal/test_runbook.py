"""The runbook, run as it is written, in one shell and one local cloud."""

from tests.docs.page import ROOT, play


def test_every_block_of_the_runbook_works_and_shows_what_it_says(tmp_path):
    play(ROOT / "docs" / "runbook.md", tmp_path, limit_s=1500)
