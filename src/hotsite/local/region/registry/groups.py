"""Corrections of static thing groups and memberships.

Facts: botocore's model of AWS IoT (DescribeThingGroup, ListThingGroups,
UpdateThingGroupsForThing) and the Developer Guide, "Static thing groups": a group
has one parent, 100 direct children, a hierarchy seven levels; a thing is in at most
10 groups and never in two of one hierarchy.
"""
# ruff: noqa: SLF001 - ministack offers no public look-ups; install() checks the version.

from collections.abc import Iterable, Sequence
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
from hotsite.local.region.registry.things import ATTRIBUTES_MAX, kept, merged

DEPTH_MAX = 7
CHILDREN_MAX = 100
GROUPS_A_THING_MAX = 10


def parent_of(group: dict[str, Any]) -> str | None:
    """Return the name of a group's parent."""
    parent: str | None = (group.get("thingGroupMetadata") or {}).get("parentGroupName")
    return parent


def lineage(iot: Any, name: str) -> list[dict[str, Any]]:
    """Return a group and its ancestors, the root first; empty for an unknown one."""
    found: list[dict[str, Any]] = []
    ancestor: str | None = name
    while ancestor is not None and len(found) < DEPTH_MAX:
        group = iot._thing_groups.get(ancestor)
        if group is None:
            break
        found.insert(0, group)
        ancestor = parent_of(group)
    return found


def create_thing_group(iot: Any, call: Call) -> Answer | None:
    """Hold the limits of depth, children and attributes."""
    name, parent = call.text("thingGroupName"), call.text("parentGroupName")
    properties = call.parameters.get("thingGroupProperties") or {}
    if len(kept(properties.get("attributePayload"))) > ATTRIBUTES_MAX:
        return invalid(f"A thing group has at most {ATTRIBUTES_MAX} attributes")
    if not parent or iot._thing_groups.get(name) is not None:
        return None
    if len(lineage(iot, parent)) >= DEPTH_MAX:
        return invalid(f"A thing group hierarchy has at most {DEPTH_MAX} levels")
    children = sum(1 for _child in _children(iot, parent))
    if children >= CHILDREN_MAX:
        return invalid(f"A thing group has at most {CHILDREN_MAX} direct child groups")
    return None


def describe_thing_group(iot: Any, call: Call) -> Answer | None:
    """Answer the chain of parents, and the members of the model only."""
    groups = lineage(iot, call.text("thingGroupName"))
    if not groups:
        return None
    *ancestors, group = groups
    metadata: dict[str, Any] = {"creationDate": group["creationDate"]}
    if ancestors:
        metadata["parentGroupName"] = ancestors[-1]["thingGroupName"]
        metadata["rootToParentThingGroups"] = [_named(one) for one in ancestors]
    members = ("thingGroupName", "thingGroupId", "thingGroupArn", "version")
    document = {name: group[name] for name in members}
    properties = group["thingGroupProperties"]
    document["thingGroupProperties"] = {
        name: value for name, value in properties.items() if value is not None
    }
    return answered({**document, "thingGroupMetadata": metadata})


def update_thing_group(iot: Any, call: Call) -> Answer | None:
    """Check the version; merge attributes where the caller asks for it."""
    name = call.text("thingGroupName")
    group = iot._thing_groups.get(name)
    if group is None:
        return None
    expected = call.parameters.get("expectedVersion")
    if expected is not None and expected != group["version"]:
        return conflicting("thing group", name, expected)
    properties = dict(call.parameters.get("thingGroupProperties") or {})
    payload = properties.get("attributePayload")
    if payload is not None:
        stored = group["thingGroupProperties"].get("attributePayload") or {}
        attributes = merged(stored.get("attributes") or {}, payload)
        if len(attributes) > ATTRIBUTES_MAX:
            return invalid(f"A thing group has at most {ATTRIBUTES_MAX} attributes")
        properties["attributePayload"] = {"attributes": attributes}
    answer: Answer = iot._update_thing_group(name, {"thingGroupProperties": properties})
    return answer


def delete_thing_group(iot: Any, call: Call) -> Answer | None:
    """Check the version; let no policy stay attached to what is gone."""
    name = call.text("thingGroupName")
    group = iot._thing_groups.get(name)
    expected = call.parameters.get("expectedVersion")
    if group is not None and expected not in (None, group["version"]):
        return conflicting("thing group", name, expected)
    answer: Answer = iot._delete_thing_group(name)
    if group is not None and answer[0] == OK:
        for policy_name, policy in list(iot._policies.items()):
            if group["thingGroupArn"] in policy.get("targets", ()):
                policy["targets"].remove(group["thingGroupArn"])
                iot._policies[policy_name] = policy
    return answer


def list_thing_groups(iot: Any, call: Call) -> Answer | None:
    """List by parent, by prefix, and recursively.

    (Developer Guide, "Static thing groups": `--parent-group` lists the children,
    with `--recursive` all descendants; without a parent every group is listed.)
    """
    parent, is_recursive = call.text("parentGroup"), call.parameters.get("recursive")
    if parent and iot._thing_groups.get(parent) is None:
        return refused("ResourceNotFoundException", f"ThingGroup {parent} not found.")
    groups: Iterable[dict[str, Any]] = iot._thing_groups.values()
    if parent:
        groups = _descendants(iot, parent) if is_recursive else _children(iot, parent)
    elif is_recursive is False:
        groups = [group for group in groups if parent_of(group) is None]
    prefix = call.text("namePrefixFilter")
    return answered(
        {
            "thingGroups": [
                _named(group)
                for group in groups
                if group["thingGroupName"].startswith(prefix)
            ]
        }
    )


def list_billing_groups(iot: Any, call: Call) -> Answer:
    """Answer that there are none; ministack has no billing groups at all."""
    del iot, call
    return answered({"billingGroups": []})


def list_things_in_thing_group(iot: Any, call: Call) -> Answer | None:
    """List the things of the child groups too, where the caller asks for it."""
    name = call.text("thingGroupName")
    group = iot._thing_groups.get(name)
    if group is None or not call.parameters.get("recursive"):
        return None
    things = {
        thing
        for one in (group, *_descendants(iot, name))
        for thing in one.get("things", ())
    }
    return answered({"things": sorted(things)})


def add_thing_to_thing_group(iot: Any, call: Call) -> Answer | None:
    """Refuse an eleventh group, and a second one of a hierarchy."""
    group, thing, error = iot._membership_names(call.request.document())
    record = iot._things.get(thing)
    if error is not None or record is None or iot._thing_groups.get(group) is None:
        return None
    current = record.get("thingGroupNames") or []
    if group in current:
        return None
    return _membership_refusal(iot, thing, [*current, group])


async def update_thing_groups_for_thing(iot: Any, call: Call) -> Answer:
    """Add and remove several memberships; ministack has no such operation."""
    name = call.text("thingName")
    thing = iot._things.get(name)
    if thing is None:
        return refused("ResourceNotFoundException", f"Thing {name} not found.")
    added = list(call.parameters.get("thingGroupsToAdd") or ())
    removed = list(call.parameters.get("thingGroupsToRemove") or ())
    for group in added:
        if iot._thing_groups.get(group) is None:
            return refused(
                "ResourceNotFoundException", f"ThingGroup {group} not found."
            )
    current = thing.get("thingGroupNames") or []
    after = [group for group in current if group not in removed]
    after += [group for group in added if group not in after]
    refusal = _membership_refusal(iot, name, after)
    if refusal is not None:
        return refusal
    for group in removed:
        await iot._remove_thing_from_group({"thingGroupName": group, "thingName": name})
    for group in added:
        await iot._add_thing_to_group({"thingGroupName": group, "thingName": name})
    return answered({})


def _membership_refusal(iot: Any, thing: str, names: Sequence[str]) -> Answer | None:
    if len(names) > GROUPS_A_THING_MAX:
        return invalid(
            f"Thing {thing} would be in more than {GROUPS_A_THING_MAX} groups"
        )
    roots = [groups[0]["thingGroupName"] for n in names if (groups := lineage(iot, n))]
    if len(set(roots)) < len(roots):
        return invalid(f"Thing {thing} would be in two groups of the same hierarchy")
    return None


def _named(group: dict[str, Any]) -> dict[str, str]:
    return {"groupName": group["thingGroupName"], "groupArn": group["thingGroupArn"]}


def _children(iot: Any, name: str) -> Iterable[dict[str, Any]]:
    return [group for group in iot._thing_groups.values() if parent_of(group) == name]


def _descendants(iot: Any, name: str) -> Iterable[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    level = [name]
    while level:
        children = [child for parent in level for child in _children(iot, parent)]
        found += children
        level = [child["thingGroupName"] for child in children]
    return found
