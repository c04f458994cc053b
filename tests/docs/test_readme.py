"""The README says only what is there: commands exist, numbers were measured."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from hotsite.faces.cli.main import main

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
NUMBERS = json.loads((ROOT / "docs" / "numbers.json").read_text())
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def commands(text):
    for block in re.findall(r"```sh\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if line.strip() and not line.startswith("#"):
                yield line.partition(" #")[0].strip()
    yield from re.findall(r"`((?:\.venv/bin/)?hotsite [^`]*|make [^`]*)`", text)


def flags_of(words):
    return [word.partition("=")[0] for word in words if word.startswith("--")]


@pytest.mark.parametrize("line", sorted(set(commands(README))))
def test_command_of_the_readme_exists_with_its_flags(line, capsys):
    words = shlex.split(line)
    if words[0] == "make":
        done = subprocess.run(
            ["make", "-n", words[1]], cwd=ROOT, capture_output=True, check=False
        )
        assert done.returncode == 0
        return
    names = [word for word in words[1:] if re.fullmatch(r"[a-z]+,?", word)]
    depth = 2 if names[:1] in (["local"], ["agent"]) else 1
    # "hotsite init, synth"-like lists do not occur: one command a code span.
    with pytest.raises(SystemExit) as stop:
        main([*names[:depth], "--help"])
    assert stop.value.code == 0
    told = capsys.readouterr().out
    for flag in flags_of(words):
        assert flag in told


def test_simulated_drill_of_the_readme_runs_as_written(tmp_path):
    line = next(line for line in commands(README) if "--world sim" in line)
    words = [*shlex.split(line)[1:], "--out", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "hotsite.faces.cli.main", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def table_rows():
    part = README.partition("<!-- numbers -->")[2].partition("<!-- /numbers -->")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    split = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    head, _, *body = split
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in body}


def test_every_number_of_the_readme_is_one_that_a_drill_measured():
    measured = {
        label: {key: value for key, value in row.items() if key != "command"}
        for label, row in NUMBERS.items()
    }
    assert table_rows() == measured
    for row in NUMBERS.values():
        assert row["command"] in README


def test_numbers_meet_the_objectives_that_the_drills_state():
    for row in NUMBERS.values():
        assert float(row["99 % back"].removesuffix(" s")) <= 60
        recovered, _, devices = row["recovered"].partition(" of ")
        assert recovered == devices
        assert row["acknowledged, lost"].startswith("0 of ")
        assert row["duplicates"] == "0"


@pytest.mark.parametrize("page", PAGES, ids=[str(p.relative_to(ROOT)) for p in PAGES])
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target
