"""The library, as its page in the manual shows it."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from tests.agent.conftest import SITE_A

from hotsite.device import Agent, InvalidInputError, OutboxFullError
from hotsite.faces.agent.config import read_agent, read_fleet

PAGE = Path(__file__).parents[2] / "docs" / "device.md"


def block(language):
    return re.search(rf"```{language}\n(.*?)```", PAGE.read_text(), re.DOTALL)[1]


@pytest.fixture
def directory(fleet_file, tmp_path):
    config = json.loads(fleet_file(1).read_text())
    (device,) = config.pop("devices")
    (tmp_path / "device.json").write_text(json.dumps({**config, **device}))
    return tmp_path


async def test_the_example_of_the_manual_works(
    directory, name_server, broker_a, capsys
):
    names = {"__name__": "example"}
    exec(compile(block("python"), str(PAGE), "exec"), names)
    await names["main"](directory)
    readings = [json.loads(payload)["data"] for _topic, payload in broker_a.received]
    assert readings == [{"temperature_c": 20.5}] * 3
    said = capsys.readouterr().out
    assert said.count("kept as") == 3
    assert "device_connected" in said


def test_the_manual_shows_every_setting_with_its_default(authority, tmp_path):
    certificate, key = authority.issue("oven-1")
    shown = json.loads(block("json"))
    files = {
        "certificate": str(certificate),
        "private_key": str(key),
        "ca": str(authority.path),
    }
    path = tmp_path / "device.json"
    path.write_text(json.dumps({**shown, **files}))
    whole = read_agent(path)
    needed = {"thing": shown["thing"], "endpoints": shown["endpoints"]}
    path.write_text(json.dumps({**needed, **files}))
    assert read_agent(path) == whole


async def test_commands_arrive_and_the_site_is_known(directory, name_server, broker_a):
    heard = asyncio.get_running_loop().create_future()
    async with Agent(directory, on_command=heard.set_result) as agent:
        assert agent.site == ""
        await broker_a.until(lambda: broker_a.subscriptions)
        assert agent.site == SITE_A
        broker_a.command("cmd/thing-0/reboot", b"now")
        command = await heard
    assert (command.topic, command.payload) == ("cmd/thing-0/reboot", b"now")
    await broker_a.until(lambda: broker_a.goodbyes)


async def test_a_message_is_taken_offline_and_sent_by_the_next_run(
    directory, name_server, broker_a
):
    name_server.site = None
    async with Agent(directory) as agent:
        key = await agent.publish({"n": 1})
        assert agent.backlog_count == 1
    name_server.site = SITE_A
    async with Agent(directory) as agent:
        await agent.delivered()
    (message,) = [json.loads(payload) for payload in broker_a.counts()]
    assert (message["epoch"], message["seq"]) == key


@pytest.mark.parametrize("data", [{"x": float("nan")}, {"x": b""}, {"x": "y" * 16_384}])
async def test_a_reading_that_no_site_would_take_is_refused(
    directory, name_server, data
):
    async with Agent(directory) as agent:
        with pytest.raises(InvalidInputError, match="reading"):
            await agent.publish(data)
        assert agent.backlog_count == 0


async def test_a_full_outbox_says_so(directory, name_server):
    path = directory / "device.json"
    config = {**json.loads(path.read_text()), "keeping": {"message_count_max": 2}}
    path.write_text(json.dumps(config))
    name_server.site = None
    async with Agent(directory) as agent:
        for n in range(2):
            await agent.publish({"n": n})
        with pytest.raises(OutboxFullError):
            await agent.publish({"n": 3})


async def test_an_agent_runs_only_inside_its_block(directory):
    agent = Agent(directory)
    with pytest.raises(InvalidInputError, match="async with"):
        await agent.publish({"n": 1})


def test_an_agent_is_one_device(fleet_file):
    with pytest.raises(InvalidInputError, match="one device"):
        Agent(read_fleet(fleet_file(2)))
