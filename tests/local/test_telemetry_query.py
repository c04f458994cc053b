"""A series through everything: MQTT in both Regions, hot, cold, a kill, a return."""

import json
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
from tests.faces.test_registry_cli import run
from tests.local.cloud_world import DOMAIN, wait_until
from tests.local.region_world import Device

from hotsite.core.outbox import Key
from hotsite.core.telemetry import Telemetry, encode_message, telemetry_topic
from hotsite.faces.cli import clouds
from hotsite.local import launcher
from hotsite.local.client import LocalCloud
from hotsite.settings import Settings

pytestmark = [pytest.mark.local, pytest.mark.timeout(300)]

SETTINGS = Settings(DOMAIN)
NAME, EPOCH = "query", 7
LONG_S = 10_000.0
EVERYTHING = {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def local(home):
    folder = home / ".hotsite" / NAME
    config = clouds.config_for(SETTINGS, NAME, folder, print)
    config = replace(config, block=83, delivery_s=1.0)
    folder.mkdir(parents=True)
    with launcher.Launched(config, print) as launched:
        launched.wait_ready()
        yield LocalCloud.open(folder)


@pytest.fixture(scope="module")
def certificate(local, home):
    """One device certificate, known in both Regions."""
    iot = local.client("iot", "a")
    made = iot.create_keys_and_certificate(setAsActive=True)
    local.client("iot", "b").register_certificate_without_ca(
        certificatePem=made["certificatePem"], status="ACTIVE"
    )
    document = json.dumps({"Version": "2012-10-17", "Statement": [EVERYTHING]})
    for letter in ("a", "b"):
        iot = local.client("iot", letter)
        iot.create_policy(policyName="all", policyDocument=document)
        found = iot.describe_certificate(certificateId=made["certificateId"])
        target = found["certificateDescription"]["certificateArn"]
        iot.attach_policy(policyName="all", target=target)
    files = SimpleNamespace(
        certificate=home / "device.pem", private_key=home / "device.key"
    )
    files.certificate.write_text(made["certificatePem"])
    files.private_key.write_text(made["keyPair"]["PrivateKey"])
    return files


class Sender:
    """A device that remembers what it sent."""

    def __init__(self, local, files, thing):
        self.local, self.files, self.thing = local, files, thing
        self.made = {}

    def send(self, letter, *numbers):
        state = self.local.state
        there = SimpleNamespace(
            address=self.local.address(letter), mqtt_port=state.mqtt_port
        )
        authority = SimpleNamespace(path=state.ca)
        with Device(there, authority, self.files, self.thing) as device:
            assert device.is_connected()
            for number in numbers:
                message = self.made.setdefault(number, self._message(number))
                said = json.loads(encode_message(message))
                assert device.publish(telemetry_topic(self.thing), said)

    def _message(self, number):
        data = json.dumps({"n": number, "in": {"t": number / 2}}, separators=(",", ":"))
        return Telemetry(Key(EPOCH, number), round(time.time(), 3), data)


def ask(capsys, thing, *arguments):
    """Ask the command line; return exit code, document and what stderr says."""
    code, out, err = run(
        capsys, "telemetry", "query", thing, "--local", NAME, "--json", *arguments
    )
    return code, json.loads(out), err


def shown(document):
    return {m["seq"]: (m["published_at_s"], m["data"]) for m in document["messages"]}


def sent(sender):
    return {
        n: (message.published_at_s, json.loads(message.data))
        for n, message in sender.made.items()
    }


def await_shown(capsys, sender, numbers, *arguments, limit_s=40):
    """Wait until a query shows just these numbers, as the device made them."""
    wanted = {n: told for n, told in sent(sender).items() if n in numbers}
    found = {}

    def is_whole():
        found["answer"] = ask(capsys, sender.thing, *arguments)
        return shown(found["answer"][1]) == wanted

    try:
        wait_until(is_whole, limit_s)
    except AssertionError as error:
        _, document, said = found["answer"]
        told = (shown(document).keys() ^ wanted.keys(), said)
        raise AssertionError(f"{arguments}: {told}") from error
    return found["answer"]


def test_one_gapless_series_over_a_failover_and_a_return(
    local, certificate, home, capsys, monkeypatch
):
    monkeypatch.chdir(home)
    sender = Sender(local, certificate, "oven-1")
    # Both Regions, some of it twice.
    sender.send("a", *range(1, 13))
    sender.send("b", *range(8, 21))
    whole = set(range(1, 21))
    for source in ("hot", "cold", "both"):
        code, document, err = await_shown(capsys, sender, whole, "--source", source)
        assert code == 0
        assert document["summary"]["gaps"] == {str(EPOCH): []}
        assert document["summary"]["count"] == 20
        assert "eu-central-1 answered" in err

    # Nothing leaves region a any more; then it dies.
    wait_until(lambda: not any(pump.pending for pump in local.copies()), 30)
    local.set_lag(LONG_S)
    sender.send("a", *range(21, 26))
    await_shown(capsys, sender, set(range(1, 26)), "--source", "hot")
    local.fault("kill", "a")
    sender.send("b", *range(23, 31))
    left = whole | set(range(23, 31))
    for source in ("hot", "cold", "both"):
        code, document, err = await_shown(capsys, sender, left, "--source", source)
        assert code == 0
        assert document["summary"]["gaps"] == {str(EPOCH): [[21, 22]]}
        assert "eu-central-1 does not answer" in err
        assert "what arrived in eu-central-1 and was not" in err
        assert "eu-west-1 answered" in err
    before = {message["seq"]: message for message in document["messages"]}

    # It returns with what was stranded: that fills the gap, and changes nothing else.
    local.set_lag(0)
    local.fault("return", "a")
    for source in ("hot", "cold", "both"):
        code, document, _ = await_shown(
            capsys, sender, set(range(1, 31)), "--source", source
        )
        assert document["summary"]["gaps"] == {str(EPOCH): []}
    after = {message["seq"]: message for message in document["messages"]}
    assert {n: after[n] for n in before} == before
    assert after.keys() - before.keys() == {21, 22}


def test_a_time_range_shows_what_was_published_in_it(
    local, certificate, home, capsys, monkeypatch
):
    monkeypatch.chdir(home)
    sender = Sender(local, certificate, "oven-2")
    sender.send("b", *range(1, 6))
    await_shown(capsys, sender, set(range(1, 6)), "--source", "cold")
    _, document, _ = ask(capsys, "oven-2", "--from", "-1h", "--to", "now")
    assert shown(document).keys() == set(range(1, 6))
    for wrong in (("--to", "-1h"), ("--from", "2100-01-01T00:00:00Z")):
        assert ask(capsys, "oven-2", *wrong)[1]["messages"] == []
    at_s = sender.made[3].published_at_s
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at_s))
    precise = f"{text}.{round(at_s % 1 * 1000):03d}Z"
    for source in ("hot", "cold"):
        edge = ("--from", precise, "--to", precise, "--source", source)
        assert shown(ask(capsys, "oven-2", *edge)[1]).keys() == {3}
    assert shown(ask(capsys, "oven-2", "--limit", "2")[1]).keys() == {4, 5}
