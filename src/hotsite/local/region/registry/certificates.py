"""Corrections of certificates and of what things they are attached to.

Facts: botocore's model of AWS IoT (UpdateCertificate, DescribeCertificate,
AttachThingPrincipal, ListThingPrincipalsV2) and the Developer Guide, "Register a
client certificate manually": a certificate that is registered as revoked "can't be
activated later". No document says so of one revoked later, so that is allowed: who
needs REVOKED to be terminal must keep it so.
"""
# ruff: noqa: SLF001 - ministack offers no public look-ups; install() checks the version.

import json
from collections.abc import Callable
from typing import Any

from cryptography import x509

from hotsite.local.region.registry.answers import (
    OK,
    Answer,
    answered,
    invalid,
    refused,
)
from hotsite.local.region.registry.operations import Call

EXCLUSIVE, SHARED = "EXCLUSIVE_THING", "NON_EXCLUSIVE_THING"
INTERNAL_STATUSES = ("PENDING_TRANSFER", "PENDING_ACTIVATION")
V1_ACTIONS = {
    "iot:ListThingPrincipalsV2": "iot:ListThingPrincipals",
    "iot:ListPrincipalThingsV2": "iot:ListPrincipalThings",
}
KINDS = "principalTypes"
BORN_REVOKED = "isRegisteredRevoked"


async def register_certificate_without_ca(iot: Any, call: Call) -> Answer:
    """Remember that a certificate was registered as revoked."""
    answer: Answer = await iot._register_certificate_without_ca(
        call.request.document(), {}
    )
    if answer[0] == OK and call.text("status") == "REVOKED":
        certificate_id = json.loads(answer[2])["certificateId"]
        record = iot._certificates[certificate_id]
        iot._certificates[certificate_id] = {**record, BORN_REVOKED: True}
    return answer


def update_certificate(iot: Any, call: Call) -> Answer | None:
    """Refuse internal statuses, and a life after registration as revoked."""
    certificate_id, status = call.text("certificateId"), call.text("newStatus")
    record = iot._certificates.get(certificate_id)
    if record is None:
        return None
    if status in INTERNAL_STATUSES:
        return refused(
            "CertificateStateException", f"Not allowed to set status {status}"
        )
    if record.get(BORN_REVOKED) and status != "REVOKED":
        return refused(
            "CertificateStateException",
            "A certificate that was registered as revoked cannot be activated",
        )
    record["lastModifiedDate"] = iot._now_epoch()
    iot._certificates[certificate_id] = record
    return None


def describe_certificate(iot: Any, call: Call) -> Answer | None:
    """Answer the validity and the last change too."""
    certificate_id = call.text("certificateId")
    record = iot._certificates.get(certificate_id)
    if record is None:
        return None
    path = f"/certificates/{certificate_id}"
    document = json.loads(iot._handle_certificate("GET", path, b"", {})[2])
    description = document["certificateDescription"]
    parsed = x509.load_pem_x509_certificate(record["certificatePem"].encode())
    description["validity"] = {
        "notBefore": parsed.not_valid_before_utc.timestamp(),
        "notAfter": parsed.not_valid_after_utc.timestamp(),
    }
    changed_at_s = record.get("lastModifiedDate", record["creationDate"])
    description["lastModifiedDate"] = changed_at_s
    return answered(document)


def attach_thing_principal(iot: Any, call: Call) -> Answer | None:
    """Hold an exclusive attachment to one thing."""
    name, principal = call.text("thingName"), call.text("principal")
    thing = iot._things.get(name)
    certificate = iot._certificates.get(principal.rpartition("/")[2])
    if thing is None or certificate is None:
        return None
    kind = call.text("thingPrincipalType") or SHARED
    others = [
        other
        for arn in certificate.get("attachedThings", ())
        if (other := arn.partition(":thing/")[2]) != name
        and iot._things.get(other) is not None
    ]
    is_exclusive_elsewhere = any(
        _kind(iot._things.get(other), principal) == EXCLUSIVE for other in others
    )
    if is_exclusive_elsewhere or (kind == EXCLUSIVE and others):
        return invalid(f"{principal} is attached to another thing")
    thing.setdefault(KINDS, {})[principal] = kind
    iot._things[name] = thing
    return None


def list_thing_principals_v2(iot: Any, call: Call) -> Answer:
    """List a thing's principals with the kind of attachment."""
    name, wanted = call.text("thingName"), call.text("thingPrincipalType")
    thing = iot._things.get(name)
    if thing is None:
        return refused(
            "ResourceNotFoundException",
            f"Failed to list principals for thing{name} because the thing does not"
            " exist in your account",
        )
    found = [
        {"principal": principal, "thingPrincipalType": kind}
        for principal in thing.get("principals", ())
        if (kind := _kind(thing, principal)) == wanted or not wanted
    ]
    return answered({"thingPrincipalObjects": found})


def list_principal_things_v2(iot: Any, call: Call) -> Answer:
    """List a principal's things with the kind of attachment."""
    principal, wanted = call.text("principal"), call.text("thingPrincipalType")
    headers = {"x-amzn-principal": principal}
    answer: Answer = iot._list_principal_things(headers, {})
    if answer[0] != OK:
        return answer
    found = [
        {"thingName": name, "thingPrincipalType": kind}
        for name in json.loads(answer[2])["things"]
        if (kind := _kind(iot._things.get(name), principal)) == wanted or not wanted
    ]
    return answered({"principalThingObjects": found})


def first_version_action(original: Callable[..., str | None]) -> Callable[..., Any]:
    """Return the action of a call for IAM, the V2 lists under their old names.

    (Service Authorization Reference, "AWS IoT": the V2 lists require
    `iot:ListThingPrincipals` and `iot:ListPrincipalThings`.)
    """

    def action(*details: Any) -> str | None:
        found = original(*details)
        return V1_ACTIONS.get(found, found) if found else found

    return action


def _kind(thing: Any, principal: str) -> str:
    kinds: dict[str, str] = thing.get(KINDS) or {}
    return kinds.get(principal, SHARED)
