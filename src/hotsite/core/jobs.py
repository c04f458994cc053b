"""AWS IoT Jobs as a bell and a slate: when to ask for firmware, and what came of it.

A job says "ask now", and never what to install: that is for signatures to say. Jobs are
one Region's own, so whoever is moved to another Region hears of none there, and asks by
its own clock as ever. Topics and members are those of the AWS IoT developer guide,
"Jobs device MQTT API operations".
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from hotsite.core.firmware import Reason

# What a job's document must say to be ours: {"hotsite": "update-firmware"}.
_KEY, _OPERATION = "hotsite", "update-firmware"
_CURRENT = {Reason.CURRENT, Reason.NOTHING, Reason.OLDER}


class Status(StrEnum):
    """What a device may say of an execution."""

    QUEUED = "QUEUED"
    IN_PROGRESS = "IN_PROGRESS"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"


@dataclass(frozen=True, slots=True)
class Execution:
    """The next job of this device.

    Attributes:
        job_id: Which job.
        status: Where it stands, by the Region.
        details: What this device said of it before.
    """

    job_id: str
    status: Status
    details: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What to tell the Region.

    Attributes:
        status: Where it stands now.
        details: Versions and reasons, for people.
    """

    status: Status
    details: Mapping[str, str]

    def payload(self) -> bytes:
        """Return it as ``UpdateJobExecution`` takes it."""
        document = {"status": self.status.value, "statusDetails": dict(self.details)}
        return json.dumps(document, separators=(",", ":")).encode()


def filters(thing: str) -> tuple[str, str]:
    """Return what a device subscribes to."""
    base = f"$aws/things/{thing}/jobs"
    return f"{base}/notify-next", f"{base}/$next/get/accepted"


def ask_topic(thing: str) -> str:
    """Return where a device asks for its next job."""
    return f"$aws/things/{thing}/jobs/$next/get"


def report_topic(thing: str, job_id: str) -> str:
    """Return where a device tells what came of a job."""
    return f"$aws/things/{thing}/jobs/{job_id}/update"


def decode(thing: str, topic: str, payload: bytes) -> Execution | None:
    """Return the next job, if a message says that there is one of ours.

    Args:
        thing: This device.
        topic: Where the message came.
        payload: The message.

    Returns:
        None for another topic, no job, another program's job, or nonsense.
    """
    if topic not in filters(thing):
        return None
    try:
        found = json.loads(payload).get("execution") or {}
        document = found.get("jobDocument") or {}
        if document.get(_KEY) != _OPERATION:
            return None
        details = found.get("statusDetails") or {}
        return Execution(
            str(found["jobId"]),
            Status(found["status"]),
            {str(key): str(value) for key, value in details.items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def resumed(execution: Execution, running: str) -> Report | None:
    """Return what a device that has settled has to report before it asks.

    Args:
        execution: The job.
        running: The version that runs, and was found healthy.

    Returns:
        None if it has to ask for firmware first.
    """
    wanted = execution.details.get("to")
    if execution.status is not Status.IN_PROGRESS or wanted is None:
        return None
    if wanted == running:
        return Report(Status.SUCCEEDED, {"version": running})
    return Report(Status.FAILED, {"version": running, "reason": "rolled-back"})


def asked(reason: Reason, running: str, offered: str | None) -> Report | None:
    """Return what to report after asking.

    Args:
        reason: Why the offer was taken, left or refused.
        running: The version that runs.
        offered: The version that was offered, if one was.

    Returns:
        None if nothing is sure yet: a replica that is behind will catch up.
    """
    if reason in {Reason.BEHIND, Reason.PENDING}:
        return None
    if reason is Reason.TAKEN:
        return Report(Status.IN_PROGRESS, {"from": running, "to": offered or ""})
    said = {"version": running, "reason": reason.value}
    return Report(Status.SUCCEEDED if reason in _CURRENT else Status.REJECTED, said)
