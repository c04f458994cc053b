"""Make boto3 clients, and turn what botocore raises into our errors.

One place decides time limits and retries: a client here gives up within
seconds, because every caller above has its own budget and a Region that does
not answer is the very thing hotsite exists for.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from hotsite.errors import (
    ConflictError,
    HotsiteError,
    InvalidInputError,
    NotFoundError,
    PermanentError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)

# Error codes as the botocore models of DynamoDB, IoT and IoT data name them, and
# those of S3 and EC2 as their API references do ("Error responses", "Error codes").
_ERRORS: dict[str, type[HotsiteError]] = {
    "ThrottlingException": ThrottledError,
    "ProvisionedThroughputExceededException": ThrottledError,
    "RequestLimitExceeded": ThrottledError,
    "TooManyRequestsException": ThrottledError,
    "SlowDown": ThrottledError,
    "ResourceAlreadyExistsException": ConflictError,
    "ConflictException": ConflictError,
    "ConflictingResourceUpdateException": ConflictError,
    "VersionConflictException": ConflictError,
    "CertificateConflictException": ConflictError,
    "ConditionalCheckFailedException": ConflictError,
    "TransactionConflictException": ConflictError,
    "TransactionInProgressException": ConflictError,
    "ReplicatedWriteConflictException": ConflictError,
    "DeleteConflictException": ConflictError,
    "VersionsLimitExceededException": ConflictError,
    "CertificateStateException": ConflictError,
    "ResourceNotFoundException": NotFoundError,
    "NoSuchKey": NotFoundError,
    "NoSuchBucket": NotFoundError,
    "InvalidRequestException": InvalidInputError,
    "CertificateValidationException": InvalidInputError,
    "MalformedPolicyException": InvalidInputError,
    "ValidationException": InvalidInputError,
    "ItemCollectionSizeLimitExceededException": InvalidInputError,
    "RequestEntityTooLargeException": InvalidInputError,
    "AccessDenied": RefusedError,
    "AccessDeniedException": RefusedError,
    "ExpiredTokenException": RefusedError,
    "UnrecognizedClientException": RefusedError,
    "UnauthorizedException": RefusedError,
    "UnauthorizedOperation": RefusedError,
    "LimitExceededException": PermanentError,
}


def client(
    service: str,
    region: str,
    *,
    endpoint_url: str | None = None,
    read_limit_s: float = 8.0,
) -> Any:
    """Make a boto3 client with short limits.

    Args:
        service: For example ``dynamodb``.
        region: AWS Region.
        endpoint_url: Another address than AWS's own, for the local cloud.
        read_limit_s: Longest wait for an answer, in seconds.

    Returns:
        The boto3 client; credentials come from boto3's own chain.
    """
    config = Config(
        connect_timeout=2,
        read_timeout=read_limit_s,
        retries={"mode": "standard", "max_attempts": 2},
        max_pool_connections=32,
    )
    return boto3.session.Session().client(
        service, region_name=region, endpoint_url=endpoint_url, config=config
    )


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn botocore's exceptions into ours.

    Args:
        what: What was tried, for the message: ``create thing oven-1``.

    Yields:
        Nothing; run the call inside.

    Raises:
        HotsiteError: The kind that says what the caller should do next.
    """
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind = _ERRORS.get(code)
        if code == "TransactionCanceledException":
            kind = _cancelled(error)
        if kind is None:
            is_server = status >= 500 or not code  # noqa: PLR2004
            kind = UnreachableError if is_server else PermanentError
        raise kind(f"{what}: {code}: {error}") from error
    except ParamValidationError as error:
        # The client refuses what breaks the API's model, before it asks anybody.
        raise InvalidInputError(f"{what}: {error}") from error
    except BotoCoreError as error:
        raise UnreachableError(f"{what}: {error}") from error


# Codes in ``CancellationReasons`` (DynamoDB API reference, TransactWriteItems).
_REASONS: dict[str, type[HotsiteError]] = {
    "ValidationError": InvalidInputError,
    "ItemCollectionSizeLimitExceeded": InvalidInputError,
    "ThrottlingError": ThrottledError,
    "ProvisionedThroughputExceeded": ThrottledError,
}


def _cancelled(error: ClientError) -> type[HotsiteError]:
    reasons = error.response.get("CancellationReasons", ())
    codes = {reason.get("Code") for reason in reasons}
    for code, kind in _REASONS.items():
        if code in codes:
            return kind
    return ConflictError
