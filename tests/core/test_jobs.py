"""What a job says to a device, and what a device says of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.firmware import Reason
from hotsite.core.jobs import Execution, Report, Status, asked, decode, filters, resumed

NEXT, ACCEPTED = filters("oven-1")
OURS = {"hotsite": "update-firmware"}


def message(**changes):
    execution = {"jobId": "j1", "status": "QUEUED", "jobDocument": OURS, **changes}
    return json.dumps({"timestamp": 1, "execution": execution}).encode()


def test_a_job_of_ours_is_heard_on_both_topics():
    wanted = Execution("j1", Status.QUEUED)
    assert decode("oven-1", NEXT, message()) == wanted
    assert decode("oven-1", ACCEPTED, message()) == wanted
    with_details = message(status="IN_PROGRESS", statusDetails={"to": "1.1.0"})
    assert decode("oven-1", NEXT, with_details) == Execution(
        "j1", Status.IN_PROGRESS, {"to": "1.1.0"}
    )


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (NEXT.replace("oven-1", "oven-2"), message()),
        ("cmd/oven-1/x", message()),
        (NEXT, b'{"timestamp": 1}'),
        (NEXT, b'{"execution": {}}'),
        (NEXT, message(jobDocument={"operation": "reboot"})),
        (NEXT, message(jobDocument=None)),
        (NEXT, message(status="CANCELED")),
        (NEXT, b"[]"),
        (NEXT, b"\xff"),
        (NEXT, b'{"execution": {"jobDocument": {"hotsite": "update-firmware"}}}'),
    ],
)
def test_everything_else_is_no_job(topic, payload):
    assert decode("oven-1", topic, payload) is None


@given(st.binary(max_size=200))
def test_no_message_breaks_a_device(payload):
    decode("oven-1", NEXT, payload)


@pytest.mark.parametrize(
    ("status", "details", "report"),
    [
        ("QUEUED", {}, None),
        ("QUEUED", {"to": "1.1.0"}, None),
        ("IN_PROGRESS", {}, None),
        (
            "IN_PROGRESS",
            {"to": "1.1.0"},
            Report(Status.SUCCEEDED, {"version": "1.1.0"}),
        ),
        (
            "IN_PROGRESS",
            {"to": "1.2.0"},
            Report(Status.FAILED, {"version": "1.1.0", "reason": "rolled-back"}),
        ),
    ],
)
def test_after_a_restart_the_version_that_runs_says_how_it_ended(
    status, details, report
):
    assert resumed(Execution("j1", Status(status), details), "1.1.0") == report


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        (Reason.TAKEN, Status.IN_PROGRESS),
        (Reason.CURRENT, Status.SUCCEEDED),
        (Reason.NOTHING, Status.SUCCEEDED),
        (Reason.OLDER, Status.SUCCEEDED),
        (Reason.MIN_FROM, Status.REJECTED),
        (Reason.COUNTER, Status.REJECTED),
        (Reason.FAILED_BEFORE, Status.REJECTED),
        (Reason.TAMPERED, Status.REJECTED),
        (Reason.EXPIRED, Status.REJECTED),
    ],
)
def test_what_asking_came_to_is_reported(reason, status):
    report = asked(reason, "1.0.0", "1.1.0")
    assert report.status is status
    told = json.loads(report.payload())
    assert told["status"] == status.value
    assert all(value for value in told["statusDetails"].values())


@pytest.mark.parametrize("reason", [Reason.BEHIND, Reason.PENDING])
def test_what_is_not_sure_yet_is_not_reported(reason):
    assert asked(reason, "1.0.0", None) is None
