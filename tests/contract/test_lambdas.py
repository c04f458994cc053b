"""The Lambdas' handlers, run against a real Region as AWS would run them."""

import json
import time
from types import SimpleNamespace

import pytest
from tests.contract.world import (
    DEVICE,
    FLEET,
    NOBODY_LISTENS_PORT,
    fresh_name,
    local_ports,
    make_certificate,
    make_entry,
    make_record,
    put,
)
from tests.local.region_world import ACCOUNT

from hotsite.adapters import device_key
from hotsite.core.health import HealthVerdict
from hotsite.core.onboarding import Claim, Entry
from hotsite.core.registry import thing_key
from hotsite.faces.lambdas import health, measures, meter, onboarding, replicator

pytestmark = [pytest.mark.local, pytest.mark.timeout(60)]


@pytest.fixture
def deployed(region, tables, monkeypatch):
    """The environment that the site stack gives its functions."""
    environ = {
        "AWS_ENDPOINT_URL": region.config.gateway_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "SITE_REGION": region.config.region,
        "SITE_LETTER": "b",
        "DOMAIN": "hotsite.test",
        "TABLE_REGISTRY": tables.registry,
        "TABLE_TELEMETRY": "unused",
        "TABLE_APPLIED": tables.applied,
        "TABLE_OPERATIONS": "hotsite-operations",
        "FLEET_GROUP": FLEET,
        "THING_TYPE": DEVICE,
        "MQTT_PORT": "8883",
        "PREFIX": "hotsite",
    }
    for key, value in environ.items():
        monkeypatch.setenv(key, value)
    caches = (replicator._parts, health._verdicts, onboarding._desk, meter._parts)
    for cache in caches:
        cache.cache_clear()
    yield local_ports(region, tables)
    for cache in caches:
        cache.cache_clear()


def context():
    arn = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:hotsite"
    return SimpleNamespace(invoked_function_arn=arn)


def enrol(ports, name):
    certificate = make_certificate()
    entry = make_entry(name, csr_digest="elsewhere")
    ports.claims.take(entry)
    answered = make_entry(name, csr_digest="elsewhere", certificate=certificate)
    ports.records.write_enrolled(answered, make_record(name, certificate))


def stream(*keys):
    return {
        "Records": [
            {"dynamodb": {"Keys": {"pk": {"S": key}}, "SequenceNumber": str(number)}}
            for number, key in enumerate(keys, start=1)
        ]
    }


def test_batch_applies_each_name_and_ignores_what_is_no_thing(deployed):
    names = [fresh_name(), fresh_name()]
    for name in names:
        enrol(deployed, name)
    keys = [f"thing#{name}" for name in (*names, *names)]
    event = stream("claim#x", *keys, "thing#")
    assert replicator.handler(event, context()) == {"batchItemFailures": []}
    for name in names:
        assert deployed.registry.observe(thing_key(name), ()).attached
        assert deployed.applied.read(thing_key(name)).call_count == 4


def test_region_that_does_not_answer_gets_its_records_again(deployed, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.52.1:9")
    event = stream("thing#a", "claim#b", "thing#c", "thing#a")
    failed = replicator.handler(event, context())["batchItemFailures"]
    assert [item["itemIdentifier"] for item in failed] == ["1", "3", "4"]


def test_health_is_what_the_last_verdict_says_and_stale_is_ill(deployed):
    assert health.handler({}, None)["statusCode"] == 503
    now_s = 4_000_000_000.0
    for is_healthy, status in ((True, 200), (False, 503)):
        verdict = HealthVerdict(is_healthy=is_healthy, reason="seen", seen_at_s=now_s)
        deployed.verdicts.write(verdict)
        answer = health.handler({}, None)
        assert answer["statusCode"] == status
        assert json.loads(answer["body"]) == {"healthy": is_healthy, "reason": "seen"}
    verdict = HealthVerdict(is_healthy=True, reason="seen", seen_at_s=1000.0)
    deployed.verdicts.write(verdict)
    answer = health.handler({}, None)
    assert answer["statusCode"] == 503
    assert "old" in json.loads(answer["body"])["reason"]


def test_health_whose_table_is_silent_is_ill(deployed, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.52.1:9")
    assert health.handler({}, None)["statusCode"] == 503


def post(body):
    return onboarding.handler({"body": json.dumps(body)}, context())


def test_api_gives_a_device_its_certificate_once(deployed, name):
    deployed.claims.add(Entry.of(Claim(name, "s3cret"), {}))
    body = {"claim": {"id": name, "secret": "s3cret"}}
    csr = device_key.make(name).csr_pem
    first, again = post(body | {"csr": csr}), post(body | {"csr": csr})
    assert first == again
    assert first["statusCode"] == 201
    document = json.loads(first["body"])
    assert document["thing"] == name
    assert document["iot"]["names"][0] == "iot.hotsite.test"
    assert "amazonaws" not in first["body"]
    other = post(body | {"csr": device_key.make(name).csr_pem})
    assert other["statusCode"] == 409
    wrong = post({"claim": {"id": name, "secret": "guess"}, "csr": csr})
    assert wrong["statusCode"] == 403
    assert post(body | {"csr": "none"})["statusCode"] in {400, 409}
    assert post({})["statusCode"] == 400


def test_api_of_a_site_whose_table_is_silent_says_try_again(
    deployed, name, monkeypatch
):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.52.1:9")
    csr = device_key.make(name).csr_pem
    answer = post({"claim": {"id": name, "secret": "s"}, "csr": csr})
    assert answer["statusCode"] == 503
    assert answer["headers"]["retry-after"] == "1"
    assert "127.0" not in answer["body"]


def test_record_that_cannot_be_read_does_not_block_another_name(
    deployed, region, tables
):
    bad, good = fresh_name(), fresh_name()
    enrol(deployed, good)
    item = {"pk": {"S": f"thing#{bad}"}, "sk": {"S": "thing"}, "v": {"N": "2"}}
    put(region, tables.registry, item)
    answer = replicator.handler(stream(f"thing#{bad}", f"thing#{good}"), context())
    assert deployed.registry.observe(thing_key(good), ()).attached
    assert {"itemIdentifier": "2"} not in answer["batchItemFailures"]


def row(number, origin, thing, age_s):
    image = {
        "pk": {"S": thing},
        "origin": {"S": origin},
        "received_at_s": {"N": str(time.time() - age_s)},
    }
    return {"dynamodb": {"NewImage": image, "SequenceNumber": str(number)}}


def test_meter_tells_what_the_other_regions_death_would_lose(deployed, capsys):
    rows = [row(n, "eu-central-1", "oven-1", 4 + n / 10) for n in range(100)]
    rows += [row(200, "eu-west-1", "hotsite-canary-eu-west-1", 0)]
    broken = {"dynamodb": {"Keys": {}, "SequenceNumber": "300"}}
    answer = meter.handler({"Records": [*rows, broken]}, context())
    assert answer == {"batchItemFailures": []}
    (line,) = capsys.readouterr().out.splitlines()
    told = json.loads(line)
    assert 4 <= told[measures.RPO_HOT][0] < 10
    assert told[measures.RPO_MESSAGES][0] > 0
    assert measures.RPO_COLD not in told
    kept = deployed.readings.read().by_origin
    assert kept["eu-central-1"].rate_per_s > 0
    assert kept["eu-west-1"].rate_per_s == 0


def test_meter_whose_table_does_not_answer_gets_the_batch_again(
    deployed, region, monkeypatch
):
    nowhere = f"http://{region.config.address}:{NOBODY_LISTENS_PORT}"
    monkeypatch.setenv("AWS_ENDPOINT_URL", nowhere)
    answer = meter.handler({"Records": [row(7, "eu-west-1", "t", 0)]}, context())
    assert answer == {"batchItemFailures": [{"itemIdentifier": "7"}]}
