"""The threat model names tests that there are."""

import re

from tests.docs.page import ROOT

PAGE = ROOT / "docs" / "threat-model.md"
ENEMIES = ("stolen phone", "stolen device", "compromised Region", "malicious operator")


def test_every_test_that_it_relies_on_is_there():
    text = PAGE.read_text()
    named = set(re.findall(r"`(test_\w+)`", text))
    assert len(named) > 20
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"def (test_\w+)\(", path.read_text())
    }
    assert named - there == set()


def test_every_row_has_a_test_or_says_what_it_is_instead():
    text = PAGE.read_text()
    for enemy in (*ENEMIES, "hostile courier"):
        assert f"## A {enemy}" in text
    rows = re.findall(r"^\| (?!what they try|-)(.+?) \| (.+) \|$", text, re.MULTILINE)
    assert len(rows) > 20
    for what, answer in rows:
        assert re.search(r"`test_|limit|it can|throttled|there is none", answer), what
