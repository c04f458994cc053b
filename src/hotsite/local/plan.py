"""What to deploy into a local cloud, and in which order; read, never made here."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hotsite.core.stacks import Need
from hotsite.errors import InvalidInputError
from hotsite.local import templates

PLAN_FILE = "stacks.json"


@dataclass(frozen=True, slots=True)
class Place:
    """One Region to deploy into.

    Attributes:
        letter: ``a`` to ``d``.
        region: AWS Region code.
        gateway_url: Of its AWS APIs.
    """

    letter: str
    region: str
    gateway_url: str


@dataclass(frozen=True, slots=True)
class Parameter:
    """A template parameter that only the local cloud knows the value of."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What to deploy.

    Attributes:
        places: Region a, then Region b.
        templates: Folder with templates and ``stacks.json``: a list of stacks in
            order, each with ``name``, ``region``, ``template`` (a file name) and
            ``parameters`` (``{"<name>": {"stack": ..., "output": ...}}``).
        assets: Folder with the Lambda zips, by the names the templates use.
        domain: The owner's domain.
        account_id: 12 digits.
        parameters: Values for parameters that templates may have.
    """

    places: tuple[Place, ...]
    templates: str
    assets: str
    domain: str
    account_id: str
    parameters: tuple[Parameter, ...]


@dataclass(frozen=True, slots=True)
class Stack:
    """One template and where it goes.

    Attributes:
        name: Name of the stack.
        place: The Region.
        template: The parsed template.
        needs: Parameters that come from earlier stacks.
    """

    name: str
    place: Place
    template: Mapping[str, Any]
    needs: tuple[Need, ...] = ()

    @property
    def global_tables(self) -> tuple[str, ...]:
        """Return the names of the global tables in the template."""
        return tuple(
            str(resource["Properties"]["TableName"])
            for resource in self.template["Resources"].values()
            if resource["Type"] == templates.GLOBAL_TABLE
        )


def arrange(plan: Plan) -> tuple[tuple[Stack, ...], tuple[Stack, ...]]:
    """Read the templates and put each stack into its Region.

    Args:
        plan: What to deploy.

    Returns:
        Stacks to deploy one after the other, then those that depend on nothing
        more and can be deployed side by side.

    Raises:
        InvalidInputError: The plan of stacks or a template is unreadable.
    """
    folder = Path(plan.templates)
    places = {place.region: place for place in plan.places}
    try:
        stacks = [
            Stack(
                name=entry["name"],
                place=places[entry["region"]],
                template=json.loads((folder / entry["template"]).read_text("utf-8")),
                needs=tuple(
                    Need(parameter, source["stack"], source["output"])
                    for parameter, source in entry.get("parameters", {}).items()
                ),
            )
            for entry in json.loads((folder / PLAN_FILE).read_text("utf-8"))
        ]
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = f"{type(error).__name__} {error}"
        raise InvalidInputError(f"{folder}: no plan of stacks: {why}") from error
    needed = {need.stack for stack in stacks for need in stack.needs}
    last = max(
        (
            position
            for position, stack in enumerate(stacks, start=1)
            if stack.needs or stack.name in needed or stack.global_tables
        ),
        default=0,
    )
    return tuple(stacks[:last]), tuple(stacks[last:])
