"""Workers that are forked from a process with the AWS SDK in it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hotsite.errors import NotReadyError
from hotsite.local.region import nursery
from hotsite.local.region.nursery import Nursery

ECHO = """
import os, sys
print("folder", os.getcwd(), file=sys.stderr, flush=True)
for line in sys.stdin:
    print(os.environ["COLOUR"], "boto3" in sys.modules, line.strip(), flush=True)
"""
DRAW = "import random; print(random.random(), flush=True)"
BREAK = "raise KeyError('oven')"


@pytest.fixture
def forking():
    found = Nursery()
    yield found
    found.close()


@pytest.fixture
def start(forking, tmp_path):
    workers = []

    def started(text, **environment):
        script = tmp_path / "worker.py"
        script.write_text(text)
        code = tmp_path / "code"
        code.mkdir(exist_ok=True)
        workers.append(forking.spawn(str(script), str(code), environment))
        return workers[-1]

    yield started
    for worker in workers:
        worker.kill()
        for stream in (worker.stdin, worker.stdout, worker.stderr):
            stream.close()


def test_a_worker_has_the_sdk_its_environment_its_folder_and_three_streams(
    start, tmp_path
):
    worker = start(ECHO, COLOUR="red")
    worker.stdin.write("hello\n")
    assert worker.stdout.readline() == "red True hello\n"
    assert worker.stderr.readline() == f"folder {tmp_path / 'code'}\n"
    assert worker.poll() is None
    worker.stdin.close()
    assert worker.wait(timeout=10) == 0
    assert worker.poll() == 0


def test_a_worker_knows_nothing_of_another_ones_environment(start):
    start(ECHO, COLOUR="red")
    worker = start("import os, json; print(json.dumps(sorted(os.environ)))", SIZE="1")
    assert json.loads(worker.stdout.readline()) == ["SIZE"]


def test_workers_draw_different_numbers(start):
    assert start(DRAW).stdout.readline() != start(DRAW).stdout.readline()


def test_a_worker_is_told_to_end(start):
    worker = start(ECHO, COLOUR="red")
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(timeout=0)
    worker.terminate()
    assert worker.wait(timeout=10) == 0
    worker.kill()


def test_a_worker_that_breaks_says_why_and_ends(start):
    worker = start(BREAK)
    assert worker.stdout.readline() == ""
    assert worker.stderr.read().endswith("KeyError: 'oven'\n")
    assert worker.wait(timeout=10) == 0


def test_a_worker_that_ended_leaves_no_zombie(start):
    worker = start("pass")
    worker.wait(timeout=10)
    # The kernel collects it, a moment later; a zombie would stay.
    for _ in range(1000):
        if not Path(f"/proc/{worker.pid}").exists():
            break
        time.sleep(0.01)
    else:
        pytest.fail("a zombie")


def test_a_function_with_an_sdk_of_its_own_starts_from_nothing(start, tmp_path):
    (tmp_path / "code" / "botocore").mkdir(parents=True)
    with pytest.raises(NotReadyError, match="brings its own botocore"):
        start(ECHO)


def test_a_function_uses_the_package_that_it_brings(start, tmp_path):
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "jmespath.py").write_text("whose = 'mine'")
    code = "import sys; sys.path.insert(0, '.'); import boto3, jmespath;"
    worker = start(f"{code} print(jmespath.whose, flush=True)")
    assert worker.stdout.readline() == "mine\n"


def test_the_next_worker_starts_after_the_forking_process_has_died(start, forking):
    start(ECHO, COLOUR="red")
    parent = int(start("import os; print(os.getppid())").stdout.readline())
    os.kill(parent, 9)
    with pytest.raises(NotReadyError):
        # The first who asks notices.
        start(ECHO)
    assert start(DRAW).stdout.readline()


def test_whoever_is_no_worker_starts_as_ever(forking, tmp_path):
    (patch,) = nursery.patches(forking)
    processes = patch.replace(subprocess)
    assert processes.PIPE == subprocess.PIPE
    code = "import sys; print('boto3' in sys.modules)"
    options = {"cwd": str(tmp_path), "stdout": subprocess.PIPE, "text": True}
    layered = {**os.environ, "_LAMBDA_LAYERS_DIRS": str(tmp_path)}
    script = tmp_path / "worker.py"
    script.write_text(code)
    one = processes.Popen([sys.executable, str(script)], env=layered, **options)
    assert one.communicate()[0] == "False\n"
    (tmp_path / "boto3").mkdir()
    other = processes.Popen([sys.executable, str(script)], env=os.environ, **options)
    assert isinstance(other, subprocess.Popen)
    assert other.communicate()[0] == "False\n"
