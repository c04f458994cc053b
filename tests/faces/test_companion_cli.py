"""Making devices, and onboarding by label: the command line."""

import asyncio
import csv
import json
import threading

import pytest
from tests.pan.pan_world import POP, make_device

from hotsite.adapters import pan_vault
from hotsite.adapters.pan_http import HttpDoor
from hotsite.core.label import read_label
from hotsite.faces.cli.main import main


@pytest.fixture
def claim(tmp_path):
    path = tmp_path / "claim.json"
    path.write_text('{"id": "oven-1", "secret": "s3cret"}')
    return path


@pytest.fixture
def api(tmp_path):
    token = tmp_path / "token"
    token.write_text("t")
    return ["--api", "api.fleet.example.com", "--token-file", str(token)]


def make(tmp_path, claim, *more):
    folder = str(tmp_path / "oven-1")
    flags = ("--domain", "Fleet.example.com.", "--claim", str(claim))
    return main(["agent", "make", folder, *flags, *more])


def test_a_made_device_keeps_no_code_and_the_label_has_it(tmp_path, claim, capsys):
    assert make(tmp_path, claim) == 0
    label = json.loads(capsys.readouterr().out)
    identity = pan_vault.read_identity(tmp_path / "oven-1")
    assert (identity.serial, identity.domain) == ("oven-1", "fleet.example.com")
    path = tmp_path / "oven-1" / "identity.json"
    assert label["pop"] not in path.read_text()
    assert path.stat().st_mode & 0o077 == 0
    assert make(tmp_path, claim) == 2
    assert "is there already" in capsys.readouterr().err


def test_labels_are_collected_for_a_factory(tmp_path, claim, capsys):
    labels = tmp_path / "labels.csv"
    more = ("--labels", str(labels), "--address", "127.0.0.1:80", "--json")
    assert make(tmp_path, claim, *more) == 0
    said = capsys.readouterr().out
    with labels.open() as file:
        (row,) = csv.DictReader(file)
    assert read_label(row, where="row").address == "127.0.0.1:80"
    assert row["pop"] not in said
    assert labels.stat().st_mode & 0o077 == 0


def test_a_reset_device_is_as_it_left_the_factory(tmp_path, claim, capsys):
    make(tmp_path, claim)
    (tmp_path / "oven-1" / "staged.json").write_text("{}")
    assert main(["agent", "reset", str(tmp_path / "oven-1"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["state"] == "new"
    assert [path.name for path in (tmp_path / "oven-1").iterdir()] == ["identity.json"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no labels"),
        ("serial,pop\noven-1,short\n", "line 2: pop"),
        (f"serial,pop\n a b,{POP}\n", "line 2: serial"),
        (f"serial,pop,transport\noven-1,{POP},nfc\n", "line 2: transport"),
        (f"serial,pop\noven-1,{POP}\noven-1,{POP}\n", "twice"),
    ],
)
def test_a_wrong_csv_is_one_clear_line(tmp_path, api, capsys, text, says):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    command = ["companion", "onboard", "--wifi", "--labels", str(path), *api]
    assert main(command) == 2
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_a_device_that_is_not_there_is_told_in_the_log_and_tried_next_time(
    tmp_path, api, capsys
):
    path, log = tmp_path / "labels.csv", tmp_path / "log"
    rows = f"serial,pop,address\noven-1,{POP},127.0.0.1:1\noven-2,{POP},127.0.0.1:1\n"
    path.write_text(rows)
    log.write_text('{"serial": "oven-2", "state": "provisioned", "error": null}\n')
    files = ["--labels", str(path), "--log", str(log)]
    command = ["companion", "onboard", "--wifi", *files, *api, "--json"]
    assert main(command) == 3
    said = json.loads(capsys.readouterr().out)
    assert said["skipped"] == 1
    assert [device["serial"] for device in said["devices"]] == ["oven-1"]
    assert "does not answer" in said["devices"][0]["error"]
    assert len(log.read_text().splitlines()) == 2


def test_a_wrong_code_is_refused_and_a_locked_device_says_how_long(
    tmp_path, api, capsys
):
    ready, ended = threading.Event(), threading.Event()
    where = []

    async def serve():
        door = HttpDoor(make_device(tmp_path))
        await door.open("127.0.0.1", 0)
        where.append(door.port)
        ready.set()
        await asyncio.to_thread(ended.wait)
        await door.close()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait()
    label = tmp_path / "label.json"
    label.write_text('{"ver":"v1","serial":"oven-1","pop":"2222-2222-2222"}')
    command = ["companion", "onboard", "--wifi", f"127.0.0.1:{where[0]}"]
    command += ["--label", str(label), *api]
    try:
        codes = [main(command) for _ in range(4)]
    finally:
        ended.set()
        thread.join()
    assert codes == [2, 2, 2, 3]
    error = capsys.readouterr().err
    assert "the code is wrong" in error
    assert "listens again in 10 s" in error
