"""The Lambdas' handlers, run against a real Region as AWS would run them."""

import json
import os
import time
from types import SimpleNamespace

import pytest
from tests.contract.world import (
    DEVICE,
    FLEET,
    NOBODY_LISTENS_PORT,
    Cloud,
    fresh_name,
    local_ports,
    make_certificate,
    make_entry,
    make_operations_table,
    make_record,
    put,
)
from tests.local.region_world import ACCOUNT

from hotsite.adapters import device_key
from hotsite.core.epoch import Epoch
from hotsite.core.health import HealthVerdict
from hotsite.core.onboarding import Claim, Entry
from hotsite.core.operations import Claim as EpochClaim
from hotsite.core.registry import thing_key
from hotsite.faces.lambdas import (
    health,
    measures,
    meter,
    onboarding,
    replicator,
    switch,
)

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
        "TABLE_TELEMETRY": make_operations_table(Cloud.local(region)),
        "TABLE_APPLIED": tables.applied,
        "TABLE_OPERATIONS": make_operations_table(Cloud.local(region)),
        "FLEET_GROUP": FLEET,
        "THING_TYPE": DEVICE,
        "MQTT_PORT": "8883",
        "PREFIX": "hotsite",
    }
    for key, value in environ.items():
        monkeypatch.setenv(key, value)
    caches = (
        replicator._parts,
        health._verdicts,
        switch._operations,
        onboarding._office,
        meter._parts,
    )
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


def switched():
    answer = switch.handler({}, None)
    return answer["statusCode"], json.loads(answer["body"])


def test_switch_is_on_while_the_site_is_sure_of_its_own_epoch(deployed):
    status, said = switched()
    assert (status, said["is_on"], said["epoch"], said["active"]) == (
        404,
        False,
        0,
        "a",
    )
    operations, _ = switch._operations()
    epoch = Epoch(1, "b", time.time(), "guard of b", "the hall is dark")
    operations.write(EpochClaim(epoch), previous=None)
    status, said = switched()
    assert (status, said["is_on"], said["epoch"], said["active"]) == (200, True, 1, "b")
    assert said["now_s"] >= said["since_s"] == epoch.since_s
    # Anybody may ask: who decided, and why, is not said.
    assert "dark" not in json.dumps(said)
    old = Epoch(3, "b", time.time() - 31.0, "guard of b", "why")
    operations.write(EpochClaim(old), previous=EpochClaim(epoch))
    assert switched()[0] == 404


def test_switch_whose_table_is_silent_or_unreadable_says_neither(
    deployed, region, monkeypatch
):
    operations, _ = switch._operations()
    item = {"pk": {"S": "operations"}, "sk": {"S": "lease#b"}, "v": {"N": "1"}}
    put(region, operations._table, item)
    assert switched() == (503, {"title": "InvalidInputError"})
    switch._operations.cache_clear()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.52.1:9")
    assert switched() == (503, {"title": "UnreachableError"})


def ask(route, *, user="ada", body=None, **path):
    """One request of a user whose token API Gateway has checked."""
    event = {
        "routeKey": route,
        "pathParameters": path,
        "requestContext": {"authorizer": {"jwt": {"claims": {"sub": user}}}},
        "body": None if body is None else json.dumps(body),
    }
    return onboarding.handler(event, context())


def post(body):
    return ask("POST /v1/devices", body=body)


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


def test_api_shows_rotates_and_shuts_out_what_is_the_users_own(deployed, region, name):
    deployed.claims.add(Entry.of(Claim(name, "s3cret"), {"model": "x1"}))
    key = device_key.make(name)
    body = {"claim": {"id": name, "secret": "s3cret"}, "csr": key.csr_pem}
    first = json.loads(post(body)["body"])["certificate_id"]
    hot = os.environ["TABLE_TELEMETRY"]
    heard = {"received_at_s": {"N": "12.5"}, "origin": {"S": "eu-central-1"}}
    for sort_key in ("0000000001#000000000002", "0000000002#000000000001"):
        row = {"pk": {"S": name}, "sk": {"S": sort_key}, "published_at_s": {"N": "9"}}
        put(region, hot, row | (heard if sort_key > "0000000002" else {}))
    listed = json.loads(ask("GET /v1/devices")["body"])
    assert listed["next"] is None
    (shown,) = listed["devices"]
    assert shown["last_seen"] == {"at_s": 12.5, "region": "eu-central-1"}
    assert shown["attributes"] == {"model": "x1"}
    assert ask("GET /v1/devices/{thing}", user="bob", thing=name)["statusCode"] == 404
    rotate = "POST /v1/devices/{thing}/certificates"
    csr = {"csr": device_key.make(name).csr_pem}
    second, again = (ask(rotate, body=csr, thing=name) for _ in range(2))
    assert second == again
    assert second["statusCode"] == 201
    attached = deployed.registry.observe(thing_key(name)).attached
    assert set(attached) == {first, json.loads(second["body"])["certificate_id"]}
    assert ask("DELETE /v1/devices/{thing}", thing=name)["statusCode"] == 204
    shown = json.loads(ask("GET /v1/devices/{thing}", thing=name)["body"])
    assert {one["status"] for one in shown["certificates"]} == {"REVOKED"}
    assert len(deployed.enrolments.audit(name)) == 4


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
