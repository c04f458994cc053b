"""Unmodified clients against `hotsite local up --detach`: one cloud, 100 devices.

The tests run in the order of the file; the last ones lose Region a.
"""

import contextlib
import itertools
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from tests.clients.clients_world import Shop, hotsite, reading, tool
from tests.local.cloud_world import wait_until

from hotsite.adapters import device_key
from hotsite.adapters.aws.tables import DynamoClaims
from hotsite.adapters.clock import SystemClock
from hotsite.core.onboarding import Claim, Entry
from hotsite.local.world import LocalWorld

pytestmark = pytest.mark.local
BLOCK = 61
REGIONS = {"a": "eu-central-1", "b": "eu-west-1"}
THINGS = [f"oven-{number:03d}" for number in range(1, 101)]
# The last one is onboarded by the command line, the others in this process.
BY_COMMAND = THINGS[-1]
# Longest time for one client to be done, before it is killed and the test fails.
LIMIT_S = 40
SDK = Path(__file__).with_name("sdk_device.py")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    for name in ("aws", "python", "mosquitto_pub", "mosquitto_sub", "dig"):
        tool(name)
    base = tmp_path_factory.mktemp("clients")
    folder = base / "cloud"
    up = ("local", "up", "--detach", "--name", "clients", "--block", BLOCK)
    done = hotsite(*up, "--dir", folder)
    assert done.returncode == 0, done.stderr
    yield Shop(folder, base / "devices")
    hotsite("local", "down", "--dir", folder)


@pytest.fixture(scope="module")
def claim(shop):
    """Return a claim file that is in the ledger, and what else is needed."""
    shop.devices.mkdir(exist_ok=True)
    secret = Claim(BY_COMMAND, "printed-on-the-oven")
    ledger = DynamoClaims(
        shop.cloud.client("dynamodb", "a"),
        "hotsite-registry",
        origin=REGIONS["a"],
        clock=SystemClock(),
    )
    ledger.add(Entry.of(secret, {"model": "oven"}))
    path = shop.devices / f"{BY_COMMAND}.claim"
    path.write_text(json.dumps({"id": secret.claim_id, "secret": secret.secret}))
    return path


@pytest.fixture(scope="module")
def fleet(shop, claim):
    """Onboard all, half in each Region, and return the answer of the command."""
    world = LocalWorld(shop.cloud, shop.devices.parent)
    with contextlib.closing(world):
        halves = (THINGS[:50], THINGS[50:-1])
        for region, things in zip(REGIONS.values(), halves, strict=True):
            onboarded = list(world.onboard(things, region=region))
            assert {device.region for device in onboarded} == {region}
    done = onboard(shop, claim, new_csr(shop, BY_COMMAND))
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    (shop.devices / f"{BY_COMMAND}.pem").write_text(answer["certificate"])
    for letter in REGIONS:
        wait_until(lambda at=letter: things_of(shop, at) == set(THINGS), 120)
    return answer


def new_csr(shop, name):
    key = device_key.make(BY_COMMAND)
    key.save(shop.devices / f"{name}.key")
    path = shop.devices / f"{name}.csr"
    path.write_text(key.csr_pem)
    return path


def onboard(shop, claim_path, csr):
    given = shop.environment("a")
    return hotsite(
        *("onboard", csr, "--claim", claim_path, "--json"),
        *("--api", given["HOTSITE_API"], "--ca", given["HOTSITE_CA"]),
        *("--dns", given["HOTSITE_DNS"], "--token-file", given["HOTSITE_TOKEN_FILE"]),
    )


def things_of(shop, letter):
    pages = shop.cloud.client("iot", letter).get_paginator("list_things").paginate()
    return devices_in(thing for page in pages for thing in page["things"])


def devices_in(things):
    names = [thing["thingName"] for thing in things]
    return {name for name in names if not name.startswith("hotsite-canary-")}


def test_the_same_claim_and_key_again_give_the_same_certificate(shop, claim, fleet):
    done = onboard(shop, claim, shop.devices / f"{BY_COMMAND}.csr")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == fleet
    assert fleet["thing"] == BY_COMMAND
    assert "amazonaws.com" not in done.stdout


def test_a_used_claim_with_another_key_is_refused_and_told_why(shop, claim, fleet):
    done = onboard(shop, claim, new_csr(shop, "another-key"))
    assert done.returncode == 2
    assert "the claim was used before, with another key" in done.stderr


def test_a_wrong_secret_is_refused_and_told_why(shop, claim, fleet):
    wrong = shop.devices / "wrong.claim"
    wrong.write_text(json.dumps({"id": BY_COMMAND, "secret": "guessed"}))
    done = onboard(shop, wrong, shop.devices / f"{BY_COMMAND}.csr")
    assert done.returncode == 2
    assert "the claim is not known, or its secret is wrong" in done.stderr


@pytest.mark.parametrize("letter", REGIONS)
def test_boto3_lists_the_same_hundred_things_in_each_region(shop, fleet, letter):
    assert things_of(shop, letter) == set(THINGS)


@pytest.mark.parametrize("letter", REGIONS)
def test_the_aws_cli_lists_the_same_hundred_things_in_each_region(shop, fleet, letter):
    answer = shop.aws(letter, "iot", "list-things", "--page-size", "30")
    assert devices_in(answer["things"]) == set(THINGS)
    assert all(f":{REGIONS[letter]}:" in each["thingArn"] for each in answer["things"])


@pytest.mark.parametrize(("host", "seq"), [("iot", 1), ("iot-a", 2), ("iot-b", 3)])
def test_mosquitto_publishes_under_each_name_into_both_regions(shop, fleet, host, seq):
    done = shop.publish(host, THINGS[0], seq)
    assert done.returncode == 0, done.stderr
    assert "received PUBACK" in done.stdout
    shop.await_stored(THINGS[0], seq)


@pytest.mark.parametrize("letter", REGIONS)
def test_mosquitto_receives_what_the_back_end_sends(shop, fleet, letter):
    thing = THINGS[1]
    with subscribed(shop, thing, f"cmd/{thing}/#", letter) as sub:
        assert any("Subscribed" in line for line in sub.stdout)
        send(shop, letter, thing, "open the door")
        assert "open the door" in sub.stdout.read().splitlines()
        assert sub.wait(LIMIT_S) == 0


@pytest.mark.parametrize("version", ["5", "3"])
@pytest.mark.parametrize("letter", REGIONS)
def test_the_aws_iot_device_sdk_works_in_each_region(shop, fleet, letter, version):
    # The failover name leads to Region a while that one is well.
    host = {"a": "iot", "b": "iot-b"}[letter]
    thing, seq = THINGS[2], 10 * (letter == "b") + int(version)
    words = {
        "host": f"{host}.hotsite.test",
        "ca": shop.cloud.state.ca,
        "certificate": str(shop.devices / f"{thing}.pem"),
        "key": str(shop.devices / f"{thing}.key"),
        "thing": thing,
        "message": reading(seq),
        "version": version,
    }
    options = [word for pair in words.items() for word in (f"--{pair[0]}", pair[1])]
    command = shop.command("python", str(SDK), *options)
    with started(command, subprocess.PIPE) as device:
        steps = map(json.loads, device.stdout)
        assert next(steps, None) == {"connected": "SUCCESS"}, device.stderr.read()
        assert "subscribed" in next(steps)
        assert next(steps) == {"published": "SUCCESS"}
        send(shop, letter, thing, "open the door")
        assert next(steps) == {"commanded": "open the door"}
        assert device.wait(LIMIT_S) == 0
    shop.await_stored(thing, seq)


def test_another_things_topic_is_refused_and_stored_nowhere(shop, fleet):
    done = shop.publish("iot-a", THINGS[3], 1, about=THINGS[4])
    assert done.returncode != 0
    assert "PUBACK" not in done.stdout
    # What comes later and is allowed has arrived everywhere, so that would have, too.
    assert shop.publish("iot-a", THINGS[4], 2).returncode == 0
    shop.await_stored(THINGS[4], 2)
    assert [shop.stored(letter, THINGS[4]) for letter in REGIONS] == [{2}, {2}]


def test_another_things_commands_are_refused(shop, fleet):
    with subscribed(shop, THINGS[3], f"cmd/{THINGS[4]}/#") as sub:
        # The broker ends the session at each wish; mosquitto_sub tries again.
        first = "".join(
            itertools.takewhile(lambda line: "Mid: 2" not in line, sub.stdout)
        )
    assert "sending SUBSCRIBE (Mid: 1" in first
    assert "SUBACK" not in first
    assert first.count("sending CONNECT") == 2


def test_another_things_client_id_is_refused(shop, fleet):
    done = shop.publish("iot-a", THINGS[3], 3, client=THINGS[4])
    assert_not_connected(done)


def test_an_unknown_certificate_is_refused(shop, fleet):
    base = shop.devices / "unknown"
    self_signed(base, THINGS[3])
    assert_not_connected(shop.publish("iot-a", THINGS[3], 4, certificate=base))


def test_an_inactive_certificate_is_refused_and_its_session_ended(shop, fleet):
    thing = THINGS[5]
    pem = (shop.devices / f"{thing}.pem").read_bytes()
    der = x509.load_pem_x509_certificate(pem)
    certificate_id = der.fingerprint(hashes.SHA256()).hex()
    with subscribed(shop, thing, f"cmd/{thing}/#") as sub:
        assert any("Subscribed" in line for line in sub.stdout)
        shop.cloud.client("iot", "a").update_certificate(
            certificateId=certificate_id, newStatus="INACTIVE"
        )
        assert any("connection was lost" in line for line in sub.stdout)
    assert_not_connected(shop.publish("iot-a", thing, 1))
    assert shop.stored("a", thing) == set()


@pytest.mark.parametrize("name", ["iot-b.hotsite.test", "example.com", None])
def test_a_wrong_or_missing_server_name_is_refused(shop, fleet, name):
    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        handshake(shop, name)


def test_the_right_server_name_is_served_with_a_certificate_for_it(shop, fleet):
    names = handshake(shop, "iot.hotsite.test")["subjectAltName"]
    assert {("DNS", "iot.hotsite.test"), ("DNS", "iot-a.hotsite.test")} <= set(names)


def test_dig_sees_the_name_flip_and_mosquitto_follows_it(shop, fleet):
    before = dig(shop)
    assert before[0][:2] == ("iot.hotsite.test.", "10")
    assert before[0][3].endswith(".iot.eu-central-1.amazonaws.com.")
    assert before[1][2:] == ("A", shop.cloud.address("a"))
    shop.cloud.fault("kill", "a")
    wait_until(lambda: ".eu-west-1." in dig(shop)[0][3], 60)
    after = dig(shop)
    assert after[0][:3] == ("iot.hotsite.test.", "10", "CNAME")
    assert after[1][2:] == ("A", shop.cloud.address("b"))
    done = shop.publish("iot", THINGS[0], 9)
    assert done.returncode == 0, done.stderr
    shop.await_stored(THINGS[0], 9, letters="b")


def test_the_survivor_still_lists_every_thing_to_the_aws_cli(shop, fleet):
    answer = shop.aws("b", "iot", "list-things")
    assert devices_in(answer["things"]) == set(THINGS)


@contextlib.contextmanager
def started(command, errors=subprocess.STDOUT):
    """Run a program beside the test; it and its children end with the block."""
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        start_new_session=True,
    ) as process:
        end = threading.Timer(LIMIT_S, os.killpg, (process.pid, signal.SIGKILL))
        end.start()
        try:
            yield process
        finally:
            end.cancel()
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def subscribed(shop, thing, topic, letter="a"):
    """Run mosquitto_sub for one thing; its lines come out as they are written."""
    words = ["-d", "-h", f"iot-{letter}.hotsite.test", *shop.identity(thing)]
    by_line = ("-oL", tool("mosquitto_sub"))
    return started(shop.command("stdbuf", *by_line, *words, "-t", topic, "-C", "1"))


def send(shop, letter, thing, text):
    topic = f"cmd/{thing}/door"
    words = ("iot-data", "publish", "--topic", topic, "--qos", "1", "--payload", text)
    shop.aws(letter, *words)


def assert_not_connected(done):
    assert done.returncode not in {0, None}
    assert "sending CONNECT" in done.stdout
    assert "CONNACK (0)" not in done.stdout


def handshake(shop, name):
    """Return the certificate that Region a shows for a server name."""
    context = ssl.create_default_context(cafile=shop.cloud.state.ca)
    context.check_hostname = False
    base = shop.devices / THINGS[0]
    context.load_cert_chain(f"{base}.pem", f"{base}.key")
    with (
        socket.create_connection((shop.cloud.address("a"), 8883), 5) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        return secure.getpeercert()


def self_signed(base, name):
    key = ec.generate_private_key(ec.SECP256R1())
    request = x509.load_pem_x509_certificate((base.parent / f"{name}.pem").read_bytes())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .issuer_name(request.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(request.not_valid_before_utc)
        .not_valid_after(request.not_valid_after_utc)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    base.with_suffix(".pem").write_bytes(certificate.public_bytes(pem))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    base.with_suffix(".key").write_bytes(key.private_bytes(pem, *plain))


def dig(shop):
    """Return dig's answer: name, TTL, type and value of each record."""
    state = shop.cloud.state
    where = [f"@{state.dns_address}", "-p", str(state.dns_port)]
    done = subprocess.run(
        [tool("dig"), "+noall", "+answer", *where, "iot.hotsite.test"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    records = re.findall(
        r"^(\S+)\s+(\d+)\s+IN\s+(\S+)\s+(\S+)$", done.stdout, re.MULTILINE
    )
    assert [record[2] for record in records] == ["CNAME", "A"], done.stdout
    return records
