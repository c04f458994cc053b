"""The page for firmware developers, run as it is written."""

import pytest
from tests.docs.page import ROOT, play

from hotsite.core.conformance_checks import CHECKS

PAGE = ROOT / "docs" / "device-developers.md"


@pytest.mark.local
def test_every_block_of_the_page_works_and_shows_what_it_says(tmp_path):
    play(PAGE, tmp_path, limit_s=200)


def test_page_has_each_check_in_its_own_words():
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    checks = [f"| `{check.name}` | {check.title} |" for check in CHECKS]
    assert [row for row in rows if row in checks] == checks
