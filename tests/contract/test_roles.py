"""The smaller functions do their work with their role, and not with one action less.

``tests/rehearsal/test_role_actions.py`` tries every function; it takes minutes.
"""

import tomllib

import pytest
from scripts.permissions import TRIALS
from tests.rehearsal.role_plays import PLAYS
from tests.rehearsal.role_world import needed, open_world

pytestmark = [pytest.mark.local, pytest.mark.timeout(60)]
SAID = tomllib.loads(TRIALS.read_text())


@pytest.fixture(scope="module")
def role_world(region):
    with open_world(region) as made:
        yield made


@pytest.mark.parametrize("noun", ["batch", "errors", "health", "meter", "switch"])
def test_each_action_of_a_role_is_needed(role_world, noun):
    said = SAID[noun]
    actions = {action for column in said.values() for action in column}
    assert needed(PLAYS[noun], role_world, actions) == set(said["needed"])
