"""What AWS tells about changes of a registry: which keys to look at again.

Three sources wake the capture function of a site: registry events over MQTT,
API calls that CloudTrail saw (for what the registry tells no event of:
certificates, attachments, policies), and the topics of shadows. All of them may
come late, twice, in any order or never (AWS IoT developer guide, "Event
messages"), so nothing is taken from them but names, and the two conclusions that
are safe: what an event tells may be in the record already; and a certificate that
was revoked once is revoked for good, whatever its status is when somebody looks.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hotsite.core.registry import (
    CertificateStatus,
    Key,
    Kind,
    Pairs,
    Record,
    Shadows,
    thing_key,
)
from hotsite.core.replication.shadows import canonical
from hotsite.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class ThingLooks:
    """A thing was created or updated, and looks like this."""

    type_name: str | None
    attributes: Pairs


@dataclass(frozen=True, slots=True)
class Membership:
    """A thing joined or left a group."""

    group: str
    is_member: bool


@dataclass(frozen=True, slots=True)
class ShadowState:
    """A shadow has this state (canonical JSON), or was deleted."""

    name: str
    state: str | None


@dataclass(frozen=True, slots=True)
class Deleted:
    """The name is gone."""


Said = ThingLooks | Membership | ShadowState | Deleted


@dataclass(frozen=True, slots=True)
class Heard:
    """One thing to look at again.

    Attributes:
        key: What changed; nothing where only a certificate is known.
        certificate_id: Certificate whose thing must be looked up first.
        said: What the event says of the key, where it says enough.
        is_revocation: Whether the certificate was revoked by this call.
    """

    key: Key | None
    certificate_id: str | None = None
    said: Said | None = None
    is_revocation: bool = False


def heard(event: Mapping[str, Any]) -> tuple[Heard, ...]:
    """Return what an event asks to look at; nothing for events of other kinds.

    Args:
        event: What the capture function was invoked with: a message of a topic
            rule with its ``topic``, or an event of EventBridge.

    Raises:
        InvalidInputError: It is neither.
    """
    if isinstance(event.get("topic"), str):
        levels = event["topic"].split("/")
        if event["topic"].startswith("$aws/events/"):
            return tuple(_registry_event(levels[2:], event))
        return tuple(_shadow_event(levels, event))
    detail = event.get("detail")
    if isinstance(detail, Mapping) and "eventName" in detail:
        return tuple(_call(detail))
    raise InvalidInputError("the event has no topic and is no API call")


def is_known(said: Said, record: Record) -> bool:
    """Tell whether the record agrees with what an event said.

    Most events are echoes of what hotsite itself has just done; then this
    spares the Region every call. The last event of a change is never silenced
    wrongly: if what it says is in the record, there is nothing to take.

    Args:
        said: What the event said.
        record: The record of its key, read afterwards.
    """
    thing = record.thing
    if isinstance(said, Deleted):
        return record.body is None
    if isinstance(said, ThingLooks):
        return thing is not None and said == ThingLooks(
            thing.type_name, thing.attributes
        )
    if isinstance(said, Membership):
        groups = thing.groups if thing is not None else ()
        return said.is_member == (said.group in groups)
    shadows = record.body.documents if isinstance(record.body, Shadows) else ()
    return dict(shadows).get(said.name) == said.state


_KINDS = {
    "thing": Kind.THING,
    "thingType": Kind.THING_TYPE,
    "thingGroup": Kind.THING_GROUP,
}


def _registry_event(levels: list[str], event: Mapping[str, Any]) -> Iterator[Heard]:
    """Read a topic of ``$aws/events``.

    Source: AWS IoT developer guide, "Registry events". The names are taken from
    the topic, because a membership's message has identifiers only.
    """
    if len(levels) == 3 and levels[0] in _KINDS:  # noqa: PLR2004 - kind, name, verb
        kind, name, verb = levels
        said = _said_of(kind, verb, event)
        yield Heard(Key(_KINDS[kind], name), said=said)
        if kind == "thing" and verb == "deleted":
            # A thing takes its shadows along without a word about them.
            yield Heard(Key(Kind.SHADOWS, name))
        return
    match levels:
        case ["thingGroupMembership", "thingGroup", group, "thing", thing, verb]:
            said = Membership(group, is_member=verb == "added")
            yield Heard(thing_key(thing), said=said)
        case ["thingTypeAssociation", "thing", thing, "thingType", _, _]:
            yield Heard(thing_key(thing))


def _said_of(kind: str, verb: str, event: Mapping[str, Any]) -> Said | None:
    if verb == "deleted":
        return Deleted()
    if kind != "thing" or "attributes" not in event or "thingTypeName" not in event:
        return None
    attributes = event["attributes"] or {}
    pairs = tuple(sorted((str(k), str(v)) for k, v in attributes.items()))
    return ThingLooks(event["thingTypeName"], pairs)


def _shadow_event(levels: list[str], event: Mapping[str, Any]) -> Iterator[Heard]:
    """Read a topic of a shadow.

    Source: AWS IoT developer guide, "Shadow topics": ``update/documents`` and
    ``delete/accepted``, the latter without the state that was deleted.
    """
    match levels:
        case ["$aws", "things", thing, "shadow", *rest]:
            name = ""
            if rest[:1] == ["name"] and len(rest) > 1:
                name, rest = rest[1], rest[2:]
            if rest == ["delete", "accepted"]:
                said: Said | None = ShadowState(name, None)
            elif rest == ["update", "documents"]:
                state = event.get("state")
                is_state = isinstance(state, Mapping)
                said = ShadowState(name, canonical(state)) if is_state else None
            else:
                return
            yield Heard(Key(Kind.SHADOWS, thing), said=said)


def _call(detail: Mapping[str, Any]) -> Iterator[Heard]:
    """Read an API call as CloudTrail tells it; a refused one changed nothing.

    Source: CloudTrail user guide, "CloudTrail record contents": the parameters
    of the API, as its reference spells them.
    """
    read = CALLS.get(detail["eventName"])
    if read is None or detail.get("errorCode"):
        return
    request = detail.get("requestParameters") or {}
    response = detail.get("responseElements") or {}
    yield from read(request, response)


_Call = Callable[[Mapping[str, Any], Mapping[str, Any]], Iterator[Heard]]


def _of(kind: Kind, parameter: str) -> _Call:
    """Return a reader of calls whose request names a key."""

    def read(
        request: Mapping[str, Any], response: Mapping[str, Any]
    ) -> Iterator[Heard]:
        name = request.get(parameter) or response.get(parameter)
        if isinstance(name, str) and name:
            yield Heard(Key(kind, name))

    return read


def _certificate(
    request: Mapping[str, Any], response: Mapping[str, Any]
) -> Iterator[Heard]:
    name = request.get("certificateId") or response.get("certificateId")
    if isinstance(name, str) and name:
        is_revocation = request.get("newStatus") == CertificateStatus.REVOKED.value
        yield Heard(None, certificate_id=name, is_revocation=is_revocation)


def _target(request: Mapping[str, Any], response: Mapping[str, Any]) -> Iterator[Heard]:
    del response
    arn = request.get("target") or request.get("principal")
    if isinstance(arn, str):
        yield from _resource(arn)


def _registered(
    request: Mapping[str, Any], response: Mapping[str, Any]
) -> Iterator[Heard]:
    del request
    arns = response.get("resourceArns") or {}
    if isinstance(arns.get("thing"), str):
        yield from _resource(arns["thing"])


def _resource(arn: str) -> Iterator[Heard]:
    """Read an ARN such as ``arn:aws:iot:eu-west-1:123456789012:cert/0a1b``."""
    kind, _, name = arn.rpartition(":")[2].partition("/")
    if kind == "cert":
        yield Heard(None, certificate_id=name)
    elif kind == "thinggroup":
        yield Heard(Key(Kind.THING_GROUP, name))
    elif kind == "thing":
        yield Heard(thing_key(name))


# Only what the registry has no event for. A certificate that is created or
# registered belongs to no thing yet, and one that is deleted to none any more;
# the attachment tells of the first, the detachment of the other.
CALLS: Mapping[str, _Call] = {
    "AttachPolicy": _target,
    "AttachPrincipalPolicy": _target,
    "AttachThingPrincipal": _of(Kind.THING, "thingName"),
    "CreatePolicy": _of(Kind.POLICY, "policyName"),
    "CreatePolicyVersion": _of(Kind.POLICY, "policyName"),
    "DeleteCACertificate": _of(Kind.CA_CERTIFICATE, "certificateId"),
    "DeletePolicy": _of(Kind.POLICY, "policyName"),
    "DeletePolicyVersion": _of(Kind.POLICY, "policyName"),
    "DetachPolicy": _target,
    "DetachPrincipalPolicy": _target,
    "DetachThingPrincipal": _of(Kind.THING, "thingName"),
    "RegisterCACertificate": _of(Kind.CA_CERTIFICATE, "certificateId"),
    "RegisterThing": _registered,
    "SetDefaultPolicyVersion": _of(Kind.POLICY, "policyName"),
    "UpdateCACertificate": _of(Kind.CA_CERTIFICATE, "certificateId"),
    "UpdateCertificate": _certificate,
}
