"""Operations in a local cloud: real guards, real name servers, a real fleet."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.local.cloud_world import wait_until
from tests.rehearsal.failover_world import Field, took_s

from hotsite.adapters.clock import SystemClock
from hotsite.core.operations import Action, Kind
from hotsite.errors import UnsafePlanError
from hotsite.faces.cli.clouds import private_cloud
from hotsite.flows.failover import Request, operate
from hotsite.flows.health import Patience

pytestmark = [pytest.mark.local, pytest.mark.timeout(600)]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("failover")


@pytest.fixture(scope="module")
def local(folder):
    with private_cloud(folder, lambda _line: None) as found:
        yield found


@pytest.fixture(scope="module")
def field(local, folder):
    found = Field(local, folder)
    found.begin()
    yield found
    found.close()


def hotsite(folder, *arguments):
    """Run a command as a person does, in a folder that has the cloud under a name."""
    there = folder / ".hotsite" / "play"
    there.parent.mkdir(exist_ok=True)
    if not there.exists():
        there.symlink_to(folder / "cloud")
    command = [sys.executable, "-m", "hotsite.faces.cli.main", *arguments]
    return subprocess.run(
        [*command, "--local", "play"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_guards_of_both_regions_look_and_agree(field):
    def looks():
        books = [field.book(letter) for letter in "ab"]
        found = [book.look(letter) for book in books for letter in "ab"]
        return found if all(found) else None

    found = wait_until(looks, 60)
    assert {look.heard.number for look in found} == {0}
    field.await_well()
    wait_until(lambda: says_on(field, "a", is_on=True))
    wait_until(lambda: says_on(field, "b", is_on=False))
    assert field.leads_to() == "a"
    wait_until(lambda: field.book("b").look("b").action is Action.STAND_BY)
    first_s = field.book("a").look("a").at_s
    # One look each ten seconds, also where a run of the function ends.
    gaps_s = []
    for _ in range(8):
        at_s = wait_until(lambda s=first_s: newer(field, s), 30)
        gaps_s.append(at_s - first_s)
        first_s = at_s
    field.measure("longest time between two looks of a, of 8", f"{max(gaps_s):.1f} s")
    assert max(gaps_s) < 30.0


def says_on(field, letter, *, is_on):
    seen = field.seen(letter)
    return seen is not None and seen.is_on is is_on


def newer(field, than_s):
    at_s = field.book("a").look("a").at_s
    return at_s if at_s > than_s else None


def test_planned_failover_moves_the_fleet_and_the_name(field):
    del field.steps[:]
    operation = []
    request = Request(Kind.PLANNED, "b")
    whole_s = took_s(lambda: operation.append(field.insist(request)))
    assert (operation[0].step, operation[0].epoch) == ("done", 1)
    assert field.leads_to() == "b"
    late_s = field.await_fleet("b")
    wait_until(lambda: says_on(field, "b", is_on=True))
    wait_until(lambda: says_on(field, "a", is_on=False))
    tell_steps(field, "planned a to b")
    field.measure("planned a to b: whole", f"{whole_s:.1f} s")
    field.measure("planned a to b: last device after the end", f"{late_s:.1f} s")


def test_failback_moves_both_back(field):
    del field.steps[:]
    request = Request(Kind.FAILBACK, "a")
    whole_s = took_s(lambda: field.insist(request))
    assert field.leads_to() == "a"
    field.await_fleet("a")
    assert (field.book("a").newest.number, field.book("b").newest.number) == (2, 2)
    wait_until(lambda: says_on(field, "a", is_on=True))
    wait_until(lambda: says_on(field, "b", is_on=False))
    tell_steps(field, "failback")
    field.measure("failback: whole", f"{whole_s:.1f} s")


def tell_steps(field, what):
    marks = [one for one in field.steps if one[1].startswith("step: ")]
    ends = [*(at_s for at_s, _ in marks[1:]), field.steps[-1][0]]
    for (at_s, line), end_s in zip(marks, ends, strict=True):
        step = line.removeprefix("step: ")
        field.measure(f"{what}: {step}", f"{end_s - at_s:.1f} s")


def test_pause_is_said_in_both_regions_and_refuses_a_planned_failover(field, folder):
    done = hotsite(folder, "pause", "--because", "a test")
    assert (done.returncode, done.stderr) == (0, "")
    done = hotsite(folder, "failover", "--to", "b", "--dry-run", "--json")
    assert done.returncode == 1
    texts = [one["text"] for one in json.loads(done.stdout)["objections"]]
    assert "paused: a test" in texts
    with pytest.raises(UnsafePlanError, match="paused: a test"):
        operate(Request(Kind.PLANNED, "b"), field.control)
    done = hotsite(folder, "resume", "--json")
    assert json.loads(done.stdout)["written"] == ["a", "b"]


def test_forced_failover_serves_the_fleet_and_the_dead_site_returns_fenced(
    field, folder, local
):
    verdict = field.verdict("a")
    began_s = time.monotonic()
    local.fault("kill", "a")
    because = "a is dark"
    done = hotsite(
        folder, "failover", "--to", "b", "--forced", "--force-because", because
    )
    assert done.returncode == 0, done.stderr
    field.measure("forced, from the kill to its end", since(began_s))
    field.await_fleet("b")
    field.measure("forced, from the kill to the last device", since(began_s))
    newest = field.book("b").newest
    assert (newest.number, newest.reason, newest.is_forced) == (3, because, True)

    # Until then its last verdict would still be believed.
    clock, age_s_max = SystemClock(), Patience().age_s_max
    wait_until(lambda: clock.now_s() - verdict.seen_at_s > age_s_max + 20.0, 120)
    local.fault("return", "a")
    back_s = time.monotonic()
    heard_s = None
    while True:
        seen = field.seen("a")
        knows = field.book("a").newest.number >= newest.number
        if heard_s is None and knows:
            heard_s = since(back_s)
        if seen is not None:
            assert not seen.is_on
            if seen.is_healthy:
                break
        assert time.monotonic() - back_s < 180
        time.sleep(0.2)
    # Whoever calls it healthy has looked first.
    own = field.book("a").look("a")
    assert own.heard.number == newest.number
    field.measure("return, until its replica has the epoch", heard_s)
    field.measure("return, until it is called healthy", since(back_s))
    assert field.leads_to() == "b"
    field.look()
    assert set(field.where.values()) == {"eu-west-1"}


def since(began_s):
    return f"{time.monotonic() - began_s:.1f} s"
