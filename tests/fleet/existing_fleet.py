"""A registry as somebody built it long before hotsite came: boto3 and nothing else.

Knows the API of AWS IoT Core only, so that what it finds in a Region is a second
opinion on what hotsite says of it.
"""

import collections
import datetime as dt
import functools
import json

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

THINGS = [f"oven-{number:03}" for number in range(200)]
# Every fourth thing has a certificate; the quota of looking at one is 10 a second.
CERTIFIED = THINGS[::4]
REVOKED, INACTIVE, ROTATED = CERTIFIED[:4], CERTIFIED[4:10], CERTIFIED[10:14]
SHADOWED, NAMED = THINGS[:30], THINGS[20:28]
GROUPS = {
    "works": None,
    "works-north": "works",
    "works-south": "works",
    "hall-1": "works-north",
    "hall-2": "works-north",
    "hall-3": "works-south",
    "lines": None,
    "line-bread": "lines",
    "line-cake": "lines",
}
HALLS, LINES = ("hall-1", "hall-2", "hall-3"), ("line-bread", "line-cake")
POLICIES = {"connect": 1, "publish": 3, "shadow": 1, "maintain": 5, "unused": 2}
TYPES = {"oven": ("model",), "oven-2": ("model", "hall"), "legacy": ()}
OWN = "hotsite-"


@functools.cache
def key():
    """One key for all: nobody connects with it, and making keys takes long."""
    return ec.generate_private_key(ec.SECP256R1())


def pem(name, *, is_authority=False):
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    begins = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key().public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + dt.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
    )
    signed = builder.sign(key(), hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def policy(region, action, size=1):
    resource = f"arn:aws:iot:{region}:123456789012:topic/{action}/"
    resources = [f"{resource}{number}" for number in range(size)]
    statement = {"Effect": "Allow", "Action": "iot:Publish", "Resource": resources}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


class Fleet:
    """The registry of one Region, by its boto3 clients."""

    def __init__(self, region, iot, data):
        self.region, self.iot, self.data = region, iot, data

    # Making.

    def build(self):
        """Make the whole fleet; return the certificates that no one thing has."""
        for name, searchable in TYPES.items():
            self.iot.create_thing_type(
                thingTypeName=name,
                thingTypeProperties={
                    "thingTypeDescription": f"{name} of the works",
                    "searchableAttributes": list(searchable),
                },
            )
        for name, versions in POLICIES.items():
            self.iot.create_policy(
                policyName=name, policyDocument=policy(self.region, name)
            )
            for size in range(2, versions + 1):
                self.policy_version(name, size, is_default=size == versions - 1)
        for name, parent in GROUPS.items():
            self._group(name, parent)
        self.iot.register_ca_certificate(
            caCertificate=pem("works CA", is_authority=True),
            certificateMode="SNI_ONLY",
            setAsActive=True,
            allowAutoRegistration=False,
        )
        for number, name in enumerate(THINGS):
            self._thing(number, name)
        self.iot.deprecate_thing_type(thingTypeName="legacy")
        shared = self.certificate("shared", THINGS[1])
        self._attach(THINGS[2], shared)
        return shared, self.certificate("of nobody")

    def policy_version(self, name, size, *, is_default=True):
        self.iot.create_policy_version(
            policyName=name,
            policyDocument=policy(self.region, name, size),
            setAsDefault=is_default,
        )

    def certificate(self, label, thing=None, status="ACTIVE"):
        made = self.iot.register_certificate_without_ca(
            certificatePem=pem(label), status="ACTIVE"
        )
        if thing is not None:
            self._attach(thing, made["certificateId"])
        if status != "ACTIVE":
            self.status(made["certificateId"], status)
        return made["certificateId"]

    def _attach(self, thing, certificate_id):
        arn = self.arn(certificate_id)
        self.iot.attach_thing_principal(thingName=thing, principal=arn)

    def _group(self, name, parent):
        self.iot.create_thing_group(
            thingGroupName=name,
            **({"parentGroupName": parent} if parent else {}),
            thingGroupProperties={
                "thingGroupDescription": f"all of {name}",
                "attributePayload": {"attributes": {"site": name}},
            },
        )
        attached = {"works": "connect", "hall-1": "maintain", "lines": "publish"}
        if name in attached:
            arn = self.iot.describe_thing_group(thingGroupName=name)["thingGroupArn"]
            self.iot.attach_policy(policyName=attached[name], target=arn)

    def _thing(self, number, name):
        kind = ("oven", "oven-2")[number % 2]
        self.iot.create_thing(
            thingName=name,
            thingTypeName=kind,
            attributePayload={"attributes": {"model": f"m{number % 7}", "hall": "1"}},
        )
        groups = [HALLS[number % 3]] + ([LINES[number % 2]] if number % 5 else [])
        for group in groups:
            self.iot.add_thing_to_thing_group(thingGroupName=group, thingName=name)
        if name in CERTIFIED:
            status = "REVOKED" if name in REVOKED else "ACTIVE"
            status = "INACTIVE" if name in INACTIVE else status
            made = self.certificate(name, name, status)
            if number % 8 == 0:
                self.iot.attach_policy(policyName="shadow", target=self.arn(made))
        if name in ROTATED:
            self.certificate(f"{name} again", name)
        if name in SHADOWED:
            self.shadow(name, {"celsius": number})
        if name in NAMED:
            self.shadow(name, {"door": "open"}, shadow="door")

    # Changing.

    def arn(self, certificate_id):
        return f"arn:aws:iot:{self.region}:123456789012:cert/{certificate_id}"

    def status(self, certificate_id, status):
        self.iot.update_certificate(certificateId=certificate_id, newStatus=status)

    def shadow(self, thing, desired, shadow=None):
        self.data.update_thing_shadow(
            thingName=thing,
            payload=json.dumps({"state": {"desired": desired}}),
            **({"shadowName": shadow} if shadow else {}),
        )

    def attribute(self, thing, **values):
        payload = {"attributes": values, "merge": True}
        self.iot.update_thing(thingName=thing, attributePayload=payload)

    def move(self, thing, source, target):
        self.iot.remove_thing_from_thing_group(thingGroupName=source, thingName=thing)
        self.iot.add_thing_to_thing_group(thingGroupName=target, thingName=thing)

    def detach(self, thing, certificate_id):
        arn = self.arn(certificate_id)
        self.iot.detach_thing_principal(thingName=thing, principal=arn)

    def delete(self, thing):
        """Delete a thing as the console does: its certificates stay behind."""
        for certificate_id in self.certificates_of(thing):
            self.detach(thing, certificate_id)
        self.iot.delete_thing(thingName=thing)

    # Looking.

    def _all(self, operation, key, **given):
        return [
            item
            for page in self.iot.get_paginator(operation).paginate(**given)
            for item in page[key]
        ]

    def things(self):
        return {
            item["thingName"]: item
            for item in self._all("list_things", "things")
            if not item["thingName"].startswith(OWN)
        }

    def certificates_of(self, thing):
        found = self._all("list_thing_principals", "principals", thingName=thing)
        return sorted(arn.rpartition("/")[2] for arn in found)

    def registry(self):
        """Everything that both Regions must agree on, without their ARNs."""
        things = self.things()
        held = {name: self.certificates_of(name) for name in things}
        owners = collections.Counter(id_ for ids in held.values() for id_ in ids)
        own = {
            name: [id_ for id_ in ids if owners[id_] == 1] for name, ids in held.items()
        }
        shadows = {name: self._shadows(name) for name in things}
        return {
            "things": {
                name: (item.get("thingTypeName"), item["attributes"], self._in(name))
                for name, item in things.items()
            },
            "certificates": {
                name: [(id_, *self._certificate(id_)) for id_ in ids]
                for name, ids in own.items()
                if ids
            },
            "shadows": {name: found for name, found in shadows.items() if found},
            "groups": self._groups(),
            "types": self._types(),
            "policies": self._policies(),
            "authorities": [
                (item["certificateId"], item["status"])
                for item in self._all("list_ca_certificates", "certificates")
            ],
        }

    def _in(self, thing):
        found = self._all("list_thing_groups_for_thing", "thingGroups", thingName=thing)
        return sorted(item["groupName"] for item in found)

    def _certificate(self, certificate_id):
        found = self.iot.describe_certificate(certificateId=certificate_id)
        seen = found["certificateDescription"]
        policies = self._attached(self.arn(certificate_id))
        return seen["status"], seen["certificatePem"].split(), policies

    def _attached(self, target):
        found = self._all("list_attached_policies", "policies", target=target)
        return sorted(item["policyName"] for item in found)

    def _shadows(self, thing):
        found = {}
        named = self.data.list_named_shadows_for_thing(thingName=thing)["results"]
        for name in (None, *named):
            given = {"shadowName": name} if name else {}
            try:
                answer = self.data.get_thing_shadow(thingName=thing, **given)
            except self.data.exceptions.ResourceNotFoundException:
                continue
            found[name or ""] = json.loads(answer["payload"].read())["state"]
        return found

    def _groups(self):
        found = {}
        for item in self._all("list_thing_groups", "thingGroups"):
            if item["groupName"].startswith(OWN):
                continue
            seen = self.iot.describe_thing_group(thingGroupName=item["groupName"])
            found[item["groupName"]] = (
                seen["thingGroupMetadata"].get("parentGroupName"),
                seen["thingGroupProperties"].get("thingGroupDescription"),
                seen["thingGroupProperties"].get("attributePayload"),
                self._attached(item["groupArn"]),
            )
        return found

    def _types(self):
        return {
            item["thingTypeName"]: (
                item["thingTypeProperties"].get("thingTypeDescription"),
                sorted(item["thingTypeProperties"].get("searchableAttributes", ())),
                item["thingTypeMetadata"]["deprecated"],
            )
            for item in self._all("list_thing_types", "thingTypes")
            if not item["thingTypeName"].startswith(OWN)
        }

    def _policies(self):
        found = {}
        for item in self._all("list_policies", "policies"):
            if not item["policyName"].startswith(OWN):
                seen = self.iot.get_policy(policyName=item["policyName"])
                text = seen["policyDocument"].replace(f":{self.region}:", ":here:")
                found[item["policyName"]] = json.loads(text)
        return found
