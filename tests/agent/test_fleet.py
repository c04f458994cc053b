"""The commands as their callers start them: processes, pipes, signals."""

import asyncio
import json
import signal
import sys
from pathlib import Path

import pytest
from tests.agent.conftest import SITE_A

from hotsite.core.intervals import Intervals

RUN_AGENT = """
import pathlib, sys
from hotsite.faces.agent.runner import run
count, limit = (None if a == "none" else float(a) for a in sys.argv[2:])
sys.exit(run(pathlib.Path(sys.argv[1]), is_json=True, time_s_max=limit,
             message_count=None if count is None else int(count)))
"""


class Process:
    """A started program whose lines are events."""

    def __init__(self, process):
        self.process = process

    @classmethod
    async def start(cls, *arguments):
        pipe = asyncio.subprocess.PIPE
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable, *arguments, stdin=pipe, stdout=pipe, stderr=pipe
            )
        )

    def command(self, **values):
        self.process.stdin.write(json.dumps(values).encode() + b"\n")

    async def until(self, condition):
        """Return the events up to the first one that the condition likes."""
        events = []
        async with asyncio.timeout(20):
            while line := await self.process.stdout.readline():
                events.append(json.loads(line))
                if condition(events[-1]):
                    return events
        raise AssertionError(f"it ended first: {events} {await self.end()}")

    async def end(self):
        async with asyncio.timeout(20):
            _out, error = await self.process.communicate()
        return self.process.returncode, error.decode()


@pytest.fixture
async def fleet(fleet_file, name_server, broker_a):
    path = fleet_file(3)
    running = await Process.start("-m", "hotsite.faces.agent.fleet", str(path))
    yield running
    if running.process.returncode is None:
        running.process.kill()
        await running.end()


def is_busy(event):
    return event["kind"] == "fleet_sample" and event["acknowledged"] >= 9


async def test_a_fleet_says_who_is_where_and_reports_what_it_did(fleet, broker_a):
    events = await fleet.until(is_busy)
    connected = [e for e in events if e["kind"] == "device_connected"]
    assert {e["thing"] for e in connected} == {"thing-0", "thing-1", "thing-2"}
    assert {(e["site"], e["address"]) for e in connected} == {(SITE_A, "127.0.31.1")}
    sample = events[-1]
    assert sample["connected"] == {SITE_A: 3}
    assert (sample["offline"], sample["connects"]) == (0, 3)
    assert (sample["failures"], sample["failure"]) == (0, "")
    assert sample["at_s"] > 1.7e9
    fleet.command(command="pause")
    await fleet.until(lambda e: e["kind"] == "fleet_sample" and not e["backlog"])
    fleet.command(command="report", fault_at_s=connected[-1]["at_s"])
    *reports, _done = await fleet.until(lambda e: e["kind"] == "report_done")
    reports = [e for e in reports if e["kind"] == "device_reported"]
    assert len(reports) == 3
    total = 0
    for report in reports:
        published = Intervals.from_pairs(map(tuple, report["published"]))
        assert report["acknowledged"] == report["published"]
        before = Intervals.from_pairs(map(tuple, report["acknowledged_before_fault"]))
        assert before.size < published.size
        assert report["dropped"] == 0
        total += published.size
    assert total == len(broker_a.counts())
    fleet.command(command="stop")
    assert await fleet.end() == (0, "")


async def test_a_fleet_resumes_and_refuses_what_it_does_not_know(fleet):
    fleet.command(command="pause")
    fleet.command(command="dance")
    fleet.command(order="report")
    events = await fleet.until(lambda e: "order" in e.get("line", ""))
    assert sum(e["kind"] == "command_refused" for e in events) == 2
    fleet.command(command="resume")
    await fleet.until(is_busy)
    fleet.command(command="report")
    events = await fleet.until(lambda e: e["kind"] == "report_done")
    reports = [e for e in events if e["kind"] == "device_reported"]
    assert all(report["acknowledged_before_fault"] is None for report in reports)


async def test_the_end_of_stdin_stops_a_fleet(fleet, broker_a):
    await fleet.until(is_busy)
    fleet.process.stdin.close()
    assert await fleet.end() == (0, "")
    await broker_a.until(lambda: broker_a.goodbyes == 3)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)]
)
async def test_a_signal_stops_a_fleet(fleet, number, code):
    await fleet.until(is_busy)
    fleet.process.send_signal(number)
    assert await fleet.end() == (code, "")


async def test_a_wrong_configuration_is_one_clear_line(fleet_file):
    path = fleet_file(1, interval=3)
    wrong = await Process.start("-m", "hotsite.faces.agent.fleet", str(path))
    code, error = await wrong.end()
    assert code == 2
    assert error == f"fleet: {path}: unknown key 'interval'\n"


@pytest.fixture
def agent_file(fleet_file, tmp_path):
    config = json.loads(fleet_file(1).read_text())
    (device,) = config.pop("devices")
    # The certificate may stand in the file itself; the key never does.
    device["certificate"] = Path(device["certificate"]).read_text()
    path = tmp_path / "device.json"
    path.write_text(json.dumps({**config, **device}))
    return path


async def test_an_agent_ends_when_its_messages_are_acknowledged(
    agent_file, name_server, broker_a
):
    arguments = ("-c", RUN_AGENT, str(agent_file.parent), "3", "none")
    agent = await Process.start(*arguments)
    await agent.until(lambda e: e["kind"] == "message_acknowledged" and e["seq"] == 3)
    assert await agent.end() == (0, "")
    assert len(broker_a.received) == 3


async def test_an_agent_without_a_broker_gives_up_at_its_limit(agent_file, name_server):
    agent = await Process.start("-c", RUN_AGENT, str(agent_file), "1", "1.5")
    await agent.until(lambda e: e["kind"] == "device_attempt_failed")
    assert await agent.end() == (3, "")


BUFFER = """
import sys
from asyncio import sslproto
from hotsite.faces.agent.loop import run
async def main():
    return sslproto.SSLProtocol.max_size // 1024
sys.exit(run(main()))
"""


async def test_a_connection_gets_a_buffer_of_one_tls_record():
    """The default is 256 KiB a connection, which is most of what one costs."""
    process = await Process.start("-c", BUFFER)
    assert await process.end() == (16, "")
