"""Scenarios of the worst hour on two live Regions: each way of switching once.

All of them are played in the simulation by ``tests/disasters/test_course.py``; here
are those that between them break everything that a course can break in a Region.
"""

import json

import pytest
from tests.drills.test_local import ROOT, drill


@pytest.mark.parametrize("name", ["dynamodb-only", "pilot-light"])
def test_scenario_meets_its_objectives_on_live_regions(tmp_path, name):
    flags = ("--devices", "6", "--seed", "3")
    code, verdict, said = drill(tmp_path / "out", ROOT / f"drills/{name}.toml", *flags)
    assert (code, verdict["verdict"]) == (0, "pass"), (verdict, said)
    assert verdict["course"]["active"] == "b"
    assert verdict["rpo"]["lost"] == 0
    lines = (tmp_path / "out" / "journal.jsonl").read_text().splitlines()
    kinds = {json.loads(line)["kind"] for line in lines}
    assert {"outage_began", "site_spoke", "operation_ended"} <= kinds
