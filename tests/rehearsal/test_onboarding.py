"""From the box to the cloud, with real Regions: one device by radio, 200 by the CLI."""

import argparse
import asyncio
import contextlib
import csv
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bumble.link import LocalLink
from tests.pan.pan_world import POP, SALT, VERIFIER
from tests.pan.test_pan_bumble import radio

from hotsite.adapters import mqtt_probe, onboarding_api, pan_vault
from hotsite.adapters.mqtt import Credentials, Target
from hotsite.adapters.pan_bumble import BumbleDoor
from hotsite.adapters.pan_bumble_link import BumbleReach
from hotsite.adapters.pan_security import PhoneSecurity
from hotsite.core.label import CSV_COLUMNS, Label, device_name
from hotsite.core.onboarding import Request, claim_of
from hotsite.core.provisioning import DeviceIdentity
from hotsite.errors import HotsiteError
from hotsite.faces.agent.provision import make_host
from hotsite.faces.cli import localclaim
from hotsite.faces.cli.clouds import private_cloud
from hotsite.faces.cli.onboard import answer_document, api_endpoint
from hotsite.flows.companion import Course, onboard, open_session

pytestmark = [pytest.mark.local, pytest.mark.timeout(280)]
HOTSITE = Path(sys.executable).with_name("hotsite")
FIRST_PORT, MANY, BY_RADIO = 21_000, 200, 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("onboarding")


@pytest.fixture(scope="module")
def local(folder):
    with private_cloud(folder, lambda _line: None) as found:
        yield found


@pytest.fixture(scope="module")
def api(local, folder):
    """The flags with which a command finds the API."""
    token = folder / "token"
    token.write_text(local.token())
    state = local.state
    return {
        "api": f"api.{state.domain}:{state.https_port}",
        "ca": Path(state.ca),
        "dns": f"{state.dns_address}:{state.dns_port}",
        "token_file": token,
    }


def make_devices(local, folder, prefix, count):
    """Make devices as a factory does; all have one code, which costs less here."""
    labels, state = [], local.state
    for number in range(count):
        serial = f"{prefix}-{number:03d}"
        home = folder / serial
        out = argparse.Namespace(id=serial, out=home / "claim.json")
        claim = claim_of(
            json.loads(localclaim.make(local, out).read_text()), where=serial
        )
        who = DeviceIdentity(serial, "test", state.domain, claim, SALT, VERIFIER)
        resolver = {"address": state.dns_address, "port": state.dns_port}
        pan_vault.write_identity(home, who, {"resolver": resolver})
        labels.append(Label(serial, device_name(serial), POP))
    return labels


def test_two_hundred_devices_one_after_another_by_the_command_line(local, folder, api):
    labels = make_devices(local, folder, "many", MANY)
    path = folder / "labels.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, CSV_COLUMNS)
        writer.writeheader()
        for number, label in enumerate(labels):
            row = {name: getattr(label, name) for name in CSV_COLUMNS}
            writer.writerow(row | {"address": f"127.0.0.1:{FIRST_PORT + number}"})
    events = folder / "events.jsonl"
    homes = [str(folder / label.serial) for label in labels]
    serve = [HOTSITE, "agent", "provision", *homes, "--once", "--json"]
    with events.open("w") as out:
        devices = subprocess.Popen(
            [*serve, "--wifi", f"127.0.0.1:{FIRST_PORT}"], stdout=out
        )
    try:
        for _ in range(600):
            if events.read_text().count("provision_listening") == MANY:
                break
            time.sleep(0.1)
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in api.items()]
        command = [HOTSITE, "companion", "onboard", "--wifi", "--labels", str(path)]
        started = time.monotonic()
        done = subprocess.run(
            [*command, *flags, "--log", str(folder / "log"), "--json"],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        took_s = time.monotonic() - started
        assert devices.wait(60) == 0
    finally:
        devices.kill()
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert {device["state"] for device in said["devices"]} == {"provisioned"}
    print(f"\n{MANY} devices by the command line: {took_s:.1f} s")
    # A machine that plays other tests beside may take longer than the goal of 60 s.
    assert took_s < 180
    again = subprocess.run(
        [*command, *flags, "--log", str(folder / "log"), "--json"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(again.stdout) == {"devices": [], "skipped": MANY}


async def test_by_radio_the_first_telemetry_and_both_regions_are_seconds_away(
    local, folder, api
):
    labels = make_devices(local, folder, "radio", BY_RADIO)
    endpoint = api_endpoint(argparse.Namespace(**api))

    async def claim(document):
        request = Request(claim_of(document["claim"], where="x"), document["csr"])
        answer, _ = await asyncio.to_thread(onboarding_api.onboard, request, endpoint)
        return answer_document(answer)

    async def pause():
        await asyncio.sleep(0.05)

    first_s, both_s = [], []
    for label in labels:
        air = LocalLink()
        host = make_host(folder / label.serial, lambda _event: None)
        door = BumbleDoor(host.device, interval_ms=20)
        await door.use(radio(air, label.name, "F0:F1:F2:F3:F4:F5"))
        phone = radio(air, "phone", "E0:E1:E2:E3:E4:E5")
        await phone.power_on()
        work = asyncio.create_task(host.run())
        started = time.monotonic()
        link = await BumbleReach(phone).connect(label)
        session = await open_session(link, label, PhoneSecurity())
        await onboard(session, Course(claim, pause))
        await asyncio.wait_for(host.delivered.wait(), 20)
        first_s.append(time.monotonic() - started)
        work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await work
        await asyncio.to_thread(_connect_everywhere, local, folder, label.serial)
        both_s.append(time.monotonic() - started)
        await link.close()
        await door.close()
    worst = max(both_s)
    print(
        f"\nby radio, {BY_RADIO} devices: first telemetry after "
        f"{statistics.median(first_s):.2f} s (worst {max(first_s):.2f} s), "
        f"connectable in both Regions after {statistics.median(both_s):.2f} s "
        f"(worst {worst:.2f} s)"
    )
    assert max(first_s) < 10
    assert worst < 20


def _connect_everywhere(local, folder, serial):
    """Connect to each Region by its own name, until it lets the device in."""
    state, home = local.state, folder / serial
    told = json.loads((home / "device.json").read_text())
    given = Credentials(
        (home / told["certificate"]).read_text(),
        home / told["private_key"],
        (home / told["ca"]).read_text(),
    )
    for site in state.sites:
        name = f"iot-{site.letter}.{state.domain}"
        deadline_s = time.monotonic() + 30
        while True:
            try:
                target = Target(site.address, state.mqtt_port, name)
                mqtt_probe.connect_once(target, given, serial)
                break
            except HotsiteError:
                assert time.monotonic() < deadline_s, f"{serial}: not in {name}"
                time.sleep(0.05)


def test_no_store_has_a_private_key_or_a_code(local, folder):
    """What a phone and a cloud have seen of the devices above."""
    secrets = [POP.encode(), b"PRIVATE KEY"]
    keys = [
        path.read_bytes() for path in folder.glob("many-*/credentials/*/device.key")
    ]
    assert len(keys) == MANY
    secrets += [key.splitlines()[1] for key in keys]
    looked = 0
    for root, _, names in os.walk(folder / "cloud"):
        for name in names:
            path = Path(root) / name
            if path.is_file() and path.suffix not in {".key", ".sock"}:
                data = path.read_bytes()
                looked += 1
                for secret in secrets[2:] + secrets[:1]:
                    assert secret not in data, path
    assert looked > 10
