"""Onboarding and replication on the AWS adapters, in a real Region."""

import json
from dataclasses import replace

import pytest
from tests.contract.world import (
    DEVICE,
    FLEET,
    local_ports,
    make_certificate,
    make_entry,
    make_record,
)
from tests.local.region_world import DOMAIN

from hotsite.adapters import device_key
from hotsite.adapters.mqtt import Credentials, Target
from hotsite.adapters.mqtt_probe import connect_once
from hotsite.core.onboarding import Claim, Entry, Names, Request
from hotsite.core.registry import CertificateStatus, thing_key
from hotsite.errors import AlreadyUsedError, InvalidInputError, RefusedError
from hotsite.flows.onboarding import Desk, onboard
from hotsite.flows.replication import apply

pytestmark = [pytest.mark.local, pytest.mark.timeout(60)]

NAMES = Names((f"iot.{DOMAIN}",), f"api.{DOMAIN}", 8883)
POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "iot:Connect",
            "Resource": "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}",
        }
    ],
}


class Office:
    """One Region's desk, with a count of what IoT Core was asked."""

    def __init__(self, region, tables, name, ca_pem):
        self.name, self.calls = name, []
        self.ports = local_ports(
            region, tables, on_iot_call=lambda model, **_: self.calls.append(model.name)
        )
        self.desk = Desk(
            self.ports.claims, self.ports.site, NAMES, ca_pem, DEVICE, FLEET
        )
        self.claim = Claim(name, "s3cret")
        self.ports.claims.add(Entry.of(self.claim, {"model": "x1"}))

    def onboard(self, key):
        self.calls.clear()
        return onboard(Request(self.claim, key.csr_pem), self.desk)

    def apply(self):
        self.calls.clear()
        return apply(thing_key(self.name), self.ports.site)


@pytest.fixture(scope="module")
def fleet_policy(region):
    iot = region.client("iot")
    iot.create_policy(policyName=FLEET, policyDocument=json.dumps(POLICY))
    group = iot.describe_thing_group(thingGroupName=FLEET)
    iot.attach_policy(policyName=FLEET, target=group["thingGroupArn"])


@pytest.fixture
def office(region, tables, name, authority):
    return Office(region, tables, name, authority.path.read_text())


@pytest.fixture
def key(name):
    return device_key.make(name)


@pytest.fixture
def probe(region, key, name, tmp_path):
    """Connect once as the device would, with its own key."""
    path = tmp_path / "device.key"
    key.save(path)
    assert path.stat().st_mode & 0o777 == 0o600
    where = Target(region.config.address, region.config.mqtt_port, f"iot.{DOMAIN}")

    def connect(answer):
        given = Credentials(answer.certificate.pem, path, answer.ca_pem)
        return connect_once(where, given, answer.thing_name)

    return connect


def test_onboarding_costs_four_calls_and_its_repeat_none(office, key):
    answer = office.onboard(key)
    assert office.calls == [
        "CreateCertificateFromCsr",
        "CreateThing",
        "AttachThingPrincipal",
        "AddThingToThingGroup",
    ]
    assert office.onboard(key) == answer
    assert office.calls == []
    assert office.apply().reason == "already applied"
    assert office.calls == []


def test_device_connects_with_what_onboarding_gave_it(office, key, probe, fleet_policy):
    assert probe(office.onboard(key)) > 0


def test_revoked_device_is_closed_in_one_call_and_cannot_connect(
    office, key, probe, fleet_policy
):
    answer = office.onboard(key)
    office.ports.records.write_revoked(
        thing_key(office.name), answer.certificate.certificate_id
    )
    office.apply()
    assert office.calls == ["UpdateCertificate"]
    with pytest.raises(RefusedError):
        probe(answer)


def test_second_key_is_refused_and_issues_nothing(office, key):
    answer = office.onboard(key)
    with pytest.raises(AlreadyUsedError):
        office.onboard(device_key.make(office.name))
    assert office.calls == []
    seen = office.ports.registry.observe(thing_key(office.name), ())
    assert seen.attached == {answer.certificate.certificate_id}


def test_bad_request_leaves_nothing_in_the_region(office, key):
    broken = replace(key, csr_pem=key.csr_pem.replace("M", "N", 1))
    with pytest.raises(InvalidInputError):
        office.onboard(broken)
    assert office.calls == []
    assert office.ports.records.read(thing_key(office.name)).thing is None


def test_record_from_another_region_costs_four_calls_and_a_duplicate_none(office):
    certificate = make_certificate()
    entry = make_entry(office.name, csr_digest="elsewhere", certificate=certificate)
    office.ports.claims.take(replace(entry, certificate=None))
    office.ports.records.write_enrolled(entry, make_record(office.name, certificate))
    office.ports.clock.sleep(1.5)
    outcome = office.apply()
    assert (outcome.call_count, outcome.reason) == (4, "applied")
    assert office.calls == [
        "RegisterCertificateWithoutCA",
        "CreateThing",
        "AttachThingPrincipal",
        "AddThingToThingGroup",
    ]
    assert office.ports.applied.read(thing_key(office.name)).lag_s == 1.5
    assert office.apply().call_count == 0
    assert office.calls == []


def test_lost_applied_table_is_healed_by_looking_at_the_region(office, key, tables):
    answer = office.onboard(key)
    ids = [answer.certificate.certificate_id]
    before = office.ports.registry.observe(thing_key(office.name), ids)
    office.desk.site.applied._dynamodb.delete_item(
        TableName=tables.applied, Key={"name": {"S": f"thing#{office.name}"}}
    )
    assert office.apply().reason == "applied"
    assert office.ports.registry.observe(thing_key(office.name), ids) == before
    assert before.certificates[0].status is CertificateStatus.ACTIVE


def test_record_with_a_forged_certificate_is_a_failure_that_is_kept(office):
    certificate = replace(make_certificate(), certificate_id="0" * 64)
    entry = make_entry(office.name, csr_digest="elsewhere", certificate=certificate)
    office.ports.claims.take(replace(entry, certificate=None))
    office.ports.records.write_enrolled(entry, make_record(office.name, certificate))
    outcome = office.apply()
    assert "SHA-256" in outcome.reason
    assert not outcome.is_retryable
    assert office.ports.applied.read(thing_key(office.name)).failure == outcome.reason
    assert office.calls == []
