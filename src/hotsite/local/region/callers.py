"""Who asks a Region's APIs, for what and by what way, as IAM's policies see it.

The APIs of AWS are asked by HTTPS, those here by HTTP between processes of one machine.
A policy that refuses plain text (``aws:SecureTransport``) would let nobody in, so a
request counts as one that came over TLS. Who wants to be refused says that it did not:
``X-Forwarded-Proto: http``.
"""

import contextvars
from collections.abc import MutableMapping
from typing import Any

from hotsite.local.region.patch import Function, Patch

TRANSPORT = b"x-forwarded-proto"


def patches() -> tuple[Patch, ...]:
    """List what is corrected in the evaluation of policies."""
    return (
        Patch(
            "core.iam_actions:extract_iam_action",
            "Asks for sqs:ChangeMessageVisibilityBatch and the like; a batch needs"
            " the permission of its single action, and has none of its own"
            " (Service Authorization Reference, 'Actions defined by Amazon SQS').",
            _without_batch,
        ),
        Patch(
            "core.iam_evaluator:_request_origin",
            "Takes what a Region does of its own accord (a rule that sends to a queue)"
            " for plain text; services of AWS ask each other by TLS.",
            _by_tls,
        ),
    )


def as_tls(scope: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Return a request as one that came over TLS, if it does not say otherwise.

    Args:
        scope: Of the ASGI application.
    """
    if any(name == TRANSPORT for name, _ in scope["headers"]):
        return scope
    return {**scope, "headers": [*scope["headers"], (TRANSPORT, b"https")]}


def _without_batch(original: Function) -> Function:
    def action(service: str, *details: Any, **options: Any) -> str | None:
        found: str | None = original(service, *details, **options)
        return found.removesuffix("Batch") if found and service == "sqs" else found

    return action


def _by_tls(original: contextvars.ContextVar[Any]) -> contextvars.ContextVar[Any]:
    address, _ = original.get()
    # A context variable's default cannot be changed.
    return contextvars.ContextVar(original.name, default=(address, True))
