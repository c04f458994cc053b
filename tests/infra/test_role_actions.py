"""Every action of every function's role is accounted for, once."""

import re
import tomllib

import pytest
from scripts.permissions import TRIALS
from tests.infra.test_functions import REGIONS, grants

from hotsite.infra import packaging

SAID = tomllib.loads(TRIALS.read_text())


def named(action, resource):
    """Return an action as the list has it: on a table, once for each table."""
    table = re.search("table/hotsite-([a-z]+)$", resource)
    return f"{action} on {table[1]}" if table else action


def test_every_function_is_in_the_list():
    assert SAID.keys() == set(packaging.FUNCTIONS)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("noun", packaging.FUNCTIONS)
def test_every_action_is_needed_or_has_its_reason(assembly, region, noun):
    said = [action for column in SAID[noun].values() for action in column]
    granted = {named(*grant) for grant in grants(assembly, region, noun)}
    assert sorted(said) == sorted(granted)


def test_no_action_is_there_without_a_reason():
    for said in SAID.values():
        assert said.keys() <= {"needed", "by_lambda", "why"}
        assert all(said.get("why", {}).values())
