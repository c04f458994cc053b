import json
import subprocess
import sys
from pathlib import Path

import pytest

from hotsite.adapters import device_key
from hotsite.faces.cli.main import main

ROOT = Path(__file__).parents[2]
KILL = str(ROOT / "drills" / "region-loss.toml")
FLAPPING = str(ROOT / "drills" / "flapping.toml")


def run(capsys, *arguments):
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as stop:
        code = stop.code
    said = capsys.readouterr()
    return code, said.out, said.err


def one_line(text):
    return text.count("\n") == 1 and text.startswith("hotsite: ")


def test_help_reads_like_a_table_of_contents(capsys):
    code, out, _ = run(capsys, "--help")
    assert code == 0
    known = ("init", "drill", "report", "local", "synth", "onboard", "agent")
    operating = ("failover", "failback", "pause", "resume")
    for command in (*known, *operating, "conformance"):
        assert f"\n    {command}" in out
    assert "exit codes:" in out


@pytest.mark.parametrize(
    "command",
    [
        ["init"],
        ["drill"],
        ["report"],
        ["local", "up"],
        ["synth"],
        ["claims"],
        ["onboard"],
        ["companion", "serve"],
        ["failover"],
        ["failback"],
        ["pause"],
        ["resume"],
        ["agent", "run"],
        ["conformance"],
    ],
)
def test_every_command_shows_an_example(capsys, command):
    code, out, _ = run(capsys, *command, "--help")
    assert code == 0
    assert "example" in out


@pytest.mark.parametrize("sites", [1, 5])
def test_local_cloud_of_too_few_or_many_regions_is_refused(capsys, sites):
    code, _, err = run(capsys, "local", "up", "--sites", sites)
    assert (code, err.strip()) == (2, f"hotsite: --sites {sites}: write 2, 3 or 4")


def test_simulated_drill_passes_and_leaves_three_files(capsys, tmp_path):
    out_dir = tmp_path / "out"
    code, out, _ = run(
        capsys, "drill", KILL, "--world", "sim", "--devices", 5, "--out", out_dir
    )
    assert code == 0
    assert "pass" in out.lower()
    verdict = json.loads((out_dir / "verdict.json").read_text())
    assert (verdict["verdict"], verdict["devices"], verdict["world"]) == (
        "pass",
        5,
        "sim",
    )
    assert "<html" in (out_dir / "report.html").read_text()


def test_json_is_one_document_on_stdout_and_nothing_else(capsys, tmp_path):
    code, out, err = run(
        capsys, "drill", KILL, "--world", "sim", "--json", "--out", tmp_path
    )
    assert code == 0
    assert json.loads(out)["schema"] == 1
    assert "steady" in err


def test_report_is_the_same_from_the_journal_alone(capsys, tmp_path):
    run(capsys, "drill", KILL, "--world", "sim", "--seed", 3, "--out", tmp_path)
    before = (tmp_path / "verdict.json").read_text()
    html = (tmp_path / "report.html").read_text()
    (tmp_path / "verdict.json").unlink()
    (tmp_path / "report.html").unlink()
    code, _, _ = run(capsys, "report", tmp_path)
    assert code == 0
    assert (tmp_path / "verdict.json").read_text() == before
    assert (tmp_path / "report.html").read_text() == html


def test_missed_objectives_are_exit_code_one(capsys, tmp_path):
    scenario = ROOT / "drills" / "dns-disabled.toml"
    code, out, _ = run(capsys, "drill", scenario, "--world", "sim", "--out", tmp_path)
    assert code == 1
    assert json.loads((tmp_path / "verdict.json").read_text())["verdict"] == "fail"
    assert "fail" in out.lower()
    assert run(capsys, "report", tmp_path)[0] == 1


def test_simulated_churn_is_judged_from_its_journal_file(capsys, tmp_path):
    scenario = ROOT / "drills" / "registry-churn.toml"
    flags = ("--world", "sim", "--json", "--out", tmp_path)
    code, out, _ = run(capsys, "drill", scenario, *flags)
    verdict = json.loads(out)
    assert (code, verdict["verdict"], verdict["churn"]["drift"]) == (0, "pass", 0)
    assert run(capsys, "report", tmp_path, "--json")[:2] == (0, out)


def test_drill_without_a_fault_says_that_nothing_was_measured(capsys, tmp_path):
    scenario = ROOT / "drills" / "no-fault.toml"
    code, _, _ = run(capsys, "drill", scenario, "--world", "sim", "--out", tmp_path)
    verdict = json.loads((tmp_path / "verdict.json").read_text())
    assert code == 1
    assert verdict["rto"]["p99_s"] is None
    assert any("no fault" in reason for reason in verdict["reasons"])


def test_earlier_drill_is_kept(capsys, tmp_path):
    for seed in (1, 2):
        run(capsys, "drill", KILL, "--world", "sim", "--seed", seed, "--out", tmp_path)
    earlier = json.loads((tmp_path / "earlier" / "1" / "verdict.json").read_text())
    now = json.loads((tmp_path / "verdict.json").read_text())
    assert (earlier["seed"], now["seed"]) == (1, 2)


def test_same_seed_gives_the_same_simulated_verdict(capsys, tmp_path):
    for name in ("one", "two"):
        run(capsys, "drill", KILL, "--world", "sim", "--out", tmp_path / name)
    one = (tmp_path / "one" / "verdict.json").read_text()
    assert (tmp_path / "two" / "verdict.json").read_text() == one


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["drill", "nowhere.toml"], "nowhere.toml: No such file"),
        (["drill", KILL, "--devices", "0", "--world", "sim"], "devices must be"),
        (["drill", KILL, "--world", "aws"], "not built yet"),
        (["drill", KILL, "--local", "--world", "sim"], "is no world sim"),
        (["drill", FLAPPING, "--local"], "more than can be mended"),
        (
            ["local", "up", "--empty", "--strategy", "pilot-light"],
            "--strategy: an empty cloud has none",
        ),
        (
            ["local", "up", "--sites", "3", "--strategy", "pilot-light"],
            "--sites 3: strategy pilot-light takes two",
        ),
        (["report", "nowhere"], "nowhere"),
        (["synth", "--config", "nowhere.toml"], "nowhere.toml: No such file"),
        (["agent", "run", "nowhere"], "nowhere"),
    ],
)
def test_wrong_input_is_one_clear_line_and_exit_code_two(
    capsys, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert code == 2
    assert one_line(err), err
    assert message in err
    assert out == ""


def test_wrong_usage_is_exit_code_two(capsys):
    assert run(capsys, "drill")[0] == 2
    assert run(capsys, "fly")[0] == 2
    assert run(capsys)[0] == 2


def test_error_as_json_when_json_is_asked_for(capsys):
    code, out, _ = run(capsys, "report", "nowhere", "--json")
    assert code == 2
    assert "nowhere" in json.loads(out)["error"]["message"]


def test_init_writes_settings_that_synth_takes_and_never_overwrites(capsys, tmp_path):
    code, out, _ = run(capsys, "init", tmp_path, "--json")
    path = tmp_path / "hotsite.toml"
    assert (code, json.loads(out)) == (0, {"written": str(path)})
    path.write_text(path.read_text().replace("fleet.example.com", "oven.example.org"))
    code, _, err = run(capsys, "init", tmp_path)
    assert (code, "is there already" in err) == (2, True)
    code, out, _ = run(
        capsys, "synth", "--config", path, "--out", tmp_path / "t", "--json"
    )
    assert code == 0
    written = [Path(name) for name in json.loads(out)["written"]]
    assert any("iot.oven.example.org" in item.read_text() for item in written)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("domain = 7", "domain must be a string"),
        ("", "domain is missing"),
        ('domain = "a.example.com"\nrto = 3', "unknown key 'rto'"),
        ('domain = "a.example.com"\n[dns]\nttl_s = 99', "dns.ttl_s must be 1 to 60"),
        ('domain = "x.amazonaws.com"', "never one of AWS"),
        ("domain = ", "hotsite.toml"),
        (
            'domain = "a.example.com"\n[objectives]\nrto_s = "x"',
            "rto_s must be a number",
        ),
        ('domain = "a.example.com"\n[[sites]]\nletter = "a"', "region is missing"),
        ('domain = "a.example.com"\nsites = 1', "sites must be a list"),
    ],
)
def test_settings_that_are_wrong_say_where(capsys, tmp_path, text, message):
    path = tmp_path / "hotsite.toml"
    path.write_text(text)
    code, _, err = run(capsys, "synth", "--config", path)
    assert code == 2
    assert one_line(err)
    assert message in err


@pytest.mark.parametrize(
    ("claim", "api", "message"),
    [
        ("{", "api.example.com", "is not JSON"),
        ('{"id": "a b", "secret": "s"}', "api.example.com", "id must be"),
        (
            '{"id": "a", "secret": "s"}',
            "x.execute-api.eu-west-1.amazonaws.com",
            "AWS endpoint",
        ),
        ('{"id": "a", "secret": "s"}', "api.example.com:x", "port is not a number"),
    ],
)
def test_onboarding_with_wrong_input_calls_nobody(
    capsys, tmp_path, claim, api, message
):
    (tmp_path / "a.csr").write_text(device_key.make("a").csr_pem)
    (tmp_path / "claim.json").write_text(claim)
    (tmp_path / "token").write_text("t")
    code, _, err = run(
        capsys,
        "onboard",
        tmp_path / "a.csr",
        "--claim",
        tmp_path / "claim.json",
        "--token-file",
        tmp_path / "token",
        "--api",
        api,
    )
    assert code == 2
    assert message in err


def test_reader_that_leaves_early_is_no_error(tmp_path):
    command = f"{sys.executable} -m hotsite.faces.cli.main --help | head -1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.stdout.startswith("usage: hotsite")
    assert "Traceback" not in done.stderr


def test_operations_need_a_local_cloud_that_is_up_or_settings(
    capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, _, said = run(capsys, "failover", "--to", "b", "--local", "none")
    assert (code, one_line(said)) == (3, True)
    assert "no local cloud is up" in said
    code, _, said = run(capsys, "pause", "--because", "work")
    assert (code, one_line(said)) == (2, True)
    assert "hotsite.toml" in said
