"""The commands of an operator, in simulated Regions."""

import argparse
import json
from dataclasses import replace

import pytest
from tests.flows.failover_world import World

from hotsite.errors import InvalidInputError, UnsafePlanError
from hotsite.faces.cli import failover, pause

REGIONS = {"a": "eu-central-1", "b": "eu-west-1"}


def parsed(world, *arguments):
    def open_control(_options, tell):
        control = replace(world.estate.control(), tell=tell)
        return failover.Opened(control, REGIONS)

    def add_world(command):
        command.add_argument("--json", action="store_true")

    top = argparse.ArgumentParser()
    commands = top.add_subparsers()
    failover.register(commands, open_control, add_world)
    pause.register(commands, open_control, add_world)
    return top.parse_args(arguments)


def called(world, *arguments):
    """Run a command; return its exit code, or the error that it ended with."""
    options, codes = parsed(world, *arguments), []
    name = "forced away from a" if "--forced" in arguments else "operator"
    error = world.do(lambda: codes.append(options.run(options)), name=name)
    return error or codes[0]


def test_failover_moves_the_fleet_and_tells_each_step_on_stderr(capsys):
    world = World()
    assert called(world, "failover", "--to", "eu-west-1") == 0
    said = capsys.readouterr()
    assert said.out.startswith("b (eu-west-1) is active since epoch 1: planned-b-")
    for step in ("lag gate", "epoch", "fence", "dns", "move orders", "verify"):
        assert f"step: {step}\n" in said.err


def test_forced_failover_and_failback_as_json(capsys):
    world = World()
    assert called(world, "failover", "--to", "b", "--forced", "--json") == 0
    there = json.loads(capsys.readouterr().out)["operation"]
    assert (there["kind"], there["target"], there["step"]) == ("forced", "b", "done")
    world.run(60.0)
    assert called(world, "failback", "--json") == 0
    back = json.loads(capsys.readouterr().out)["operation"]
    assert (back["kind"], back["target"], back["epoch"]) == ("failback", "a", 2)


def test_dry_run_says_what_is_in_the_way_and_changes_nothing(capsys):
    world = World()
    assert called(world, "failover", "--to", "b", "--dry-run") == 0
    assert "nothing is in its way" in capsys.readouterr().out
    world.pause()
    assert called(world, "failover", "--to", "b", "--dry-run") == 1
    said = capsys.readouterr().out
    assert "against it: paused: a test (may be overridden)" in said
    assert "it would be refused" in said
    assert called(world, "failback", "--dry-run", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert found["objections"] == [{"text": "paused: a test", "may_override": True}]
    assert "pending" in found["while_away"]
    assert world.book("b").operation("b") is None


def test_refusal_and_what_overrides_it():
    world = World()
    world.pause()
    error = called(world, "failover", "--to", "b")
    assert isinstance(error, UnsafePlanError)
    arguments = ("failover", "--to", "b", "--force-because", "the hall is dark")
    assert called(world, *arguments) == 0
    assert world.book("b").operation("b").force_because == "the hall is dark"


@pytest.mark.parametrize(
    "arguments",
    [
        ("failover", "--to", "eu-north-1"),
        ("failover", "--to", "b", "--force-because", " "),
        ("pause", "--because", "work", "--for", "0"),
        ("pause", "--because", "work", "--for", "nan"),
    ],
)
def test_wrong_input_is_one_clear_line(arguments):
    error = called(World(), *arguments)
    assert isinstance(error, InvalidInputError)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    "arguments", [("failover",), ("failover", "--to", "b", "--planned", "--forced")]
)
def test_wrong_usage_ends_with_two(arguments, capsys):
    with pytest.raises(SystemExit) as ended:
        parsed(World(), *arguments)
    assert ended.value.code == 2


def test_pause_and_resume(capsys):
    world = World()
    assert called(world, "pause", "--because", "work", "--for", "100") == 0
    assert capsys.readouterr().out == "paused in eu-central-1, eu-west-1\n"
    found = world.book("b").pause
    assert (found.is_paused, found.reason) == (True, "work")
    assert called(world, "resume", "--json") == 0
    assert json.loads(capsys.readouterr().out)["written"] == ["a", "b"]
    assert not world.book("a").pause.is_paused


def test_pause_that_one_region_did_not_hear_is_told(capsys):
    world = World()
    world.estate.die("b")
    assert called(world, "pause", "--because", "work") == 3
    said = capsys.readouterr()
    assert said.out == "paused in eu-central-1\n"
    assert "eu-west-1 gets it once it answers" in said.err


@pytest.mark.parametrize("name", ["failover", "failback", "pause", "resume"])
def test_help_shows_examples(name, capsys):
    with pytest.raises(SystemExit):
        parsed(World(), name, "--help")
    assert "examples:" in capsys.readouterr().out
