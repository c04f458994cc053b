"""Shadows: calls to the data plane of AWS IoT of one Region."""

import json
from collections.abc import Callable
from typing import Any

from hotsite.core.registry import Key, Shadows
from hotsite.core.replication import Present, Step, Verb
from hotsite.core.replication.shadows import canonical


class Shadowing:
    """The shadows of one Region."""

    def __init__(self, data: Any) -> None:
        """Take a boto3 client of the AWS IoT data plane."""
        self._data = data

    def observe(self, key: Key) -> Present:
        """Return all shadows of a thing, each with its whole state."""
        found = {}
        for name in ("", *self._named(key.name)):
            document = self._state(key.name, name)
            if document is not None:
                found[name] = document
        if not found:
            return Present()
        return Present(Shadows(key.name, tuple(sorted(found.items()))))

    def update(self, step: Step) -> None:
        """Merge a change into one shadow."""
        state = json.loads(step.document or "{}")
        self._data.update_thing_shadow(
            payload=json.dumps({"state": state}).encode(), **_place(step)
        )

    def delete(self, step: Step) -> None:
        """Delete one shadow; one that is gone is gone."""
        try:
            self._data.delete_thing_shadow(**_place(step))
        except self._data.exceptions.ResourceNotFoundException:
            return

    def _named(self, thing: str) -> list[str]:
        names: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = self._data.list_named_shadows_for_thing(thingName=thing, **token)
            names += page["results"]
            if not page.get("nextToken"):
                return names
            token = {"nextToken": page["nextToken"]}

    def _state(self, thing: str, name: str) -> str | None:
        more = {"shadowName": name} if name else {}
        try:
            answer = self._data.get_thing_shadow(thingName=thing, **more)
        except self._data.exceptions.ResourceNotFoundException:
            return None
        state = json.loads(answer["payload"].read())["state"]
        # The delta is derived from the other two.
        return canonical(
            {part: state[part] for part in ("desired", "reported") if part in state}
        )


def shadow_calls(shadows: Shadowing) -> dict[Verb, Callable[[Step], None]]:
    """Return what performs each step of a thing's shadows."""
    return {Verb.UPDATE_SHADOW: shadows.update, Verb.DELETE_SHADOW: shadows.delete}


def _place(step: Step) -> dict[str, str]:
    more = {"shadowName": step.target} if step.target else {}
    return {"thingName": step.key.name, **more}
