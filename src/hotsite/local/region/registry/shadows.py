"""Corrections of the Device Shadow service, over HTTPS and over MQTT.

Facts: botocore's model of the AWS IoT data plane, and the Developer Guide, "Device
Shadow service documents" and "Device Shadow error messages". ministack publishes
`update/accepted`, `documents`, `delta` and `delete/accepted` to subscribers and
topic rules itself, however the change came.
"""
# ruff: noqa: SLF001 - ministack offers no public look-ups; install() checks the version.

import copy
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hotsite.local.region.registry.answers import Answer, answered, invalid, refused
from hotsite.local.region.registry.operations import Call, Operations, Request
from hotsite.local.region.registry.quotas import Limits

# AWS IoT Core quotas, "Device Shadow": state document without metadata, and levels
# of `desired` or `reported`.
STATE_BYTES_MAX = 8192
LEVELS_MAX = 8
PAGE_SIZE_DEFAULT = 25
TOO_MANY_REQUESTS = 429
TOO_LARGE = 413
SECTIONS = ("desired", "reported")

Handler = Callable[..., Awaitable[Answer]]
Update = Callable[[str, str, Any], tuple[int, dict[str, Any]]]


class Shadows:
    """The data plane's front for shadows."""

    def __init__(self, iot: Any, limits: Limits) -> None:
        self._iot = iot
        self._limits = limits
        self._operations = Operations("iot-data")

    def handle(self, original: Handler) -> Handler:
        """Return the data plane's handler with shadows corrected."""

        async def handle(*details: Any) -> Answer:
            call = self._operations.recognise(Request(*details))
            if call is None or "Shadow" not in call.operation:
                return await original(*details)
            thing = call.text("thingName")
            if not (
                self._limits.admit("ShadowRequests")
                and self._limits.admit("ShadowRequestsPerThing", thing)
            ):
                return refused(
                    "ThrottlingException", "Too many requests", status=TOO_MANY_REQUESTS
                )
            broken = self._operations.violation(call)
            if broken is not None:
                return invalid(broken)
            if call.operation == "ListNamedShadowsForThing":
                return self._names(call)
            answer = await original(*details)
            if answer[0] == TOO_LARGE:
                message = json.loads(answer[2])["message"]
                return refused("RequestEntityTooLargeException", message)
            return answer

        return handle

    def update(self, original: Update) -> Update:
        """Return the update of a shadow with the service's limits."""

        def update(thing: str, name: str, request: Any) -> tuple[int, dict[str, Any]]:
            state = request.get("state") if isinstance(request, dict) else None
            if isinstance(state, dict):
                refusal = self._refusal(thing, name, state)
                if refusal is not None:
                    return refusal
            return original(thing, name, request)

        return update

    def _refusal(
        self, thing: str, name: str, state: Mapping[str, Any]
    ) -> tuple[int, dict[str, Any]] | None:
        record = self._iot._shadows.get((thing, name)) or {}
        after: dict[str, Any] = copy.deepcopy(record.get("state") or {})
        for section in SECTIONS:
            patch = state.get(section, {})
            if patch is not None and not isinstance(patch, dict):
                title = section.capitalize()
                return 400, {"message": f"{title} node must be an object"}
            if levels(patch) > LEVELS_MAX:
                text = "JSON contains too many levels of nesting; maximum is "
                return 400, {"message": f"{text}{LEVELS_MAX}"}
            merged = merge(after.get(section) or {}, patch or {})
            after[section] = {} if patch is None else merged
        size = len(json.dumps(after, separators=(",", ":")).encode())
        if size > STATE_BYTES_MAX:
            return TOO_LARGE, {
                "message": "The payload exceeds the maximum size allowed"
            }
        return None

    def _names(self, call: Call) -> Answer:
        thing = call.text("thingName")
        size = int(call.parameters.get("pageSize") or PAGE_SIZE_DEFAULT)
        after = call.text("nextToken")
        names = sorted(
            name
            for (owner, name), record in self._iot._shadows.items()
            if owner == thing and name > after and not record.get("deleted")
        )
        document: dict[str, Any] = {
            "results": names[:size],
            "timestamp": int(time.time()),
        }
        if len(names) > size:
            document["nextToken"] = names[size - 1]
        return answered(document)


def levels(value: Any) -> int:
    """Return how deeply objects are nested in a value; 0 for none."""
    depth, inside = 0, [value] if isinstance(value, dict) else []
    while inside:
        depth += 1
        inside = [v for one in inside for v in one.values() if isinstance(v, dict)]
    return depth


def merge(base: dict[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Merge a patch into a state in place; null removes a key at every level.

    ministack keeps a null inside an object that is new; the service never stores
    one (Developer Guide, "Device Shadow service documents").
    """
    for key, value in patch.items():
        if value is None:
            base.pop(key, None)
        elif isinstance(value, dict):
            inner = base.get(key)
            base[key] = merge(inner if isinstance(inner, dict) else {}, value)
        else:
            base[key] = value
    return base
