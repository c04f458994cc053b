"""Firmware that somebody beside a device carries to it: the command line."""

import asyncio
import json
import threading
from contextlib import contextmanager

import pytest
from tests.firmware_world import Device, Signer, copy
from tests.pan.pan_world import POP, make_device
from tests.sample_firmware import image

from hotsite.adapters.pan_http import HttpDoor
from hotsite.faces.cli.main import main


@pytest.fixture
def signer(tmp_path):
    return Signer(tmp_path / "release").begin().release()


@contextmanager
def served(tmp_path, firmware):
    """Serve phones over HTTP in a thread; yields the command's way to the device."""
    (tmp_path / "device").mkdir(exist_ok=True)
    ready, ended, where = threading.Event(), threading.Event(), []

    async def serve():
        door = HttpDoor(make_device(tmp_path / "device", firmware=firmware))
        await door.open("127.0.0.1", 0)
        where.append(door.port)
        ready.set()
        await asyncio.to_thread(ended.wait)
        await door.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    label = tmp_path / "label.json"
    label.write_text(json.dumps({"ver": "v1", "serial": "oven-1", "pop": POP}))
    try:
        yield ["--wifi", f"127.0.0.1:{where[0]}", "--label", str(label)]
    finally:
        ended.set()
        thread.join()


def carry(way, folder):
    given = ["--repository", str(folder), "--json"]
    return main(["companion", "firmware", *way, *given])


def test_what_a_device_has_verified_runs_after_its_next_start(tmp_path, signer, capsys):
    device = Device(tmp_path / "slots", signer.root())
    with served(tmp_path, device.courier()) as way:
        assert carry(way, signer.folder) == 0
        said = json.loads(capsys.readouterr().out)
        assert (said["state"], said["version"]) == ("applied", "1.0.0")
        assert said["bytes"] > len(image().name)
    assert device.finish().version == "1.1.0"
    with served(tmp_path, device.courier()) as way:
        assert carry(way, signer.folder) == 0
        assert json.loads(capsys.readouterr().out)["state"] == "current"


def test_what_a_device_judged_some_other_day_is_asked_anew(tmp_path, signer, capsys):
    device = Device(tmp_path / "slots", signer.root())
    stale = copy(signer.folder, tmp_path / "stale")
    with served(tmp_path, device.courier()) as way:
        assert carry(way, stale) == 0
    assert device.finish().version == "1.1.0"
    with served(tmp_path, device.courier()) as way:
        assert carry(way, stale) == 0
    with served(tmp_path, device.courier()) as way:
        newer = image(b"newest", name="hs-1/app-1.2.0.bin", version="1.2.0")
        signer.release(newer, b"newest")
        assert carry(way, signer.folder) == 0
        said = capsys.readouterr().out.splitlines()
        assert [json.loads(line)["state"] for line in said][1:] == [
            "current",
            "applied",
        ]
    assert device.finish().version == "1.2.0"


def test_firmware_that_was_tampered_with_is_refused_and_told(tmp_path, signer, capsys):
    device = Device(tmp_path / "slots", signer.root())
    (target,) = (signer.folder / "targets").rglob("*.bin")
    target.write_bytes(target.read_bytes().replace(b"new", b"bad"))
    before = device.bytes()
    with served(tmp_path, device.courier()) as way:
        assert carry(way, signer.folder) == 2
    assert "the device refused the firmware: tampered" in capsys.readouterr().err
    assert device.bytes() == before


def test_a_device_gets_no_other_file_of_this_machine(tmp_path, signer, capsys):
    (tmp_path / "secret").write_text("mine")

    class Curious:
        def status(self):
            return {"state": "idle", "version": "1.0.0", "wanted": ["../secret"]}

        def receive(self, name, data):
            raise AssertionError(data)

    with served(tmp_path, Curious()) as way:
        assert carry(way, signer.folder) == 2
    assert "asks for '../secret', which is no firmware" in capsys.readouterr().err


def test_a_folder_that_is_no_repository_is_refused_before_anything(tmp_path, capsys):
    (tmp_path / "label.json").write_text("{}")
    way = ["--wifi", "127.0.0.1:1", "--label", str(tmp_path / "label.json")]
    assert carry(way, tmp_path) == 2
    assert "has no metadata/" in capsys.readouterr().err
