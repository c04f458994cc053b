"""The runbook, held to what status can say; ``tests/rehearsal`` runs it."""

import re

from tests.docs.page import ROOT

PAGE = ROOT / "docs" / "runbook.md"
TEXT = PAGE.read_text()
JUDGE = ROOT / "src" / "hotsite" / "core" / "site_readiness.py"


def test_each_symptom_of_the_table_has_its_section():
    anchors = re.findall(r"\]\(#([a-z-]+)\) \|", TEXT)
    titles = [line[3:] for line in TEXT.splitlines() if line.startswith("## ")]
    assert titles
    assert set(anchors) == {one.lower().replace(" ", "-") for one in titles}


def test_each_section_says_what_it_means_what_to_do_and_when_not_to():
    for section in re.split(r"^## ", TEXT, flags=re.MULTILINE)[1:]:
        title = section.partition("\n")[0]
        assert "```sh" in section, title
        for part in ("What it means.", "What to do.", "When not to act."):
            assert f"**{part}**" in section, f"{title}: {part}"


def test_each_point_of_status_has_a_row_in_the_runbook_or_the_manual():
    nouns = set(re.findall(r'Point\("([a-z ]+)"', JUDGE.read_text()))
    manual = (ROOT / "docs" / "operations.md").read_text()
    rows = re.findall(r"^\| ([a-z ,]+) \|", TEXT + manual, re.MULTILINE)
    known = {noun for row in rows for noun in row.split(", ")}
    assert nouns - known == {"site"}
