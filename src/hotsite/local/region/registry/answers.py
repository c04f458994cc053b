"""What a correction gives back: an HTTP answer in the shape ministack uses."""

import json
from typing import Any, TypeAlias

Answer: TypeAlias = tuple[int, dict[str, str], bytes]

OK = 200

# HTTP status of each exception in botocore's model of AWS IoT.
STATUS = {
    "CertificateStateException": 406,
    "ConflictException": 409,
    "InvalidRequestException": 400,
    "LimitExceededException": 410,
    "MalformedPolicyException": 400,
    "RequestEntityTooLargeException": 413,
    "ResourceNotFoundException": 404,
    "ThrottlingException": 400,
    "VersionConflictException": 409,
    "VersionsLimitExceededException": 409,
}


def answered(document: dict[str, Any]) -> Answer:
    """Return a successful answer."""
    return OK, {"Content-Type": "application/json"}, json.dumps(document).encode()


def refused(code: str, message: str, *, status: int | None = None) -> Answer:
    """Return an error of the service.

    Args:
        code: the exception's name in the model.
        message: for the caller.
        status: HTTP status where the model of another service differs.
    """
    headers = {"Content-Type": "application/json", "x-amzn-errortype": code}
    body = json.dumps({"__type": code, "message": message}).encode()
    return STATUS[code] if status is None else status, headers, body


def invalid(message: str) -> Answer:
    """Return InvalidRequestException."""
    return refused("InvalidRequestException", message)


def conflicting(kind: str, name: str, expected: Any) -> Answer:
    """Return VersionConflictException."""
    return refused(
        "VersionConflictException",
        f"The version for {kind} {name} does not match the expected version"
        f" {expected}.",
    )
