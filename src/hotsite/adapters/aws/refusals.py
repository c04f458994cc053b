"""What arrives in a site's queue of errors, as refusals; unreadable is kept as well.

Three write there: a topic rule whose action failed (AWS IoT developer guide,
"Error handling (error action)"), the rule that turns malformed messages away, and
Lambda with what its functions failed to do (Lambda developer guide, "Retaining
records of asynchronous invocations").
"""

import base64
import binascii
import json
from typing import Any

from hotsite.core.arrivals import Refused

_MS = 1000


def refusal_of(body: str, *, sent_at_s: float) -> Refused:
    """Return what a message in the queue of errors tells.

    Args:
        body: The message.
        sent_at_s: When it came into the queue, seconds since the epoch.

    Returns:
        The refusal. Its reason is empty where the writer knows none: then the
        payload itself says what is wrong with it.
    """
    try:
        document = json.loads(body)
        if "base64OriginalPayload" in document:
            return _of_rule(document, sent_at_s)
        if "requestPayload" in document:
            return _of_function(document, sent_at_s)
        return _published(document, "", sent_at_s)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return Refused("", body.encode(), "an error that nobody can read", sent_at_s)


def _of_rule(document: dict[str, Any], sent_at_s: float) -> Refused:
    reasons = [
        " ".join(
            str(failure.get(name, ""))
            for name in ("failedAction", "failedResource", "errorMessage")
        )
        for failure in document["failures"]
    ]
    payload = base64.b64decode(document["base64OriginalPayload"], validate=True)
    return Refused(str(document["topic"]), payload, "; ".join(reasons), sent_at_s)


def _of_function(document: dict[str, Any], sent_at_s: float) -> Refused:
    told = document.get("responsePayload")
    said = told.get("errorMessage", "") if isinstance(told, dict) else ""
    condition = document.get("requestContext", {}).get("condition", "")
    reason = f"{condition}: {said}".strip(": ") or "the function failed"
    return _published(document["requestPayload"], reason, sent_at_s)


def _published(document: dict[str, Any], reason: str, sent_at_s: float) -> Refused:
    at_s = document.get("at_ms", sent_at_s * _MS) / _MS
    payload = base64.b64decode(document["payload"], validate=True)
    return Refused(str(document["topic"]), payload, reason, at_s)
