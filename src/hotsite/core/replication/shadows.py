"""Steps for the shadows of a thing."""

import json
from collections.abc import Iterator
from typing import Any

from hotsite.core.registry import Key, Shadows
from hotsite.core.replication.present import Present
from hotsite.core.replication.steps import Step, Verb


def changes(key: Key, wanted: Shadows, have: Present) -> Iterator[Step]:
    """Yield what makes the shadows of a thing as wished."""
    there = dict(have.body.documents) if isinstance(have.body, Shadows) else {}
    for name, document in wanted.documents:
        old = there.pop(name, None)
        if old is None or old != document:
            text = patch(old or "{}", document)
            yield Step(Verb.UPDATE_SHADOW, key, wanted, target=name, document=text)
    for name in there:
        yield Step(Verb.DELETE_SHADOW, key, wanted, target=name)


def patch(old: str, new: str) -> str:
    """Return the update that turns one state into another.

    A shadow merges what it is sent and drops what is null (AWS IoT developer
    guide, "Device Shadow service documents"); arrays are replaced whole.

    Args:
        old: JSON object, the state that is there.
        new: JSON object, the state that is wished.

    Returns:
        Canonical JSON.
    """
    return canonical(_patch(json.loads(old), json.loads(new)))


def canonical(value: Any) -> str:
    """Return JSON that is equal exactly for equal values."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _patch(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {name: None for name in old if name not in new}
    for name, value in new.items():
        before = old.get(name)
        if isinstance(value, dict) and isinstance(before, dict):
            inner = _patch(before, value)
            if inner:
                found[name] = inner
        elif name not in old or before != value:
            found[name] = value
    return found
