"""The README's forecast is what the command says now, and so is its picture."""

import importlib.util

from tests.docs.page import ROOT

SCRIPT = ROOT / "scripts" / "readme_forecast.py"
README = (ROOT / "README.md").read_text()


def script():
    found = importlib.util.spec_from_file_location("readme_forecast", SCRIPT)
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_forecast_of_the_readme_is_what_the_command_says_now():
    made = script()
    shown = README.partition(made.BEGIN)[2].partition(made.END)[0].strip()
    assert shown == made.section(), "run: .venv/bin/python scripts/readme_forecast.py"


def test_million_names_the_admission_wall_and_the_quota_to_raise():
    said = README.partition("<!-- forecast -->")[2].partition("<!-- /forecast -->")[0]
    row = next(line for line in said.splitlines() if line.startswith("| 1,000,000 "))
    assert "raise to" in row
    assert "CONNECT requests per second" in said


def test_picture_is_what_the_command_draws_now():
    drawn = (ROOT / "docs" / "forecast.svg").read_text()
    assert drawn == script().picture(), "run: scripts/readme_forecast.py"
