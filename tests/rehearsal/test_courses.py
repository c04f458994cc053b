"""Scenarios of the worst hour on two live Regions: each way of switching once.

All of them are played in the simulation by ``tests/disasters/test_course.py``; here
are two that between them break a Region whole and in part, and move the fleet by a
planned and a forced failover; and two active sites, which only live Regions play.
"""

import json

import pytest
from tests.drills.test_local import ROOT, drill


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("dynamodb-only", ("a cannot be told", "move orders: done in")),
        ("pilot-light", ("canary is on", "meter is on", "compute: done in")),
        ("drain-half", ("active.hotsite.test leads to a", "move orders: done in")),
    ],
)
def test_scenario_meets_its_objectives_on_live_regions(tmp_path, name, told):
    flags = ("--devices", "6", "--seed", "3")
    code, verdict, said = drill(tmp_path / "out", ROOT / f"drills/{name}.toml", *flags)
    assert (code, verdict["verdict"]) == (0, "pass"), (verdict, said)
    assert verdict["course"]["active"] == "b"
    assert verdict["rpo"]["lost"] == 0
    lines = (tmp_path / "out" / "journal.jsonl").read_text().splitlines()
    facts = [json.loads(line) for line in lines]
    texts = [fact["text"] for fact in facts if fact["kind"] == "operation_told"]
    for part in told:
        assert any(part in text for text in texts), (part, texts)


def test_half_of_the_fleet_loses_one_of_two_active_regions(tmp_path):
    path = ROOT / "drills/active-active.toml"
    code, verdict, said = drill(tmp_path / "out", path, "--devices", "20")
    assert (code, verdict["verdict"]) == (0, "pass"), (verdict, said)
    assert verdict["rpo"]["lost"] == 0
    assert verdict["phases"]["dns_switched_s"] > 0
