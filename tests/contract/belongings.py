"""What the contract suite makes in an AWS account, and how it goes again.

Every client is watched: a call that would make something whose name does not
begin with this run's prefix is refused before it is sent, and each name is noted
before the call that makes it. Only what was noted is removed.
"""

import contextlib
import hashlib
import json
import time
from dataclasses import dataclass, field

from botocore.exceptions import ClientError

from hotsite.core.validity import certificate_id_of
from hotsite.errors import InvalidInputError

# The parameter that names what each call makes.
MAKERS = {
    "dynamodb": {"CreateTable": "TableName"},
    "s3": {"CreateBucket": "Bucket"},
    "iot": {
        "CreateThing": "thingName",
        "CreateThingType": "thingTypeName",
        "CreateThingGroup": "thingGroupName",
        "CreatePolicy": "policyName",
        "RegisterCertificateWithoutCA": "certificatePem",
        "RegisterCACertificate": "caCertificate",
    },
    "iot-data": {"UpdateThingShadow": "thingName"},
}
# What undoes each call; what is attached goes before what it is attached to.
UNDOING = {
    "UpdateThingShadow": "delete_shadows",
    "CreateThing": "delete_thing",
    "RegisterCertificateWithoutCA": "delete_certificate",
    "CreateThingGroup": "delete_group",
    "CreatePolicy": "delete_policy",
    "CreateThingType": "delete_type",
    "RegisterCACertificate": "delete_ca",
    "CreateTable": "delete_table",
    "CreateBucket": "delete_bucket",
}
IS_GONE = {"ResourceNotFoundException", "NoSuchBucket", "404"}
IS_LATER = {
    "DeleteConflictException",
    "CertificateStateException",
    "InvalidRequestException",
    "ThrottlingException",
    "ResourceInUseException",
}
RETRY_S = 1.0


@dataclass
class Belongings:
    """Names that one run has made.

    Attributes:
        prefix: What each name begins with.
        account: Where they are, as in ARNs: Region and account id.
        within_s: How long to wait until AWS lets something go: a thing type five
            minutes after its deprecation, a policy five after it was detached.
    """

    prefix: str
    account: str
    within_s: float
    made: dict[tuple[str, str], None] = field(default_factory=dict)

    def watch(self, service, client):
        """Note what a client makes from now on."""
        for operation, parameter in MAKERS.get(service, {}).items():
            client.meta.events.register(
                f"provide-client-params.{service}.{operation}",
                lambda params, model, parameter=parameter, **_: self._note(
                    model.name, params[parameter]
                ),
            )
        if service == "iot":
            client.meta.events.register(
                "after-call.iot.CreateCertificateFromCsr",
                lambda parsed, **_: self._note_issued(parsed),
            )
        return client

    def _note(self, operation, name):
        if operation.startswith("Register"):
            with contextlib.suppress(InvalidInputError):
                self.made[(operation, certificate_id_of(name))] = None
            return
        assert name.startswith(self.prefix), f"{operation} {name}: not of this run"
        self.made[(operation, name)] = None

    def _note_issued(self, parsed):
        if "certificateId" in parsed:
            operation = "RegisterCertificateWithoutCA"
            self.made[(operation, parsed["certificateId"])] = None

    def remove(self, client):
        """Remove everything that was noted; tell of what would not go.

        Args:
            client: Makes a client of a service that may be unwatched.
        """
        removal = Removal(client, self.account)
        left = {}
        for operation, undoing in UNDOING.items():
            # Children were made after their parents.
            names = [name for maker, name in self.made if maker == operation]
            for name in reversed(names):
                error = self._removed(getattr(removal, undoing), name)
                if error is not None:
                    left[f"{operation} {name}"] = error
        self.made.clear()
        assert not left, f"still there: {left}"

    def _removed(self, undo, name):
        deadline_s = time.monotonic() + self.within_s
        while True:
            try:
                undo(name)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code in IS_GONE:
                    return None
                if code not in IS_LATER or time.monotonic() > deadline_s:
                    return str(error)
                time.sleep(RETRY_S)
            else:
                return None


class Removal:
    """Undoes each call that makes something; what was not made is no error."""

    def __init__(self, client, account):
        self.iot, self.data = client("iot"), client("iot-data")
        self.client, self.account = client, account

    def delete_shadows(self, thing):
        named = self.data.list_named_shadows_for_thing(thingName=thing)["results"]
        for more in ({}, *({"shadowName": name} for name in named)):
            with contextlib.suppress(self.data.exceptions.ResourceNotFoundException):
                self.data.delete_thing_shadow(thingName=thing, **more)

    def delete_thing(self, name):
        for principal in self.iot.list_thing_principals(thingName=name)["principals"]:
            self.iot.detach_thing_principal(thingName=name, principal=principal)
        self.iot.delete_thing(thingName=name)

    def delete_certificate(self, certificate_id):
        self.iot.update_certificate(certificateId=certificate_id, newStatus="INACTIVE")
        arn = f"arn:aws:iot:{self.account}:cert/{certificate_id}"
        self._detach_policies(arn)
        self.iot.delete_certificate(certificateId=certificate_id)

    def delete_group(self, name):
        self._detach_policies(f"arn:aws:iot:{self.account}:thinggroup/{name}")
        self.iot.delete_thing_group(thingGroupName=name)

    def delete_policy(self, name):
        for version in self.iot.list_policy_versions(policyName=name)["policyVersions"]:
            if not version["isDefaultVersion"]:
                self.iot.delete_policy_version(
                    policyName=name, policyVersionId=version["versionId"]
                )
        self.iot.delete_policy(policyName=name)

    def delete_type(self, name):
        there = self.iot.describe_thing_type(thingTypeName=name)
        if not there["thingTypeMetadata"].get("deprecated"):
            self.iot.deprecate_thing_type(thingTypeName=name)
        self.iot.delete_thing_type(thingTypeName=name)

    def delete_ca(self, certificate_id):
        self.iot.update_ca_certificate(
            certificateId=certificate_id, newStatus="INACTIVE"
        )
        self.iot.delete_ca_certificate(certificateId=certificate_id)

    def delete_table(self, name):
        self.client("dynamodb").delete_table(TableName=name)

    def delete_bucket(self, name):
        s3 = self.client("s3")
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=name):
            for item in page.get("Contents", ()):
                s3.delete_object(Bucket=name, Key=item["Key"])
        s3.delete_bucket(Bucket=name)

    def _detach_policies(self, target):
        for policy in self.iot.list_attached_policies(target=target)["policies"]:
            self.iot.detach_policy(policyName=policy["policyName"], target=target)


def inventory(client):
    """Return a fingerprint of each thing that a Region holds, by kind and name."""
    iot, data = client("iot"), client("iot-data")
    lists = {
        "list_things": ("things", "thingName"),
        "list_thing_types": ("thingTypes", "thingTypeName"),
        "list_thing_groups": ("thingGroups", "groupName"),
        "list_policies": ("policies", "policyName"),
        "list_certificates": ("certificates", "certificateId"),
        "list_ca_certificates": ("certificates", "certificateId"),
    }
    found = {}
    for operation, (items, name) in lists.items():
        pages = iot.get_paginator(operation).paginate()
        for page in pages:
            for item in page[items]:
                text = json.dumps(item, default=str, sort_keys=True)
                digest = hashlib.sha256(text.encode()).hexdigest()
                found[(operation, item[name])] = digest
    for thing in [name for kind, name in found if kind == "list_things"]:
        with contextlib.suppress(data.exceptions.ResourceNotFoundException):
            payload = data.get_thing_shadow(thingName=thing)["payload"].read()
            found[("shadow", thing)] = json.loads(payload)["version"]
    for table in client("dynamodb").list_tables()["TableNames"]:
        found[("table", table)] = client("dynamodb").scan(TableName=table)["Count"]
    for bucket in client("s3").list_buckets()["Buckets"]:
        found[("bucket", bucket["Name"])] = ""
    return found
