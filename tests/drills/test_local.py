"""Drills in the local world: real Regions, real kills, the command as users run it."""

import json
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from hotsite.adapters import journal
from hotsite.core.books import DeviceReported
from hotsite.core.churn import CertificateTried, Outcome
from hotsite.core.journal import DeviceRecovered, DrillEnded, FleetSampled
from hotsite.core.verdict import judge

pytestmark = pytest.mark.local

ROOT = Path(__file__).parents[2]
HOTSITE = [sys.executable, "-m", "hotsite.faces.cli.main"]
LIMIT_S = 600


def drill(out, scenario, *flags):
    command = [*HOTSITE, "drill", str(scenario), "--out", str(out), "--json", *flags]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout), done.stderr


def shortened(tmp_path, name, **changes):
    text = (ROOT / "drills" / f"{name}.toml").read_text()
    for key, value in changes.items():
        text, count = re.subn(rf"(?m)^{key} = \S+", f"{key} = {value}", text)
        assert count == 1, f"{name}.toml has no {key}"
    path = tmp_path / f"{name}.toml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["region-loss", "region-freeze"])
def test_fleet_survives_the_loss_of_its_region(tmp_path, name):
    flags = ("--devices", "20", "--seed", "7")
    code, verdict, said = drill(tmp_path / "out", ROOT / f"drills/{name}.toml", *flags)
    assert (code, verdict["verdict"]) == (0, "pass"), (verdict["reasons"], said)
    assert verdict["rto"]["recovered"] == 20
    assert verdict["rto"]["p99_s"] <= verdict["objectives"]["rto_s"]
    assert (verdict["rpo"]["lost"], verdict["rpo"]["duplicates"]) == (0, 0)
    assert verdict["rpo"]["stored"] == verdict["rpo"]["published"] > 0
    assert verdict["registry"]["connectable_in_standby"] == 20
    figures = [verdict["phases"], verdict["rto"], verdict["rpo"], verdict["registry"]]
    assert all(value is not None for part in figures for value in part.values())

    events = journal.read(tmp_path / "out" / "journal.jsonl").events
    assert judge(events).to_json() == verdict
    facts = [event.fact for event in events]
    assert sum(isinstance(fact, DeviceRecovered) for fact in facts) == 20
    assert any(isinstance(fact, FleetSampled) for fact in facts)
    assert left_of(tmp_path) == []


def test_power_cuts_and_a_sick_region_that_dies_and_returns_lose_nothing(tmp_path):
    scenario = shortened(
        tmp_path, "power-and-region", steady_s=6.0, stay_healthy_s=2.0, processes=3
    )
    flags = ("--devices", "9", "--seed", "3")
    code, verdict, said = drill(tmp_path / "out", scenario, *flags)
    assert (code, verdict["verdict"]) == (0, "pass"), (verdict["reasons"], said)
    assert (verdict["rpo"]["lost"], verdict["rpo"]["duplicates"]) == (0, 0)
    assert verdict["rpo"]["lost_if_puback_trusted"] > 0
    assert verdict["hardship"]["power_cuts"] >= 3
    assert sum(verdict["returned"].values()) == 0

    events = journal.read(tmp_path / "out" / "journal.jsonl").events
    assert judge(events).to_json() == verdict
    facts = [event.fact for event in events]
    reported = [fact for fact in facts if isinstance(fact, DeviceReported)]
    epochs = Counter(fact.thing for fact in reported)
    assert len(epochs) == 9
    assert max(epochs.values()) > 1
    assert left_of(tmp_path) == []


def test_drill_without_a_fault_is_judged_honestly(tmp_path):
    scenario = shortened(tmp_path, "no-fault", steady_s=4.0, stay_healthy_s=2.0)
    code, verdict, _ = drill(tmp_path / "out", scenario, "--devices", "5")
    assert code == 1
    assert set(verdict["rto"].values()) == {None}
    assert any("no fault was injected" in reason for reason in verdict["reasons"])
    assert verdict["rpo"]["lost"] == 0
    assert verdict["rpo"]["stored"] == verdict["rpo"]["published"] > 0


def test_drill_with_dns_failover_disabled_fails(tmp_path):
    scenario = shortened(
        tmp_path,
        "dns-disabled",
        steady_s=4.0,
        stay_healthy_s=2.0,
        recovery_limit_s=30.0,
    )
    code, verdict, _ = drill(tmp_path / "out", scenario, "--devices", "5")
    assert (code, verdict["verdict"]) == (1, "fail")
    assert verdict["rto"]["recovered"] == 0
    assert verdict["phases"]["dns_switched_s"] is None
    assert verdict["reasons"]


@pytest.fixture
def cloud(tmp_path):
    """A cloud of the test's own that outlives a drill; commands run beside it."""
    up = ["local", "up", "--detach", "--name", "churn", "--block", "75"]
    assert run(tmp_path, *up).returncode == 0
    yield "churn"
    run(tmp_path, "local", "down", "--name", "churn")


def run(folder, *command):
    return subprocess.run(
        [*HOTSITE, *command],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


def test_registry_is_whole_after_churn_through_a_kill_and_a_return(tmp_path, cloud):
    scenario = shortened(
        tmp_path, "registry-churn", before=24, meanwhile=14, after=14, devices=20
    )
    flags = ("--local", cloud, "--out", "out", "--json")
    played = run(tmp_path, "drill", str(scenario), *flags)
    verdict = json.loads(played.stdout)
    assert played.returncode == 0, (verdict["reasons"], played.stderr)
    churn = verdict["churn"]
    assert sum(churn["changes"].values()) == 52
    assert all(churn["changes"].values())
    assert (churn["while_one_lived"], churn["returned"]) == (14, True)
    assert churn["outside"] > 5
    assert min(churn["revoked"], churn["deleted"], churn["shut_out_tried"]) > 0
    wrong = ("lost", "undeleted", "stale", "shut_out_let_in", "drift")
    assert {name: churn[name] for name in wrong} == dict.fromkeys(wrong, 0)
    assert churn["lag_p99_s"] <= verdict["objectives"]["lag_p99_s"]

    events = journal.read(tmp_path / "out" / "journal.jsonl").events
    assert judge(events).to_json() == verdict
    tried = [e.fact for e in events if isinstance(e.fact, CertificateTried)]
    refused = {fact.region for fact in tried if fact.outcome is Outcome.REFUSED}
    assert refused == {"eu-central-1", "eu-west-1"}

    verified = run(tmp_path, "verify", "--local", cloud)
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.parametrize("victim", ["hotsite.local.dns", "hotsite.faces.agent.fleet"])
def test_death_of_a_process_ends_the_drill_and_names_it(tmp_path, victim):
    process = started(tmp_path, victim)
    found = next(p for p in family(process) if victim in p.cmdline())
    found.send_signal(signal.SIGKILL)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 3, said
    last = said.strip().splitlines()[-1]
    assert last.startswith("hotsite: ")
    assert victim.rpartition(".")[2] in last
    events = journal.read(tmp_path / "out" / "journal.jsonl").events
    assert isinstance(events[-1].fact, DrillEnded)
    assert events[-1].fact.reason.startswith("world died")
    assert left_of(tmp_path) == []


def test_ctrl_c_leaves_nothing_running_and_says_so_in_the_journal(tmp_path):
    process = started(tmp_path, "hotsite.faces.agent.fleet")
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    events = journal.read(tmp_path / "out" / "journal.jsonl").events
    assert events[-1].fact == DrillEnded("interrupted")
    assert left_in_the_end_of(tmp_path) == []


def started(tmp_path, wanted):
    """Start a drill and wait until it plays and one of its processes runs."""
    command = [*HOTSITE, "drill", "drills/region-loss.toml", "--devices", "3"]
    # A shell starts background jobs with SIGINT ignored, and that is inherited.
    process = subprocess.Popen(
        ["env", "--default-signal=INT", *command, "--out", str(tmp_path / "out")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until_s = time.monotonic() + 60
    while time.monotonic() < until_s:
        is_running = any(wanted in found.cmdline() for found in family(process))
        if is_running and (tmp_path / "out" / "journal.jsonl").exists():
            return process
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    raise AssertionError(f"{wanted} never ran")


def family(process):
    try:
        found = psutil.Process(process.pid).children(recursive=True)
        return [child for child in found if child.status() != psutil.STATUS_ZOMBIE]
    except psutil.NoSuchProcess:
        return []


def left_in_the_end_of(tmp_path):
    """Return processes that did not end with the drill, nor for its end.

    A fleet that was interrupted at its birth ends when its standard input does.
    """
    until_s = time.monotonic() + 20
    while left_of(tmp_path) and time.monotonic() < until_s:
        time.sleep(0.1)
    return left_of(tmp_path)


def left_of(tmp_path):
    """Return processes that still run for a drill in this folder."""
    found = []
    for process in psutil.process_iter(["pid", "cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if str(tmp_path) in line and process.status() != psutil.STATUS_ZOMBIE:
            found.append(line)
    return found
