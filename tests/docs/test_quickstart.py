"""The quickstart, run as it is written."""

import subprocess

import pytest
from tests.docs.page import ROOT, play


@pytest.mark.local
def test_every_block_of_the_quickstart_works_and_shows_what_it_says(tmp_path):
    for tool in ("mosquitto_pub", "dig"):
        found = subprocess.run(["which", tool], capture_output=True, check=False)
        assert found.returncode == 0, f"{tool} is missing; run: make tools"
    play(ROOT / "docs" / "quickstart.md", tmp_path, limit_s=200)
