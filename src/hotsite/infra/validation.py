"""Check templates offline: AWS's validator, cfn-lint, and rules of our own.

Nothing here talks to AWS, so nothing here proves that a template deploys; it
finds the mistakes that are known to pass a synthesis.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cloudformation_validate as validate
from cfnlint.api import lint_file
from cfnlint.config import ManualArgs

_RULES = Path(__file__).parent / "rules" / "hotsite.guard"
_WORSE_THAN_ADVICE = frozenset({"FATAL", "ERROR", "WARN"})
# The validator takes a default for the value in both branches of a condition on it.
_NEVER_EMPTY_THERE = re.compile(r"\{'Ref': 'MqttCertificateArn'\} default ''")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a template.

    Attributes:
        template: File name of the template.
        rule: Identifier of the rule, for example ``E3012`` or the name of ours.
        message: What is wrong.
    """

    template: str
    rule: str
    message: str


def inspect(
    templates: Sequence[Path], *, regions: Sequence[str]
) -> tuple[Finding, ...]:
    """Return everything worse than advice that is wrong with templates.

    Args:
        templates: Templates on disk.
        regions: Where they will be deployed; what a Region lacks is an error.

    Returns:
        Findings, template by template; empty is good.
    """
    found: list[Finding] = []
    for path in templates:
        found += [*judged(path), *linted(path, regions=regions)]
    return tuple(found)


def judged(path: Path) -> tuple[Finding, ...]:
    """Return what AWS's validator and our own rules find: a tenth of a second."""
    report = _engine().validate_template(path)
    return tuple(
        Finding(path.name, item.rule_id, item.message)
        for item in report.diagnostics
        if item.severity.name in _WORSE_THAN_ADVICE
        and not _NEVER_EMPTY_THERE.match(item.message)
    )


def linted(path: Path, *, regions: Sequence[str]) -> tuple[Finding, ...]:
    """Return what cfn-lint finds: seconds."""
    matches = lint_file(path, config=ManualArgs(regions=list(regions)))
    return tuple(Finding(path.name, match.rule.id, match.message) for match in matches)


@cache
def _engine() -> validate.CompositeEngine:
    """Return the validator with our rules; building it is the slow part."""
    rules = [validate.file_to_external_rule_source(_RULES)]
    return validate.CompositeEngine(validate.CompositeEngineConfig(guard_rules=rules))
