"""An agent that updates itself, over real sockets, and goes back if it must."""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.firmware_site import site
from tests.firmware_world import Signer, carry
from tests.sample_firmware import image

from hotsite.errors import InvalidInputError, NotReadyError
from hotsite.faces.agent import updating
from hotsite.faces.agent.config import read_agent
from hotsite.faces.agent.firmware import open_kit, status
from hotsite.faces.agent.updating import UpdatingDevice, Wishes
from hotsite.faces.cli.main import main

API = "127.0.31.1"
OLD, NEW, BROKEN = b'{"interval_s": 0.1}', b'{"interval_s": 0.05}', b"\x7fELF"


@pytest.fixture
def signer(tmp_path):
    return Signer(tmp_path / "signed").begin(time.time())


@pytest.fixture
def directory(fleet_file, authority, signer, tmp_path):
    config = json.loads(fleet_file(1).read_text())
    (device,) = config.pop("devices")
    folder = tmp_path / "device"
    folder.mkdir()
    (folder / "device.json").write_text(json.dumps({**config, **device}))
    (folder / "factory.bin").write_bytes(OLD)
    (folder / "root.json").write_bytes(signer.root())
    document = {
        "root": "root.json",
        "api": ["api.hotsite.test"],
        "port": 18443,
        "ca": str(authority.path),
        "resolver": {"address": "127.0.31.53", "port": 15353},
        "factory": {"image": "factory.bin", "model": "HS-1", "version": "1.0.0"},
        "health_s": 1.0,
        "interval_s": 0.2,
    }
    (folder / "firmware.json").write_text(json.dumps(document))
    return folder


@dataclass
class Served:
    """A device, and who signs what its site serves."""

    directory: Path
    signer: Signer


@pytest.fixture
def served(directory, signer, authority):
    with site(signer.folder, authority, API):
        yield Served(directory, signer)


def release(signer, content, version="1.1.0"):
    released = image(content, name=f"hs-1/hs-1-{version}.bin", version=version)
    signer.release(released, content, now_s=time.time())


async def run(directory, **wishes):
    with open_kit(directory) as kit:
        wanted = Wishes(is_json=True, **wishes)
        code = await UpdatingDevice(read_agent(directory), kit, wanted).run()
        return code, status(kit)


def said(capsys):
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    kinds = (line for line in lines if line["kind"].startswith("firmware_"))
    return [
        (line["kind"].removeprefix("firmware_"), line.get("version") or "")
        for line in kinds
    ]


@pytest.mark.usefixtures("name_server")
async def test_an_agent_finds_an_update_starts_it_and_confirms_it(
    served, broker_a, capsys
):
    release(served.signer, NEW)
    code, after = await run(served.directory, message_count=40)
    assert code == 0
    assert (after["active"], after["b"], after["counter"]) == ("b", "1.1.0", 2)
    told = said(capsys)
    assert told[:4] == [
        ("started", "1.0.0"),
        ("checked", "1.1.0"),
        ("started", "1.1.0"),
        ("confirmed", ""),
    ]
    payloads = [json.loads(payload) for _topic, payload in broker_a.received]
    assert len({message["sk"] for message in payloads}) == 40


@pytest.mark.usefixtures("name_server")
@pytest.mark.parametrize(
    ("content", "codes"), [(BROKEN, []), (b'{"interval_s": 3600}', [0x97] * 500)]
)
async def test_an_image_that_does_not_run_or_reaches_no_site_is_taken_back(
    served, broker_a, capsys, content, codes
):
    release(served.signer, content)
    with open_kit(served.directory) as kit:
        assert (await asyncio.to_thread(updating.update, kit))["reason"] == "taken"
        wanted = Wishes(is_json=True, time_s_max=1.8)
        broker_a.puback_codes = codes
        await UpdatingDevice(read_agent(served.directory), kit, wanted).run()
        after = status(kit)
    assert (after["active"], after["counter"], after["failed"]) == ("a", 0, 1)
    told = said(capsys)
    assert ("rolled_back", "") in told
    assert told[-1][0] in {"started", "checked"}
    assert ("confirmed", "") not in told


class JobService:
    """The part of a site that has one job for one thing."""

    base = "$aws/things/thing-0/jobs"

    def __init__(self, broker):
        self.broker, self.seen = broker, 0
        self.reports = []
        self.execution = {
            "jobId": "update-1",
            "status": "QUEUED",
            "jobDocument": {"hotsite": "update-firmware"},
        }

    async def serve(self):
        while True:
            await self.broker.until(
                lambda: len(self.broker.received) > self.seen, time_s_max=60
            )
            topic, payload = self.broker.received[self.seen]
            self.seen += 1
            is_heard = topic not in self.broker.unheard
            if topic == f"{self.base}/$next/get" and is_heard:
                answer = json.dumps({"timestamp": 1, "execution": self.execution})
                topic = f"{self.base}/$next/get/accepted"
                self.broker.command(topic, answer.encode())
            elif topic == f"{self.base}/update-1/update":
                report = json.loads(payload)
                self.reports.append(report)
                self.execution.update(report)


@pytest.mark.usefixtures("name_server")
async def test_a_job_is_a_bell_and_hears_how_it_ended(served, broker_a):
    path = served.directory / "firmware.json"
    document = {**json.loads(path.read_text()), "jobs": True, "interval_s": 3600}
    path.write_text(json.dumps(document))
    release(served.signer, NEW)
    service = JobService(broker_a)
    serving = asyncio.create_task(service.serve())
    work = asyncio.create_task(run(served.directory, time_s_max=20))
    await broker_a.until(lambda: len(service.reports) == 2)
    # Its health check and the last report are over: the device may end.
    work.cancel()
    serving.cancel()
    assert set(broker_a.subscriptions) >= {
        f"{service.base}/notify-next",
        f"{service.base}/$next/get/accepted",
    }
    assert service.reports == [
        {"status": "IN_PROGRESS", "statusDetails": {"from": "1.0.0", "to": "1.1.0"}},
        {"status": "SUCCEEDED", "statusDetails": {"version": "1.1.0"}},
    ]
    await asyncio.wait([work])
    with open_kit(served.directory) as kit:
        assert status(kit)["active"] == "b"


def test_one_process_at_a_time_has_the_slots(directory):
    with (
        open_kit(directory),
        pytest.raises(NotReadyError, match="another process"),
        open_kit(directory),
    ):
        pass
    with open_kit(directory) as kit:
        assert status(kit)["a"] == "1.0.0"


def test_a_courier_fills_the_same_slots(directory, signer):
    release(signer, NEW)
    with open_kit(directory) as kit:
        kit.courier.start()
        assert carry(kit.courier, signer.folder)["state"] == "ready"
        kit.courier.apply()
        assert status(kit)["state"] == "pending"
        assert updating.update(kit)["reason"] == "waits-for-restart"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"api": ["s3.eu-west-1.amazonaws.com"]}, "belongs to AWS"),
        ({"api": []}, "needs a name"),
        ({"root": "none.json"}, "none.json"),
        ({"ca": "none.pem"}, "none.pem"),
        ({"interval_s": 0}, "above 0"),
        ({"misspelt": 1}, "unknown key 'misspelt'"),
        ({"factory": {"image": "x", "model": "HS-1", "version": "1"}}, "x:"),
        (
            {"factory": {"image": "factory.bin", "model": "HS-1", "version": "1"}},
            "version '1'",
        ),
    ],
)
def test_what_is_wrong_in_the_file_is_said_in_one_line(directory, changes, says):
    path = directory / "firmware.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))
    with pytest.raises(InvalidInputError, match=says), open_kit(directory):
        pass


def test_command_tells_what_the_slots_hold(directory, capsys):
    assert main(["agent", "update", str(directory), "--status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "slots": {
            "state": "steady",
            "active": "a",
            "a": "1.0.0",
            "b": None,
            "counter": 0,
            "failed": 0,
        }
    }
