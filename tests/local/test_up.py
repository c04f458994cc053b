"""`hotsite local`, as a person uses it: real templates, real processes."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.local.cloud_world import assert_nothing_left, processes_of, wait_until

from hotsite.adapters.aws.meter import DynamoMeterReadings
from hotsite.adapters.aws.operations import DynamoOperations
from hotsite.adapters.clock import SystemClock
from hotsite.core.operations import Pause
from hotsite.flows.metering import rpo_now
from hotsite.local import cloud
from hotsite.local.client import LocalCloud

pytestmark = pytest.mark.local
# Templates are made once, beside everything else that is built.
ROOT = Path(__file__).parents[2]
BLOCK = "71"


def command(part, folder, *arguments):
    program = [sys.executable, "-m", "hotsite.faces.cli.main", "local", part]
    return [*program, "--dir", str(folder), *arguments]


def hotsite(part, folder, *arguments, limit_s=150):
    return subprocess.run(
        command(part, folder, *arguments),
        capture_output=True,
        text=True,
        timeout=limit_s,
        cwd=ROOT,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("up") / "cloud"
    done = hotsite("up", found, "--detach", "--json", "--block", BLOCK)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["state"] == "ready"
    assert "password" not in document
    yield found
    hotsite("down", found)


def test_the_time_to_be_ready_is_told(folder, record_property):
    state = cloud.read_state(folder)
    assert [step.name for step in state.steps][-1] == "both sites healthy"
    record_property("ready_s", state.steps[-1].done_s)


def test_status_says_what_runs_what_dns_answers_and_the_lag(folder):
    done = hotsite("status", folder, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    address = found["sites"][0]["address"]
    assert found["answers"] == {"iot.hotsite.test": address}
    assert all(process["is_alive"] for process in found["processes"])
    assert [site["is_healthy"] for site in found["health"]] == [True, True]
    # Three global tables, each both ways.
    assert len(found["replication"]) == 2 * 3
    assert found["troubles"] == []
    assert "iot.hotsite.test ->" in hotsite("status", folder).stdout


def test_heartbeats_alone_measure_what_each_regions_death_would_lose(folder):
    local = LocalCloud.open(folder)
    regions = [site.region for site in local.state.sites]

    def measured(survivor, lost):
        table = local.client("dynamodb", survivor)
        readings = DynamoMeterReadings(table, local.state.tables.applied)
        return rpo_now(readings, SystemClock(), [lost])[lost].hot_s is not None

    # The canary looks every 10 s, and 20 s pass between two of its runs.
    for survivor, lost in (regions, regions[::-1]):
        wait_until(lambda s=survivor, lo=lost: measured(s, lo), limit_s=60)


def test_operations_of_one_region_are_read_in_the_other(folder):
    local = LocalCloud.open(folder)
    a, b = (
        DynamoOperations(local.client("dynamodb", letter), "hotsite-operations")
        for letter in ("a", "b")
    )
    pause = Pause(is_paused=True, by="operator", reason="work")
    a.write(pause, previous=None)
    wait_until(lambda: b.read().pause == pause)


def test_env_is_what_a_shell_and_boto3_understand(folder):
    done = hotsite("env", folder, "--site", "b")
    assert done.returncode == 0, done.stderr
    script = (
        "import boto3; c = boto3.client('iot'); "
        "print(c.meta.region_name, c.describe_thing_group("
        "thingGroupName='hotsite-fleet')['thingGroupName'])"
    )
    shell = f'{done.stdout}\nexec "$0" -c "$1"'
    said = subprocess.run(
        ["sh", "-c", shell, sys.executable, script],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    assert said.stdout.split() == ["eu-west-1", "hotsite-fleet"]
    state = cloud.read_state(folder)
    assert state.password not in done.stdout


def test_exec_lets_an_unmodified_program_resolve_our_names(folder):
    script = "import socket; print(socket.gethostbyname('iot.hotsite.test'))"
    done = hotsite("exec", folder, "--", sys.executable, "-c", script)
    if "does not permit" in done.stderr or "may not bind" in done.stderr:
        assert done.returncode == 2
        pytest.skip(done.stderr)
    state = cloud.read_state(folder)
    assert done.stdout.strip() == state.sites[0].address, done.stderr


def test_a_second_up_in_the_same_folder_is_refused(folder):
    done = hotsite("up", folder, "--detach")
    assert done.returncode == 2
    assert "already up" in done.stderr


def test_a_second_cloud_stays_in_the_foreground_until_interrupted(folder, tmp_path):
    second = tmp_path / "second"
    with subprocess.Popen(
        command("up", second, "--block", BLOCK),
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        lines = iter(process.stderr.readline, "")
        assert any("ready:" in line for line in lines)
        state = cloud.read_state(second)
        assert state.block == int(BLOCK) + 2
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    assert_nothing_left(state)
    assert cloud.read_state(folder).state == "ready"


def test_a_killed_supervisor_is_told_by_status_and_swept_by_down(folder):
    state = cloud.read_state(folder)
    os.kill(state.supervisor.pid, signal.SIGKILL)
    wait_until(lambda: not processes_of(state))
    done = hotsite("status", folder)
    assert done.returncode == 3
    assert f"supervisor (pid {state.supervisor.pid}) died" in done.stderr
    for part in ("down", "down"):
        assert hotsite(part, folder).returncode == 0
    assert_nothing_left(state)
    done = hotsite("status", folder)
    assert done.returncode == 3
    assert "no local cloud is up" in done.stderr
