"""The page of firmware, word by word, in one shell and one local cloud."""

from tests.docs.page import ROOT, play


def test_every_block_of_the_page_of_firmware_works(tmp_path):
    play(ROOT / "docs" / "firmware.md", tmp_path, limit_s=280)
