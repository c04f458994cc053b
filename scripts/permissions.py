"""Write docs/permissions.md: what each role may do, read from the templates.

    .venv/bin/python scripts/permissions.py

A test holds the page to the templates, so a permission that nobody has looked at cannot
come along with a change.
"""

import json
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from hotsite.settings import OnboardingSettings, Settings

PAGE = Path(__file__).parents[1] / "docs" / "permissions.md"
TRIALS = Path(__file__).parents[1] / "tests" / "infra" / "role_actions.toml"
DOMAIN = "fleet.example.com"
_HEAD = """\
# Permissions

Written by `scripts/permissions.py` from the templates of two hot sites (`{domain}`, eu-central-1 and eu-west-1), and held to them by a test: do not edit. Both sites
have the same roles, so the active one's are shown. Everything is turned on: what names `Escrow`, and `iot:CreateKeysAndCertificate`, is there with `custody = "escrow"` only. `{{Region}}` and `{{Account}}` are the stack's own: no role reaches into another Region or account but where it is named.

No role has a managed policy, and no action has a wildcard (`tests/infra/test_validation.py`, rule `roles_name_their_actions`). Each action is called by the function's own code
(`tests/infra/test_permissions.py`). In the local Regions IAM is enforced, so what is missing fails there as well.

To deploy, a caller needs CloudFormation, the services below, and `iam:CreateRole`, `iam:PutRolePolicy` and `iam:PassRole` for roles whose names begin with the stacks' names.
"""  # noqa: E501 - a page's lines

_NEEDS = """
## What needs each action of a function

`tests/rehearsal/test_role_actions.py` runs each function against a Region that enforces IAM, as somebody who may do what its role may, less one action (on one table of DynamoDB): what stands in the first column fails then, each by itself
(test `test_each_action_of_a_role_is_needed[function]`; `make test` tries the small functions, `tests/contract/test_roles.py`). Lambda itself needs the second, to log, to read queues and streams, and to put aside what failed. The third is called by the function's
own code, and no trial of ours fails without it, with the reason. Of {total} actions {needed} are in the first column, {by_lambda} in the second, {why} in the third. The roles that S3, Firehose and AWS IoT assume are no function's, and not tried in this way.

| function | fails without | Lambda itself needs | does not fail here, because |
|---|---|---|---|
"""  # noqa: E501 - a page's lines


def page(templates: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the page.

    Args:
        templates: By the stack's name, in the order in which they deploy.
    """
    parts = [_HEAD.format(domain=DOMAIN)]
    for stack, template in templates.items():
        if stack.endswith("eu-west-1") and "key" not in stack:
            continue
        rows = [*_roles(template), *_callers(template), *_policies(template)]
        if rows:
            name = stack.replace("eu-central-1", "{Region}")
            parts.append(f"\n## {name}\n\n| who | may | on | if |\n|---|---|---|---|\n")
            parts += [f"| {' | '.join(row)} |\n" for row in rows]
    tried = tomllib.loads(TRIALS.read_text())
    counts = {
        column: sum(len(one.get(column, ())) for one in tried.values())
        for column in ("needed", "by_lambda", "why")
    }
    needs = _NEEDS.format(total=sum(counts.values()), **counts)
    return "".join([*parts, needs, *_needs(tried)])


def _needs(tried: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield what needs each action of each function, a line a function."""
    for noun, said in tried.items():
        why = (f"{action}: {reason}" for action, reason in said.get("why", {}).items())
        cells = ("<br>".join(each) for each in (said["needed"], said["by_lambda"], why))
        yield f"| {noun} | {' | '.join(cells)} |\n"


def _roles(template: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for name, resource in _of(template, "AWS::IAM::Role"):
        trusted = resource["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
        who = f"{_readable(name)} (role of {_flat(next(iter(trusted.values())))})"
        for policy in resource.get("Policies", ()):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield (who, *_statement(statement))


def _policies(template: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for _, resource in _of(template, "AWS::IoT::Policy"):
        for statement in resource["PolicyDocument"]["Statement"]:
            who = f"a device (policy {resource['PolicyName']})"
            yield (who, *_statement(statement))
    for kind, key in (
        ("AWS::KMS::Key", "KeyPolicy"),
        ("AWS::KMS::ReplicaKey", "KeyPolicy"),
        ("AWS::S3::BucketPolicy", "PolicyDocument"),
        ("AWS::SQS::QueuePolicy", "PolicyDocument"),
        ("AWS::SNS::TopicPolicy", "PolicyDocument"),
    ):
        for name, resource in _of(template, kind):
            for statement in resource[key]["Statement"]:
                principal = statement["Principal"]
                whom = principal if isinstance(principal, str) else None
                whom = whom or _flat(next(iter(principal.values())))
                what, where, condition = _statement(statement)
                effect = "not " if statement["Effect"] == "Deny" else ""
                yield f"{whom}, by {_readable(name)}", effect + what, where, condition


def _callers(template: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    for _, resource in _of(template, "AWS::Lambda::Permission"):
        target = _flat(resource["FunctionName"])
        source = _flat(resource.get("SourceArn", ""))
        condition = f"source `{source}`" if source else ""
        yield _flat(resource["Principal"]), resource["Action"], target, condition


def _statement(statement: Mapping[str, Any]) -> tuple[str, str, str]:
    actions = statement["Action"]
    listed = [actions] if isinstance(actions, str) else actions
    places = statement.get("Resource", "")
    where = places if isinstance(places, list) else [places]
    condition = [
        f"{key} {operator} {', '.join(map(_flat, _listed(value)))}"
        for operator, pairs in statement.get("Condition", {}).items()
        for key, value in pairs.items()
    ]
    return (
        "<br>".join(sorted(listed)),
        "<br>".join(f"`{_flat(one)}`" for one in where),
        "<br>".join(condition),
    )


def _of(template: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Any]]:
    for name, resource in template["Resources"].items():
        if resource["Type"] == kind:
            yield name, resource.get("Properties", {})


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _flat(value: object) -> str:
    """Return a value with its functions in braces."""
    if not isinstance(value, Mapping):
        return str(value)
    (function, argument), *_ = value.items()
    if function == "Fn::Join":
        return str(argument[0]).join(map(_flat, argument[1]))
    if function == "Fn::GetAtt":
        return "{" + _readable(str(argument[0])) + "}"
    name = str(argument).removeprefix("AWS::").replace("AccountId", "Account")
    return "{" + _readable(name) + "}"


def _readable(name: str) -> str:
    """Return a logical name without the digest that CDK appends."""
    tail = name[-8:]
    is_digest = len(name) > len(tail) and all(c in "0123456789ABCDEF" for c in tail)
    return name[: -len(tail)] if is_digest else name


def read(folder: Path) -> dict[str, Any]:
    """Return the templates of a synthesis, by the stack's name."""
    plan = json.loads((folder / "stacks.json").read_text())
    return {
        one["name"]: json.loads((folder / one["template"]).read_text()) for one in plan
    }


def main() -> int:
    """Write the page."""
    # The CDK takes seconds to import, and the test brings its own templates.
    from hotsite.infra.synth import synthesise  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as directory:
        synthesise(
            Settings(DOMAIN, onboarding=OnboardingSettings("escrow")), Path(directory)
        )
        PAGE.write_text(page(read(Path(directory))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
