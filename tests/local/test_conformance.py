"""`hotsite conformance`, as a firmware developer uses it: real cloud, real device."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.local.cloud_world import assert_nothing_left, wait_until

from hotsite.local import cloud

pytestmark = [pytest.mark.local, pytest.mark.timeout(300)]
# Templates are made once, beside everything else that is built.
ROOT = Path(__file__).parents[2]
HOTSITE = [sys.executable, "-m", "hotsite.faces.cli.main"]
AGENT = (
    *("connects", "sni", "aws-names", "keep-alive", "qos", "format", "subscribes"),
    *("recovery-kill", "no-loss", "gapless", "no-duplicate"),
)
READY_S_MAX = 150


def conformance(out, *words, device):
    command = [*HOTSITE, "conformance", "--out", str(out), *words, "--", *device]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_gone(pid):
    """Say whether a process has ended; its parent may have died before it asked."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_our_agent_passes_and_everything_is_written_down(tmp_path):
    words = ("--json", "--checks", ",".join(AGENT))
    device = (*HOTSITE, "agent", "run", str(tmp_path / "device"))
    with conformance(tmp_path, *words, device=device) as process:
        out, err = process.communicate()
    report = json.loads(out)
    found = {one["check"]: one["judgement"] for one in report["findings"]}
    assert found == dict.fromkeys(found, "pass"), report
    assert set(found) == set(AGENT)
    assert process.returncode == 0
    assert "dies, with replication 5 s behind" in err
    assert json.loads((tmp_path / "conformance.json").read_text()) == report
    assert "| pass |" in (tmp_path / "report.md").read_text()
    seen = (tmp_path / "sightings.jsonl").read_text().splitlines()
    kinds = {json.loads(line)["kind"] for line in seen}
    assert {"query", "hello", "connected", "acknowledged", "mark"} <= kinds
    assert (tmp_path / "device" / "device.key").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_device_and_cloud_end_with_the_command(tmp_path, number, code):
    device = ("sh", "-c", "echo $$; exec sleep 600")
    with conformance(tmp_path, device=device) as process:
        log = tmp_path / "device.log"
        wait_until(lambda: log.exists() and log.read_text(), READY_S_MAX)
        state = cloud.read_state(tmp_path / "cloud")
        process.send_signal(number)
        process.communicate(timeout=30)
    assert process.returncode == code
    assert_nothing_left(state)
    wait_until(lambda: is_gone(int(log.read_text())))
