"""Each action of a role is needed: without it, its function does not do its work.

The list that docs/permissions.md is written from says which actions these are. What no
play here needs is in that list as well, so that it cannot grow without being seen.
"""

import tomllib

import pytest
from scripts.permissions import TRIALS
from tests.contract import world
from tests.local.region_world import Authority, config_of, running
from tests.rehearsal.role_world import PLAYS, RoleWorld

pytestmark = [pytest.mark.local, pytest.mark.timeout(300)]
SAID = tomllib.loads(TRIALS.read_text())


@pytest.fixture(scope="module")
def role_world(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("roles"))
    where = config_of(
        authority, authority.directory, "eu-west-1", "127.0.63.1", letter="b"
    )
    with running(where) as region:
        world.prepare_iot(world.Cloud.local(region))
        made = RoleWorld.make(region)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in made.environment().items():
                patch.setenv(name, value)
            yield made


def fails(play, role_world):
    try:
        play(role_world)
    except Exception:  # noqa: BLE001 - whatever it is, the work is not done
        return True
    return False


@pytest.mark.parametrize("noun", PLAYS)
def test_each_action_of_a_role_is_needed(role_world, noun):
    play, said = PLAYS[noun], SAID[noun]
    actions = {action for column in said.values() for action in column}
    role_world.allow(actions)
    play(role_world)
    needed = set()
    for action in sorted(actions):
        role_world.allow(actions - {action})
        if fails(play, role_world):
            needed.add(action)
    assert needed == set(said["needed"])
    role_world.allow(actions)
    play(role_world)


def test_a_function_without_a_play_says_of_no_action_that_it_is_needed():
    for noun in SAID.keys() - PLAYS.keys():
        assert SAID[noun]["needed"] == []
