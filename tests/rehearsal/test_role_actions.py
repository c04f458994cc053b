"""Each action of a role is needed: without it, its function does not do its work.

The list that docs/permissions.md is written from says which actions these are. What no
play here needs is in that list as well, with the reason, so that it cannot grow without
being seen.
"""

import tomllib

import pytest
from scripts.permissions import TRIALS
from tests.contract import world
from tests.local.region_world import Authority, config_of, running
from tests.rehearsal.role_plays import PLAYS
from tests.rehearsal.role_world import needed, open_world

pytestmark = [pytest.mark.local, pytest.mark.timeout(600)]
SAID = tomllib.loads(TRIALS.read_text())


@pytest.fixture(scope="module")
def role_world(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("roles"))
    where = config_of(
        authority, authority.directory, "eu-west-1", "127.0.63.1", letter="b"
    )
    with running(where) as region:
        world.prepare_iot(world.Cloud.local(region))
        with open_world(region) as made:
            yield made


@pytest.mark.parametrize("noun", PLAYS)
def test_each_action_of_a_role_is_needed(role_world, noun):
    play, said = PLAYS[noun], SAID[noun]
    actions = {action for column in said.values() for action in column}
    role_world.allow(actions)
    play(role_world)
    assert needed(play, role_world, actions) == set(said["needed"])


def test_every_function_has_a_play():
    assert PLAYS.keys() == SAID.keys()
