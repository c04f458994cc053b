"""``hotsite adopt``, with a fleet in memory."""

import json

import pytest
from tests.core.test_adoption import FLEET

from hotsite.core.adoption import Fleet
from hotsite.faces.cli import adopt, main


class Inventory:
    """Implements ``ports.adoption.Inventory``."""

    def __init__(self, fleet):
        self.fleet = fleet

    def read(self):
        return self.fleet


@pytest.fixture
def call(tmp_path):
    settings = tmp_path / "hotsite.toml"
    settings.write_text('domain = "fleet.example.com"\n')

    def run(fleet, *words):
        top = main.parser(())
        adopt.register(top._subparsers._group_actions[0], lambda *_: Inventory(fleet))
        options = top.parse_args(["adopt", "--config", str(settings), *words])
        try:
            return options.run(options)
        except main.HotsiteError as error:
            return main._refuse(error, is_json=options.json)

    return run


def test_the_plan_says_what_is_managed_left_and_done(call, capsys):
    assert call(FLEET, "--from", "a") == 0
    said = capsys.readouterr().out
    assert "the fleet in eu-central-1; nothing of it is changed" in said
    assert "3,000 things, with their certificates" in said
    assert "1 topic rules: store" in said
    assert "registering it in eu-west-1 takes 5 min 0 s or more" in said
    assert "hotsite seed --from eu-central-1" in said


def test_json_has_the_whole_plan(call, capsys):
    assert call(FLEET, "--from", "eu-central-1", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["seed_s"] == 300
    assert {one["what"] for one in document["left"]} >= {"topic rules", "domain names"}


def test_what_could_not_be_read_is_named_and_is_exit_code_1(call, capsys):
    fleet = Fleet("eu-west-1", unread=("could not read topic rules: denied",))
    assert call(fleet, "--from", "b") == 1
    said = capsys.readouterr().out
    assert "nothing: there is none" in said
    assert "not read: could not read topic rules: denied" in said


def test_a_region_that_is_no_site_is_refused_with_those_that_are(call, capsys):
    assert call(FLEET, "--from", "us-east-1") == main.WRONG
    assert "there are a (eu-central-1), b (eu-west-1)" in capsys.readouterr().err
