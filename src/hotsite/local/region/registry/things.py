"""Corrections of things and thing types.

Facts: botocore's model of AWS IoT (CreateThing, UpdateThing, DeprecateThingType,
DeleteThingType, AttributePayload) and the Developer Guide, "Thing types". Each
function takes ministack's IoT module and the call, and returns the answer, or None
where ministack's own is right.
"""
# ruff: noqa: SLF001 - ministack offers no public look-ups; install() checks the version.

import json
from collections.abc import Mapping
from typing import Any

from hotsite.local.region.registry.answers import (
    OK,
    Answer,
    answered,
    conflicting,
    invalid,
    refused,
)
from hotsite.local.region.registry.operations import Call

# Developer Guide, "Thing types": things without a type have up to three attributes,
# things with one up to 50.
ATTRIBUTES_UNTYPED_MAX = 3
ATTRIBUTES_MAX = 50


def kept(payload: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the attributes of a payload; an empty value removes one.

    (AttributePayload: "To remove an attribute, call UpdateThing with an empty
    attribute value.")
    """
    attributes = (payload or {}).get("attributes") or {}
    return {name: value for name, value in attributes.items() if value}


def merged(
    current: Mapping[str, str], payload: Mapping[str, Any] | None
) -> dict[str, str]:
    """Return the attributes after an update, merging where it says so."""
    changes = (payload or {}).get("attributes") or {}
    base = dict(current) if (payload or {}).get("merge") else {}
    base.update(changes)
    return {name: value for name, value in base.items() if value}


def create_thing(iot: Any, call: Call) -> Answer | None:
    """Drop empty attributes, hold the limits, refuse a deprecated type."""
    name, type_name = call.text("thingName"), call.parameters.get("thingTypeName")
    payload = call.parameters.get("attributePayload")
    attributes = kept(payload)
    if iot._things.get(name) is None:
        refusal = _type_refusal(iot, type_name) or _too_many(attributes, type_name)
        if refusal is not None:
            return refusal
    document = call.request.document()
    document["attributePayload"] = {"attributes": attributes}
    answer: Answer = iot._create_thing(name, document)
    return answer


def update_thing(iot: Any, call: Call) -> Answer | None:
    """Check the version and every limit before anything is changed."""
    name, parameters = call.text("thingName"), call.parameters
    thing = iot._things.get(name)
    if thing is None:
        return None
    expected = parameters.get("expectedVersion")
    if expected is not None and expected != thing["version"]:
        return conflicting("thing", name, expected)
    type_name = thing.get("thingTypeName")
    if parameters.get("removeThingType"):
        type_name = None
    elif parameters.get("thingTypeName") not in (None, type_name):
        type_name = parameters["thingTypeName"]
        refusal = _type_refusal(iot, type_name)
        if refusal is not None:
            return refusal
    payload = parameters.get("attributePayload")
    attributes = thing.get("attributes") or {}
    if payload is not None:
        attributes = merged(attributes, payload)
    refusal = _too_many(attributes, type_name)
    if refusal is not None:
        return refusal
    document: dict[str, Any] = {"attributePayload": {"attributes": attributes}}
    if type_name != thing.get("thingTypeName"):
        document["thingTypeName"] = type_name or ""
    answer: Answer = iot._update_thing(name, document)
    return answer


def list_things(iot: Any, call: Call) -> Answer | None:
    """Match attribute values by prefix where the caller asks for it."""
    parameters = call.parameters
    if not parameters.get("usePrefixAttributeValue"):
        return None
    attribute, prefix = call.text("attributeName"), call.text("attributeValue")
    query = {"thingTypeName": parameters.get("thingTypeName")}
    document = json.loads(iot._list_things(query)[2])
    document["things"] = [
        thing
        for thing in document["things"]
        if thing["attributes"].get(attribute, "").startswith(prefix)
        and attribute in thing["attributes"]
    ]
    return answered(document)


def update_thing_type(iot: Any, call: Call) -> Answer | None:
    """Replace the given properties; ministack has no UpdateThingType."""
    name = call.text("thingTypeName")
    thing_type = iot._thing_types.get(name)
    if thing_type is None:
        return _no_such_type(name)
    properties = call.parameters.get("thingTypeProperties") or {}
    thing_type["thingTypeProperties"] = {
        **thing_type["thingTypeProperties"],
        **properties,
    }
    iot._thing_types[name] = thing_type
    iot._thing_type_event("UPDATED", thing_type)
    return answered({})


def delete_thing_type(
    iot: Any, call: Call, *, now_s: float, wait_s: float
) -> Answer | None:
    """Refuse a type that was deprecated only just now.

    Five minutes on AWS (Developer Guide, "Thing types": "You can delete thing types
    only after they have been deprecated" and the service's own refusal). The wait
    is a setting here and 0 by default, so that a test need not wait.
    """
    thing_type = iot._thing_types.get(call.text("thingTypeName"))
    if thing_type is None:
        return None
    deprecated_at_s = thing_type["thingTypeMetadata"].get("deprecationDate")
    if deprecated_at_s is not None and now_s - deprecated_at_s < wait_s:
        return invalid(
            "ThingType must be deprecated for at least"
            f" {wait_s / 60:g} minutes before deletion"
        )
    return None


def list_thing_types(iot: Any, call: Call) -> Answer | None:
    """List one type where the caller names it."""
    name = call.parameters.get("thingTypeName")
    answer: Answer = iot._list_thing_types({})
    if name is None or answer[0] != OK:
        return answer
    types = json.loads(answer[2])["thingTypes"]
    return answered({"thingTypes": [t for t in types if t["thingTypeName"] == name]})


def _type_refusal(iot: Any, name: str | None) -> Answer | None:
    if not name:
        return None
    thing_type = iot._thing_types.get(name)
    if thing_type is None:
        return _no_such_type(name)
    if thing_type["thingTypeMetadata"].get("deprecated"):
        return invalid(f"Can not associate things with deprecated thing type {name}")
    return None


def _no_such_type(name: str) -> Answer:
    return refused("ResourceNotFoundException", f"Thing Type {name} not found.")


def _too_many(attributes: Mapping[str, str], type_name: str | None) -> Answer | None:
    limit = ATTRIBUTES_MAX if type_name else ATTRIBUTES_UNTYPED_MAX
    if len(attributes) <= limit:
        return None
    kind = "with" if type_name else "without"
    return invalid(f"A thing {kind} a thing type has at most {limit} attributes")
