"""The functions that look at the registry of AWS IoT Core, and change it."""

import json
from dataclasses import replace

from tests.contract.test_definitions import make_ca, make_policy
from tests.contract.test_lives import Pen
from tests.contract.world import (
    DEVICE,
    FLEET,
    GATEWAY,
    fresh_name,
    make_certificate,
    make_record,
)
from tests.local.region_world import ACCOUNT
from tests.rehearsal.role_world import CALLER

from hotsite.adapters import device_key
from hotsite.core.onboarding import Claim, Entry
from hotsite.core.registry import (
    CertificateStatus,
    Key,
    Kind,
    Shadows,
    Thing,
    ThingGroup,
    ThingType,
    thing_key,
)
from hotsite.faces.lambdas import capture, onboarding, replicator, sweeper
from hotsite.ports import Applied

_REVOKED = CertificateStatus.REVOKED
_PASSES_MAX = 4


def plays_onboarding(world):
    world.clear()
    _plays_enrolment(world, fresh_name())
    _plays_escrow(world, fresh_name())


def _plays_enrolment(world, name):
    # Somebody made it before, of another type and with other attributes.
    world.region.client("iot").create_thing(thingName=name, thingTypeName=GATEWAY)
    body = {"claim": _claim(world, name), "csr": device_key.make(name).csr_pem}
    assert _ask("POST /v1/devices", body=body)["thing"] == name
    # The replicator would do later what was left undone here: it has to be done now.
    seen = world.ports.registry.observe(thing_key(name))
    assert seen.body == Thing(name, DEVICE, (("model", "x1"),), (FLEET,))
    assert len(seen.attached) == 1
    (only,) = _ask("GET /v1/devices")["devices"]
    assert only["thing"] == name
    csr = {"csr": device_key.make(name).csr_pem}
    assert _ask("POST /v1/devices/{thing}/certificates", body=csr, thing=name)
    attached = world.ports.registry.observe(thing_key(name)).attached
    assert len(attached) == 2
    # Another Region has given it one, and this one has to let it in as well.
    pen, other = Pen(world.ports, thing_key(name)), make_certificate()
    first, *rest = pen.read().certificates
    pen.write(certificates=_sorted(*rest, other))
    pen.ports.records.write_revoked(pen.key, first.certificate_id)
    assert _ask("DELETE /v1/devices/{thing}", status=204, thing=name) is None
    seen = world.ports.registry.observe(thing_key(name), (other.certificate_id,))
    assert len(seen.certificates) == 3
    assert {one.status for one in seen.certificates} == {_REVOKED}


def _plays_escrow(world, name):
    body = {"claim": _claim(world, name), "custody": "escrow"}
    given = _ask("POST /v1/devices", body=body)
    (only,) = world.ports.registry.observe(thing_key(name)).attached
    fetch = "POST /v1/devices/{thing}/certificates/{certificate_id}/key"
    key = _ask(fetch, status=200, thing=name, certificate_id=only)
    assert "PRIVATE KEY" in key["private_key"]
    assert given["thing"] == name
    assert _ask(fetch, status=404, thing=name, certificate_id=only)


def _claim(world, name):
    world.ports.claims.add(Entry.of(Claim(name, "s3cret"), {"model": "x1"}))
    return {"id": name, "secret": "s3cret"}


def _ask(route, *, body=None, status=None, **path):
    event = {
        "routeKey": route,
        "pathParameters": path,
        "requestContext": {"authorizer": {"jwt": {"claims": {"sub": "ada"}}}},
        "body": None if body is None else json.dumps(body),
    }
    answer = onboarding.handler(event, CALLER)
    wanted = status or (201 if route.startswith("POST") else 200)
    assert answer["statusCode"] == wanted, answer
    return json.loads(answer["body"]) if answer.get("body") else None


def plays_replicator(world):
    def tell(keys):
        events = [
            {"dynamodb": {"Keys": {"pk": {"S": str(key)}}, "SequenceNumber": str(n)}}
            for n, key in enumerate(keys, start=1)
        ]
        answer = replicator.handler({"Records": events}, CALLER)
        assert answer == {"batchItemFailures": []}

    world.clear()
    _Life(world, fresh_name(), tell).play()
    _plays_revoked_outside(world, fresh_name(), tell)


def _plays_revoked_outside(world, name, tell):
    """Apply a record of a certificate that somebody has revoked here."""
    closed = make_certificate()
    iot = world.region.client("iot")
    iot.register_certificate_without_ca(certificatePem=closed.pem, status="INACTIVE")
    iot.update_certificate(certificateId=closed.certificate_id, newStatus="REVOKED")
    pen = Pen(world.ports, thing_key(name))
    pen.write(body=Thing(name, DEVICE), certificates=(closed,))
    tell([pen.key])
    (seen,) = world.ports.registry.observe(
        pen.key, (closed.certificate_id,)
    ).certificates
    assert seen.status is _REVOKED
    assert pen.read().revoked == (closed.certificate_id,)


def plays_sweeper(world):
    def sweep(keys):
        del keys
        for _ in range(_PASSES_MAX):
            answer = sweeper.handler({}, CALLER)
            assert answer["complete"]
            if not answer["drift"]:
                return

    world.clear()
    life = _Life(world, fresh_name(), sweep)
    life.play()
    # Applied just now; and it was deleted long ago, as its records say.
    sweep(())
    life.check_forgotten()
    world.clear()
    outside = _Outside(world, fresh_name())
    outside.make()
    sweep(())
    outside.check()
    outside.revoke()
    sweep(())
    outside.check_revoked()


class _Life:
    """Records of every kind come, change and go, and a Region has to follow."""

    def __init__(self, world, name, follow):
        self._world, self._follow = world, follow
        self._registry = world.ports.registry
        self._name, self._ca = name, make_ca()
        self._own = replace(make_certificate(), policies=(name,))
        kinds = (
            Kind.THING,
            Kind.SHADOWS,
            Kind.THING_GROUP,
            Kind.THING_TYPE,
            Kind.POLICY,
        )
        keys = [Key(kind, name) for kind in kinds]
        keys.append(Key(Kind.CA_CERTIFICATE, self._ca.name))
        self._pens = {key.kind: Pen(world.ports, key) for key in keys}

    def play(self):
        self._come()
        self._change()
        self._go()

    def check_forgotten(self):
        """Look whether nothing is left of what was deleted, not even a tombstone."""
        for kind in self._pens.keys() - {Kind.SHADOWS}:
            assert self._pens[kind].read().is_absent, kind

    def _write(self, kind, **changes):
        self._pens[kind].write(**changes)

    def _check(self):
        """Let the Region follow, and look whether it holds what the records say."""
        self._follow([pen.key for pen in self._pens.values()])
        for pen in self._pens.values():
            wanted = pen.read()
            ids = (self._own.certificate_id,)
            seen = self._registry.observe(pen.key, ids)
            is_bare = wanted.body == Shadows(pen.key.name)
            assert seen.body == (None if is_bare else wanted.body), pen.key
            ours = [one for one in seen.certificates if one.certificate_id in ids]
            if pen.key.kind is Kind.THING:
                assert tuple(ours) == wanted.certificates

    def _come(self):
        name = self._name
        thing = Thing(name, name, (), (FLEET, name))
        self._write(Kind.THING, body=thing, certificates=(self._own,))
        both = (("", '{"desired":{"a":1}}'), ("one", '{"desired":{"b":2}}'))
        self._write(Kind.SHADOWS, body=Shadows(name, both))
        self._write(Kind.THING_GROUP, body=ThingGroup(name, policies=(name,)))
        self._write(Kind.THING_TYPE, body=ThingType(name, "Oven"))
        self._write(Kind.POLICY, body=make_policy(name))
        self._write(Kind.CA_CERTIFICATE, body=self._ca)
        # A worker died here, and what it has done of this one has to be looked at.
        begun = self._pens[Kind.SHADOWS].read()
        line = Applied(begun.key, attempts=(begun,))
        self._world.ports.applied.write(line, previous=None)
        self._check()

    def _change(self):
        name = self._name
        closed = replace(self._own, policies=(), status=CertificateStatus.INACTIVE)
        thing = Thing(name, name, (("wing", "a"),), (FLEET,))
        self._write(Kind.THING, body=thing, certificates=(closed,))
        left = (("one", '{"desired":{"b":3}}'),)
        self._write(Kind.SHADOWS, body=Shadows(name, left))
        self._write(Kind.THING_GROUP, body=ThingGroup(name, description="Floor"))
        deprecated = ThingType(name, "Oven", is_deprecated=True)
        self._write(Kind.THING_TYPE, body=deprecated)
        self._write(Kind.POLICY, body=make_policy(name, "iot:Connect", "iot:Publish"))
        self._write(Kind.CA_CERTIFICATE, body=replace(self._ca, is_active=False))
        self._check()

    def _go(self):
        # A certificate that another thing has as well stays as it is.
        shared = _Stranger(self._world, self._name)
        gone = {"body": None, "is_deleted": True}
        self._write(Kind.THING, certificates=(), **gone)
        # No record says that a thing without a shadow has none.
        self._write(Kind.SHADOWS, body=Shadows(self._name))
        for kind in self._pens.keys() - {Kind.THING, Kind.SHADOWS}:
            self._write(kind, **gone)
        self._check()
        shared.check()


class _Stranger:
    """A certificate that somebody has attached to a thing of ours and one of theirs."""

    def __init__(self, world, name):
        self._iot = iot = world.region.client("iot")
        made = iot.create_keys_and_certificate(setAsActive=True)
        self._id, self._other = made["certificateId"], f"{name}-theirs"
        iot.create_thing(thingName=self._other)
        for thing in (name, self._other):
            iot.attach_thing_principal(
                thingName=thing, principal=made["certificateArn"]
            )

    def check(self):
        found = self._iot.describe_certificate(certificateId=self._id)
        assert found["certificateDescription"]["status"] == "ACTIVE"
        kept = self._iot.list_thing_principals(thingName=self._other)["principals"]
        assert len(kept) == 1


def plays_capture(world):
    world.clear()
    outside = _Outside(world, fresh_name())
    outside.make()
    name, ca = outside.name, outside.ca
    calls = [
        {"eventName": "CreatePolicy", "requestParameters": {"policyName": name}},
        {
            "eventName": "RegisterCACertificate",
            "responseElements": {"certificateId": ca},
        },
        {
            "eventName": "AttachThingPrincipal",
            "requestParameters": {"thingName": name},
        },
    ]
    topics = (
        f"$aws/events/thingType/{name}/created",
        f"$aws/events/thingGroup/{name}/created",
        f"$aws/things/{name}/shadow/name/one/update/documents",
    )
    told = [{"detail": call} for call in calls]
    told += [{"topic": topic} for topic in topics]
    assert _hear(*told) == []
    outside.check()
    outside.revoke()
    closing = {"certificateId": outside.certificate_id, "newStatus": "REVOKED"}
    call = {"eventName": "UpdateCertificate", "requestParameters": closing}
    assert _hear({"detail": call}) == []
    outside.check_revoked()
    _plays_too_early(world, fresh_name())


def _plays_too_early(world, name):
    """Tell of a thing whose record is not applied here: it has to come again."""
    pen = Pen(world.ports, thing_key(name))
    pen.write(body=make_record(name).body)
    sqs = world.region.client("sqs")
    sqs.purge_queue(QueueUrl=world.queue)
    body = json.dumps({"topic": f"$aws/events/thing/{name}/updated"})
    sqs.send_message(QueueUrl=world.queue, MessageBody=body)
    (message,) = sqs.receive_message(QueueUrl=world.queue)["Messages"]
    queue = world.queue.rpartition("/")[2]
    record = {
        "messageId": "late",
        "body": body,
        "receiptHandle": message["ReceiptHandle"],
        "eventSourceARN": f"arn:aws:sqs:eu-west-1:{ACCOUNT}:{queue}",
    }
    # A worker looks a queue up once.
    capture._parts.cache_clear()
    assert _late(capture.handler({"Records": [record]}, CALLER)) == ["late"]


def _hear(*told):
    records = [
        {"messageId": str(n), "body": json.dumps(one)} for n, one in enumerate(told)
    ]
    return _late(capture.handler({"Records": records}, CALLER))


def _late(answer):
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


class _Outside:
    """What somebody makes past hotsite, one of each kind."""

    def __init__(self, world, name):
        self.name = name
        self._ports = world.ports
        self._iot = world.region.client("iot")
        self._data = world.region.client("iot-data")
        self.certificate_id = self.ca = ""

    def make(self):
        iot, name = self._iot, self.name
        iot.create_thing_type(thingTypeName=name)
        iot.create_thing_group(thingGroupName=name)
        statement = {"Effect": "Allow", "Action": "iot:Connect", "Resource": "*"}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        iot.create_policy(policyName=name, policyDocument=json.dumps(document))
        self.ca = iot.register_ca_certificate(
            caCertificate=make_ca().pem, certificateMode="SNI_ONLY"
        )["certificateId"]
        iot.create_thing(thingName=name, thingTypeName=name)
        iot.add_thing_to_thing_group(thingName=name, thingGroupName=name)
        made = iot.create_keys_and_certificate(setAsActive=True)
        self.certificate_id = made["certificateId"]
        iot.attach_policy(policyName=name, target=made["certificateArn"])
        iot.attach_thing_principal(thingName=name, principal=made["certificateArn"])
        for shadow in ({}, {"shadowName": "one"}):
            payload = json.dumps({"state": {"desired": {"a": 1}}})
            self._data.update_thing_shadow(thingName=name, payload=payload, **shadow)

    def check(self):
        """Look whether the record has all of it."""
        name = self.name
        for kind in Kind:
            key = Key(kind, self.ca if kind is Kind.CA_CERTIFICATE else name)
            record, seen = self._record(key), self._ports.registry.observe(key)
            assert record.body is not None, key
            assert (record.body, record.certificates) == (seen.body, seen.certificates)
        (only,) = self._record(thing_key(name)).certificates
        assert (only.certificate_id, only.policies) == (self.certificate_id, (name,))

    def revoke(self):
        self._iot.update_certificate(
            certificateId=self.certificate_id, newStatus="REVOKED"
        )

    def check_revoked(self):
        assert self._record(thing_key(self.name)).revoked == (self.certificate_id,)

    def _record(self, key):
        return self._ports.records.read(key)


def _sorted(*certificates):
    return tuple(sorted(certificates, key=lambda one: one.certificate_id))
