"""No role may do what no code of its function calls, as its text says."""

import ast
from functools import cache
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name
from tests.infra.test_functions import REGIONS, grants

from hotsite.infra import packaging

SOURCE = Path(__file__).parents[2] / "src" / "hotsite"
ADAPTERS = "hotsite.adapters.aws"
# The IAM prefix of each service's operations. Queues and buckets are read and
# written by Lambda itself, so that no text of ours tells what for.
PREFIXES = {
    "iot": "iot",
    "iot-data": "iot",
    "dynamodb": "dynamodb",
    "secretsmanager": "secretsmanager",
    "service-quotas": "servicequotas",
}
# A transaction is allowed by the actions of its parts (DynamoDB developer guide,
# "Using IAM with DynamoDB transactions").
PARTS = {"dynamodb:TransactWriteItems": {"dynamodb:PutItem", "dynamodb:UpdateItem"}}
# The event source mapping reads the stream, with the function's role.
BY_LAMBDA_ITSELF = {
    "dynamodb:DescribeStream",
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:ListStreams",
}


@cache
def operations():
    """Return the IAM actions by the name that boto3 calls their operation by."""
    session = botocore.session.get_session()
    found = {}
    for service, prefix in PREFIXES.items():
        for operation in session.get_service_model(service).operation_names:
            action = f"{prefix}:{operation}"
            found.setdefault(xform_name(operation), set()).update(
                PARTS.get(action, {action})
            )
    return found


def text_of(module):
    """Return a module of ours, parsed but never run, or nothing if there is none."""
    path = SOURCE.joinpath(*module.split(".")[1:])
    for file in (path / "__init__.py", path.with_suffix(".py")):
        if file.is_file():
            return ast.parse(file.read_text(encoding="utf-8"))
    return None


def reached(module, seen):
    """Collect a module of ours and all that it imports, with their texts."""
    if not module.startswith("hotsite") or module in seen:
        return
    tree = text_of(module)
    if tree is None:
        return
    seen[module] = tree
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            reached(node.module, seen)
            for name in node.names:
                reached(f"{node.module}.{name.name}", seen)


@cache
def called(noun):
    """Return the actions behind every name of an operation in reach of a function."""
    seen, known, found = {}, operations(), set()
    reached(f"hotsite.faces.lambdas.{noun}", seen)
    for module, tree in seen.items():
        if module.startswith(ADAPTERS):
            for node in ast.walk(tree):
                name = node.attr if isinstance(node, ast.Attribute) else None
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    name = node.value
                found |= known.get(name, set())
    return found


def granted(assembly, region, noun):
    return {
        action
        for action, _ in grants(assembly, region, noun)
        if action.split(":")[0] in PREFIXES.values()
    }


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("noun", packaging.FUNCTIONS)
def test_no_role_may_do_what_no_code_of_its_function_calls(assembly, region, noun):
    may = granted(assembly, region, noun) - BY_LAMBDA_ITSELF
    assert may - called(noun) == set()
