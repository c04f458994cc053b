"""What differs between the record and IoT Core of a Region, in plain words.

The plan that would make the Region equal is the difference: whoever reads a
finding should know at once what to look at, and what a repair would do.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from hotsite.core import replication
from hotsite.core.registry import (
    Certificate,
    Key,
    Kind,
    Record,
)
from hotsite.core.replication import Present, Step, Verb
from hotsite.errors import InvalidInputError

_SHOWN_MAX = 8
_WORDS = {
    Kind.THING_TYPE: "thing type",
    Kind.POLICY: "policy",
    Kind.THING_GROUP: "thing group",
    Kind.CA_CERTIFICATE: "CA certificate",
    Kind.THING: "thing",
    Kind.SHADOWS: "shadows of",
}


class Drift(StrEnum):
    """How a Region differs from the record."""

    MISSING = "missing"
    EXTRA = "extra"
    DIFFERS = "differs"
    UNREADABLE = "unreadable"


class Cause(StrEnum):
    """Why, as far as this Region can know."""

    NOT_APPLIED = "not applied yet"
    FAILED = "failed"
    OUTSIDE = "outside change"


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference.

    Attributes:
        key: The key's text: ``thing#oven-1``.
        drift: How it differs.
        cause: Why.
        text: In words a person can act on.
    """

    key: str
    drift: Drift
    cause: Cause
    text: str


def findings(wanted: Record, seen: Present, cause: Cause) -> tuple[Finding, ...]:
    """Return what differs for one key.

    Args:
        wanted: The record.
        seen: What the Region holds of it, whole.
        cause: Why it differs, if it does.

    Returns:
        One finding a difference, in the order of a plan.
    """
    key = wanted.key
    if wanted.is_absent:
        if seen.body is None:
            return ()
        text = f"{_named(key)} is here, and not in the record"
        return (Finding(str(key), Drift.EXTRA, cause, text),)
    try:
        steps = replication.plan(wanted, seen).steps
    except InvalidInputError as error:
        return (Finding(str(key), Drift.DIFFERS, cause, str(error)),)
    told = dict.fromkeys(pair for step in steps for pair in _told(step, wanted, seen))
    return tuple(Finding(str(key), drift, cause, text) for drift, text in told)


def failed(key: Key, reason: str) -> Finding:
    """Return the finding of a record that can never be applied.

    Args:
        key: Whose record.
        reason: Why, as it was recorded.
    """
    text = f"{_named(key)} can never be applied: {reason}"
    return Finding(str(key), Drift.DIFFERS, Cause.FAILED, text)


def unreadable(key: Key, reason: str) -> Finding:
    """Return the finding of a record that cannot be read.

    Args:
        key: Whose record.
        reason: What is wrong with it.
    """
    return Finding(str(key), Drift.UNREADABLE, Cause.FAILED, reason)


_Told = Iterator[tuple[Drift, str]]
_MISSING_VERBS = {
    Verb.CREATE_THING,
    Verb.CREATE_THING_GROUP,
    Verb.CREATE_THING_TYPE,
    Verb.CREATE_POLICY,
    Verb.REGISTER_CA_CERTIFICATE,
}
_EXTRA_VERBS = {
    Verb.DELETE_THING,
    Verb.DELETE_THING_GROUP,
    Verb.DELETE_THING_TYPE,
    Verb.DELETE_POLICY,
    Verb.DELETE_CA_CERTIFICATE,
}
_DIFFERENT = {
    Verb.UPDATE_THING: "type or attributes differ",
    Verb.UPDATE_THING_GROUP: "description or attributes differ",
    Verb.DEPRECATE_THING_TYPE: "its deprecation differs",
    Verb.CREATE_POLICY_VERSION: "document differs",
    Verb.UPDATE_CA_CERTIFICATE: "its state differs",
}


def _told(step: Step, wanted: Record, seen: Present) -> _Told:
    name, verb = _named(wanted.key), step.verb
    is_shadows = wanted.key.kind is Kind.SHADOWS
    is_whole = is_shadows or (seen.body is not None and wanted.body is not None)
    if verb in _MISSING_VERBS:
        yield Drift.MISSING, f"{name} is missing"
    elif verb in _EXTRA_VERBS:
        yield Drift.EXTRA, f"{name} is here, and deleted in the record"
    elif verb in _DIFFERENT and is_whole:
        yield Drift.DIFFERS, f"{name}: {_DIFFERENT[verb]}"
    elif step.certificate is not None:
        yield from _told_of_certificate(step, step.certificate, wanted, seen)
    elif step.target is not None and is_whole:
        yield from _told_of_part(step, step.target, name)


def _told_of_part(step: Step, target: str, name: str) -> _Told:
    here = "is here, and not in the record"
    shadow = f"named shadow {target}" if target else "classic shadow"
    texts = {
        Verb.ATTACH_POLICY: (Drift.MISSING, f"{name}: policy {target} is missing"),
        Verb.DETACH_POLICY: (Drift.EXTRA, f"{name}: policy {target} {here}"),
        Verb.ADD_TO_GROUP: (Drift.MISSING, f"{name}: group {target} is missing"),
        Verb.REMOVE_FROM_GROUP: (Drift.EXTRA, f"{name}: group {target} {here}"),
        Verb.UPDATE_SHADOW: (Drift.DIFFERS, f"{name}: {shadow} differs"),
        Verb.DELETE_SHADOW: (Drift.EXTRA, f"{name}: {shadow} {here}"),
    }
    if step.verb in texts:
        yield texts[step.verb]


def _told_of_certificate(
    step: Step, certificate: Certificate, wanted: Record, seen: Present
) -> _Told:
    is_wanted = certificate in wanted.certificates
    name = f"{_named(step.key)}: certificate {_short(certificate.certificate_id)}"
    there = {item.certificate_id: item for item in seen.certificates}
    old = there.get(certificate.certificate_id)
    if step.verb is Verb.REGISTER_CERTIFICATE:
        yield Drift.MISSING, f"{name} is missing"
    elif step.verb is Verb.DELETE_CERTIFICATE:
        yield Drift.EXTRA, f"{name} is here, and not in the record"
    elif step.verb is Verb.UPDATE_CERTIFICATE and old is not None and is_wanted:
        wish = certificate.status.value
        here = f"{old.status.value} here, {wish} in the record"
        yield Drift.DIFFERS, f"{name} is {here}"
    elif step.verb is Verb.ATTACH_CERTIFICATE and old is not None:
        yield Drift.MISSING, f"{name} is not attached"
    elif step.verb is Verb.ATTACH_POLICY and old is not None:
        yield Drift.MISSING, f"{name}: policy {step.target} is missing"
    elif step.verb is Verb.DETACH_POLICY and is_wanted:
        yield Drift.EXTRA, f"{name}: policy {step.target} is not in the record"


def _named(key: Key) -> str:
    return f"{_WORDS[key.kind]} {key.name}"


def _short(certificate_id: str) -> str:
    is_long = len(certificate_id) > _SHOWN_MAX
    return f"{certificate_id[:_SHOWN_MAX]}…" if is_long else certificate_id
