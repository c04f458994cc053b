"""IoT management calls as EventBridge events, the way CloudTrail delivers them.

Registry events (`$aws/events/...`) are ministack's own and need no correction; this
is for what AWS emits none for: certificates, attachments, policies. On AWS a trail
must exist and an event arrives minutes after its call (CloudTrail User Guide, "How
CloudTrail works": "within an average of about 5 minutes"); here no trail is needed
and the event is there at once, so code that survives here must not rely on haste.
"""
# ruff: noqa: SLF001 - ministack offers no public look-ups; install() checks the version.

import datetime as dt
import importlib
import json
import re
import uuid
from typing import Any

from hotsite.local.region.config import RegionConfig
from hotsite.local.region.registry.answers import OK, Answer
from hotsite.local.region.registry.operations import Call

# EventBridge User Guide, "AWS service events delivered via AWS CloudTrail": actions
# that start with List, Get or Describe are not delivered by default.
READ_ONLY = ("List", "Get", "Describe", "Search", "Test", "Validate")
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
# EventBridge quota: an entry of PutEvents is below 256 KiB.
EVENT_BYTES_MAX = 262_144
# ministack keeps every event for ever; nothing here reads old ones.
REMEMBERED_MAX = 1000
ACCESS_KEY = re.compile(r"Credential=([^/,]+)/")
ASSUMED = re.compile(r"arn:aws:sts::(\d{12}):assumed-role/([^/]+)/(.+)")


class Trail:
    """Puts an event on the default bus for each changing call."""

    def __init__(self, config: RegionConfig) -> None:
        self._config = config

    def record(self, call: Call, answer: Answer) -> None:
        """Deliver the event of one call, before its answer is on its way."""
        if call.operation.startswith(READ_ONLY):
            return
        events = importlib.import_module("ministack.services.eventbridge")
        if not any(rule.get("EventPattern") for rule in events._rules.values()):
            return
        detail = json.dumps(self._detail(call, answer))
        if len(detail) >= EVENT_BYTES_MAX:
            return
        entry = {
            "Source": "aws.iot",
            "DetailType": "AWS API Call via CloudTrail",
            "Detail": detail,
        }
        events._put_events({"Entries": [entry]}, allow_aws_source=True)
        del events._events_log_list()[:-REMEMBERED_MAX]

    def _detail(self, call: Call, answer: Answer) -> dict[str, Any]:
        # The members are those of a record (CloudTrail User Guide, "CloudTrail
        # record contents for management, data, and network activity events").
        headers = call.request.headers
        now = dt.datetime.now(dt.UTC)
        detail: dict[str, Any] = {
            "eventVersion": "1.11",
            "userIdentity": self._identity(headers.get("authorization", "")),
            "eventTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": "iot.amazonaws.com",
            "eventName": call.operation,
            "awsRegion": self._config.region,
            "sourceIPAddress": headers.get("x-forwarded-for", "127.0.0.1"),
            "userAgent": headers.get("user-agent", ""),
            "requestParameters": dict(call.parameters) or None,
            "responseElements": None,
            "requestID": str(uuid.uuid4()),
            "eventID": str(uuid.uuid4()),
            "readOnly": False,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": self._config.account_id,
            "eventCategory": "Management",
        }
        document = json.loads(answer[2]) if answer[2] else {}
        if answer[0] == OK:
            if "keyPair" in document:
                document["keyPair"] = HIDDEN
            detail["responseElements"] = document or None
        else:
            detail["errorCode"] = document.get("__type", "InternalFailureException")
            detail["errorMessage"] = document.get("message", "")
        return detail

    def _identity(self, authorization: str) -> dict[str, Any]:
        match = ACCESS_KEY.search(authorization)
        key = match[1] if match else ""
        evaluator = importlib.import_module("ministack.core.iam_evaluator")
        caller = evaluator.resolve_caller_identity(key) or {}
        arn = str(
            caller.get("userArn") or f"arn:aws:iam::{self._config.account_id}:root"
        )
        identity: dict[str, Any] = {
            "type": "Root" if arn.endswith(":root") else "IAMUser",
            "principalId": str(caller.get("userId") or self._config.account_id),
            "arn": arn,
            "accountId": self._config.account_id,
            "accessKeyId": key,
        }
        assumed = ASSUMED.fullmatch(arn)
        if assumed:
            account_id, role, _session = assumed.groups()
            identity["type"] = "AssumedRole"
            identity["sessionContext"] = {
                "sessionIssuer": {
                    "type": "Role",
                    "principalId": identity["principalId"].partition(":")[0],
                    "arn": f"arn:aws:iam::{account_id}:role/{role}",
                    "accountId": account_id,
                    "userName": role,
                }
            }
        return identity
