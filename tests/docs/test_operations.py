"""The operations manual, held to what alarms say; ``tests/rehearsal`` runs it."""

import ast

from tests.docs.page import ROOT

PAGE = ROOT / "docs" / "operations.md"
TEXT = " ".join(PAGE.read_text().split())
ALARMS = ROOT / "src" / "hotsite" / "infra" / "constructs" / "alarms.py"
METRICS = ROOT / "src" / "hotsite" / "faces" / "lambdas" / "measures.py"


def alarms():
    """Yield the name of each alarm and what it says."""
    for node in ast.walk(ast.parse(ALARMS.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_Alarm":
            yield tuple(argument.value for argument in node.args[:2])


def test_manual_has_a_row_for_each_alarm_in_the_alarms_own_words():
    found = list(alarms())
    assert found
    for name, says in found:
        assert f"| `hotsite-{name}` | {says} |" in TEXT


def test_manual_names_each_metric_that_has_no_alarm():
    watched = set(names_in(ALARMS))
    for metric in names_in(METRICS):
        assert metric in watched or f"`{metric}`" in TEXT


def names_in(path):
    """Yield the texts that a module gives names to; importing the CDK takes long."""
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Assign):
            for found in ast.walk(node.value):
                if isinstance(found, ast.Constant) and isinstance(found.value, str):
                    yield found.value
