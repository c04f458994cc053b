"""Every action of every function's role is accounted for, once."""

import tomllib

import pytest
from scripts.permissions import TRIALS
from tests.infra.test_functions import REGIONS, grants

from hotsite.infra import packaging

SAID = tomllib.loads(TRIALS.read_text())


def test_every_function_is_in_the_list():
    assert SAID.keys() == set(packaging.FUNCTIONS)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("noun", packaging.FUNCTIONS)
def test_every_action_is_needed_or_said_to_be_untried(assembly, region, noun):
    said = [action for column in SAID[noun].values() for action in column]
    granted = {action for action, _ in grants(assembly, region, noun)}
    assert sorted(said) == sorted(granted)
