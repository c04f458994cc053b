"""Corrections of policies and their attachments.

Facts: botocore's model of AWS IoT (CreatePolicy, CreatePolicyVersion, AttachPolicy,
ListAttachedPolicies) and the AWS IoT Core quotas of policies: 2,048 characters
without whitespace, five versions, ten policies a certificate.
"""
# ruff: noqa: SLF001 - ministack offers no public look-ups; install() checks the version.

import json
import re
from typing import Any

from hotsite.local.region.registry.answers import Answer, answered, refused
from hotsite.local.region.registry.groups import lineage
from hotsite.local.region.registry.operations import Call

DOCUMENT_MAX = 2048
VERSIONS_MAX = 5
POLICIES_A_CERTIFICATE_MAX = 10
# IAM User Guide, "IAM JSON policy elements: Version".
LANGUAGE_VERSIONS = ("2012-10-17", "2008-10-17")
GROUP = ":thinggroup/"
CERTIFICATE = ":cert/"
WHITESPACE = re.compile(r"\s")


def create_policy(iot: Any, call: Call) -> Answer | None:
    """Refuse a document that is no policy."""
    if iot._policies.get(call.text("policyName")) is not None:
        return None
    return _malformed(call.text("policyDocument"))


def create_policy_version(iot: Any, call: Call) -> Answer | None:
    """Refuse a document that is no policy, and a sixth version."""
    name = call.text("policyName")
    policy = iot._policies.get(name)
    if policy is None:
        return None
    if len(policy["versions"]) >= VERSIONS_MAX:
        return refused(
            "VersionsLimitExceededException",
            f"The policy {name} already has the maximum number of versions"
            f" ({VERSIONS_MAX})",
        )
    return _malformed(call.text("policyDocument"))


def attach_policy(iot: Any, call: Call) -> Answer | None:
    """Refuse an eleventh policy of a certificate."""
    target, name = call.text("target"), call.text("policyName")
    if CERTIFICATE not in target or iot._policies.get(name) is None:
        return None
    attached = {one["policyName"] for one in iot._policies_attached_to(target)}
    if len(attached | {name}) <= POLICIES_A_CERTIFICATE_MAX:
        return None
    return refused(
        "LimitExceededException",
        f"At most {POLICIES_A_CERTIFICATE_MAX} policies are attached to a certificate",
    )


def list_attached_policies(iot: Any, call: Call) -> Answer | None:
    """List what a group inherits, where the caller asks for it."""
    target = call.text("target")
    if not call.parameters.get("recursive") or GROUP not in target:
        return None
    found = {
        policy["policyName"]: policy
        for group in lineage(iot, target.partition(GROUP)[2])
        for policy in iot._policies_attached_to(group["thingGroupArn"])
    }
    return answered({"policies": list(found.values())})


def _malformed(text: str) -> Answer | None:
    if not text:
        return None
    if len(WHITESPACE.sub("", text)) > DOCUMENT_MAX:
        return refused(
            "MalformedPolicyException",
            f"Policy document is Malformed: longer than {DOCUMENT_MAX} characters"
            " without whitespace",
        )
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if _is_policy(document):
        return None
    return refused("MalformedPolicyException", "Policy document is Malformed")


def _is_policy(document: Any) -> bool:
    if not isinstance(document, dict):
        return False
    statements = document.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    return (
        document.get("Version") in LANGUAGE_VERSIONS
        and isinstance(statements, list)
        and bool(statements)
        and all(_is_statement(one) for one in statements)
    )


def _is_statement(statement: Any) -> bool:
    return (
        isinstance(statement, dict)
        and statement.get("Effect") in ("Allow", "Deny")
        and _are_texts(statement.get("Action", statement.get("NotAction")))
        and _are_texts(statement.get("Resource", statement.get("NotResource")))
    )


def _are_texts(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, str) for one in value)
    return isinstance(value, str)
