"""``hotsite forecast``: exit codes, one line of refusal, text, JSON, and a page."""

import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest

from hotsite.faces.cli.main import main
from hotsite.faces.cli.pricelist import known_prices

SETTINGS = """\
domain = "fleet.example.com"
[objectives]
rto_s = 60
[dns]
ttl_s = 10
"""


@pytest.fixture(name="config")
def _config(tmp_path):
    path = tmp_path / "hotsite.toml"
    path.write_text(SETTINGS)
    return path


def forecast(config, *words):
    return main(["forecast", "--config", str(config), *words])


def test_plan_that_meets_its_objectives_is_exit_code_0(config, capsys):
    assert forecast(config, "--devices", "10000", "--policy", "own-names") == 0
    out = capsys.readouterr().out
    assert out.startswith("MET  Of 10,000 devices half are back after 11.0 s")
    assert "WHAT TO CHANGE FIRST" in out


def test_million_names_the_admission_wall_and_the_quota_to_raise(config, capsys):
    words = ("--devices", "1000000", "--policy", "own-names")
    assert forecast(config, *words) == 1
    out = capsys.readouterr().out
    assert re.search(r"CONNECT requests per second +3,000 +333 s +raise to \d", out)
    assert "RTO p99 is 337.1 s; the objective is 60 s" in out


def test_raised_quotas_make_the_million_meet_the_objective(config, capsys):
    words = ("--devices", "1000000", "--policy", "own-names", "--json")
    forecast(config, *words)
    walls = json.loads(capsys.readouterr().out)["walls"]
    connects, subscribes, connections = (str(wall["needed"]) for wall in walls)
    raised = (
        *("--connects-per-s", connects),
        *("--subscribes-per-s", subscribes),
        *("--connections", connections),
    )
    assert forecast(config, *words, *raised) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "met"


def test_json_is_one_document_and_nothing_else(config, capsys):
    forecast(config, "--devices", "50", "--json", "--compare")
    document = json.loads(capsys.readouterr().out)
    assert document["schema"] == 1
    assert document["rto"]["p50_s"] < document["rto"]["p99_s"]
    assert len(document["strategies"]) == 3
    assert document["assumed"]["TTL"] == "10 s"


def test_fleet_of_the_settings_is_taken_and_told_to_its_devices(config, capsys):
    config.write_text(SETTINGS + "[telemetry]\nfleet_size = 90000\n")
    forecast(config, "--json")
    document = json.loads(capsys.readouterr().out)
    assert document["devices"] == 90_000
    assert document["assumed"]["Refused devices spread over"] == "30 s"
    assert not [c for c in document["changes"] if "fleet_size" in c["text"]]


def test_standby_in_a_region_with_small_quotas_is_judged_by_them(config, capsys):
    sites = (
        '[[sites]]\nletter = "a"\nregion = "eu-central-1"\n'
        '[[sites]]\nletter = "b"\nregion = "eu-west-3"\n'
    )
    config.write_text(SETTINGS + sites)
    forecast(config, "--devices", "150000", "--json")
    limits = [wall["limit"] for wall in json.loads(capsys.readouterr().out)["walls"]]
    assert limits == [3000, 200, 100_000]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "how large is the fleet"),
        (("--devices", "0"), "devices must be 1 to"),
        (("--devices", "5", "--connects-per-s", "0"), "quotas must be above 0"),
        (("--devices", "5", "--connects-per-s", "nan"), "quotas must be above 0"),
        (("--devices", "5", "--stretch-share", "7"), "stretch share must be 0 to 1"),
        (("--devices", "5", "--publish-interval", "-1"), "publish interval"),
        (("--devices", "5", "--activation-s", "inf", "--compare"), "activation"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(config, capsys, words, line):
    assert forecast(config, *words) == 2
    told = capsys.readouterr().err
    assert line in told
    assert told.count("\n") == 1


class Tags(HTMLParser):
    VOID = frozenset({"meta", "br"})

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.parametrize("policy", ["dns", "own-names", "pre-warmed"])
@pytest.mark.parametrize("fault", ["black-hole", "reset", "planned"])
def test_page_is_whole_and_needs_nothing_from_elsewhere(
    config, tmp_path, policy, fault
):
    words = ("--devices", "100000", "--policy", policy, "--fault", fault, "--compare")
    forecast(config, *words, "--out", str(tmp_path / "out"))
    page = (tmp_path / "out" / "forecast.html").read_text()
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert "<script" not in page
    assert not re.search(r'(src|href)="http', page)
    assert "NaN" not in page
    assert "inf" not in re.sub(r"[a-z]inf|inf[a-z]", "", page)
    document = json.loads((tmp_path / "out" / "forecast.json").read_text())
    assert document["policy"] == policy


def test_every_price_has_its_date_and_source():
    prices = known_prices()
    assert prices.missing
    for price in prices.prices:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", price.date)
        assert price.source.startswith("https://aws.amazon.com/")


def test_help_does_not_wait_for_numpy():
    code = (
        "import sys; from hotsite.faces.cli.main import parser; parser();"
        " print('numpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"
