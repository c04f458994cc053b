"""Which AWS operation a request is, and whether it keeps to the API's model.

The model is botocore's, the one that boto3 and the AWS CLI are made of. A client
checks little of it (required members, minimum lengths): the service checks all.
"""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel, Shape

# Java's POSIX class in the model's patterns; Python has none.
GRAPH = r"\p{Graph}"
VISIBLE = "!-~"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to an AWS service.

    Attributes:
        method: such as `GET`.
        path: decoded, without the query.
        headers: names in lower case.
        body: as received.
        query: values by name; ministack gives lists.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, Any]

    def query_value(self, name: str) -> str | None:
        """Return the first value of a query parameter."""
        value = self.query.get(name)
        if isinstance(value, list):
            return str(value[0]) if value else None
        return None if value is None else str(value)

    def document(self) -> dict[str, Any]:
        """Return the JSON object of the body; anything else is an empty one."""
        try:
            parsed = json.loads(self.body) if self.body else {}
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}


@dataclass(frozen=True, slots=True)
class Call:
    """A request as the API's model names it.

    Attributes:
        operation: such as `CreateThing`.
        parameters: by the model's member names; absent when not sent.
        request: what they were read from.
    """

    operation: str
    parameters: Mapping[str, Any]
    request: Request

    def text(self, name: str) -> str:
        """Return a parameter as text, empty when it is absent."""
        return str(self.parameters.get(name) or "")


class Operations:
    """The operations of one service."""

    def __init__(self, service: str) -> None:
        description = Loader().load_service_model(service, "service-2")
        model = ServiceModel(description, service)
        routes: list[tuple[int, str, re.Pattern[str], OperationModel]] = []
        for name in model.operation_names:
            operation = model.operation_model(name)
            template = operation.http["requestUri"].partition("?")[0]
            wildcards = template.count("{")
            routes.append(
                (wildcards, operation.http["method"], _pattern(template), operation)
            )
        # `/things` before `/things/{thingName}`: fewer wildcards first.
        self._routes = sorted(routes, key=lambda route: route[0])
        self._models = {route[3].name: route[3] for route in routes}

    def recognise(self, request: Request) -> Call | None:
        """Return the operation that a request asks for; None for no known one."""
        for _wildcards, method, pattern, operation in self._routes:
            if method == request.method and (match := pattern.fullmatch(request.path)):
                found = match.groupdict()
                return Call(
                    operation.name, _parameters(operation, request, found), request
                )
        return None

    def violation(self, call: Call) -> str | None:
        """Return the first constraint of the model that a call breaks."""
        shape = self._models[call.operation].input_shape
        members = {} if shape is None else shape.members
        for name, value in call.parameters.items():
            for broken in _violations(members[name], value, name):
                return f"1 validation error detected: {broken}"
        return None


def _pattern(template: str) -> re.Pattern[str]:
    # Only the target of a policy is an ARN, and ARNs have slashes.
    parts = re.split(r"\{(\w+)\+?\}", template)
    text = "".join(
        re.escape(part)
        if place % 2 == 0
        else f"(?P<{part}>{'.+' if part == 'target' else '[^/]+'})"
        for place, part in enumerate(parts)
    )
    return re.compile(text)


def _parameters(
    operation: OperationModel, request: Request, found: Mapping[str, str]
) -> dict[str, Any]:
    shape = operation.input_shape
    if shape is None:
        return {}
    document = request.document()
    parameters: dict[str, Any] = {}
    for name, member in shape.members.items():
        wire = member.serialization.get("name", name)
        match member.serialization.get("location"):
            case "uri":
                # A slash in a name arrives escaped twice or not at all.
                value: Any = unquote(found[wire]) if wire in found else None
            case "querystring":
                value = _scalar(member, request.query_value(wire))
            case "header":
                value = request.headers.get(wire.lower())
            case _:
                value = document.get(wire)
        if value is not None:
            parameters[name] = value
    return parameters


def _scalar(shape: Shape, text: str | None) -> object:
    if text is None or text == "":
        return None
    if shape.type_name == "boolean":
        return text.lower() == "true"
    if shape.type_name in ("integer", "long"):
        try:
            return int(text)
        except ValueError:
            return text
    return text


def _violations(shape: Shape, value: Any, place: str) -> Iterator[str]:
    """Yield what a value breaks of its shape, outermost first."""
    limits = shape.metadata
    match shape.type_name:
        case "string":
            yield from _string_violations(limits, value, place)
        case "integer" | "long":
            yield from _number_violations(limits, value, place)
        case "structure" if isinstance(value, dict):
            for name, member in shape.members.items():
                wire = member.serialization.get("name", name)
                if value.get(wire) is not None:
                    yield from _violations(member, value[wire], f"{place}.{name}")
        case "map" if isinstance(value, dict):
            for key, entry in value.items():
                yield from _violations(shape.key, key, f"{place} (key)")
                yield from _violations(shape.value, entry, f"{place}.{key}")
        case "list" if isinstance(value, list):
            for index, entry in enumerate(value):
                yield from _violations(shape.member, entry, f"{place}.{index + 1}")


def _number_violations(
    limits: Mapping[str, Any], value: Any, place: str
) -> Iterator[str]:
    if not isinstance(value, int):
        yield _broken(place, "Member must be an integer")
    elif "min" in limits and value < limits["min"]:
        yield _broken(place, f"Member must have value at least {limits['min']}")
    elif "max" in limits and value > limits["max"]:
        yield _broken(place, f"Member must have value at most {limits['max']}")


def _string_violations(
    limits: Mapping[str, Any], value: Any, place: str
) -> Iterator[str]:
    if not isinstance(value, str):
        yield _broken(place, "Member must be a string")
    elif "min" in limits and len(value) < limits["min"]:
        yield _broken(place, f"Member must have length at least {limits['min']}")
    elif "max" in limits and len(value) > limits["max"]:
        yield _broken(place, f"Member must have length at most {limits['max']}")
    elif "enum" in limits and value not in limits["enum"]:
        allowed = ", ".join(limits["enum"])
        yield _broken(place, f"Member must satisfy enum value set: [{allowed}]")
    elif "pattern" in limits:
        pattern = _compiled(limits["pattern"])
        if pattern is not None and not pattern.fullmatch(value):
            yield _broken(
                place,
                "Member must satisfy regular expression pattern: " + limits["pattern"],
            )


def _broken(place: str, constraint: str) -> str:
    return f"Value at '{place}' failed to satisfy constraint: {constraint}"


@functools.cache
def _compiled(pattern: str) -> re.Pattern[str] | None:
    try:
        return re.compile(pattern.replace(GRAPH, VISIBLE), re.ASCII)
    except re.error:
        # A Java pattern that Python cannot read is not enforced.
        return None
