"""Failover while no control plane of AWS IoT or Route 53 answers, anywhere."""

import time

import pytest
from tests.local.cloud_world import wait_until
from tests.rehearsal.failover_world import (
    BlackHole,
    Field,
    behind,
    is_well,
    let_functions_see,
    operator_of,
)

from hotsite.core.operations import Kind
from hotsite.faces.cli.clouds import private_cloud
from hotsite.flows.failover import Request

pytestmark = [pytest.mark.local, pytest.mark.timeout(600)]


@pytest.fixture
def local(tmp_path):
    with private_cloud(tmp_path, lambda _line: None) as found:
        yield found


@pytest.fixture
def field(local, tmp_path):
    """A fleet at site a; who asks a control plane from now on waits for ever."""
    found = Field(local, tmp_path / "fleet")
    found.begin()
    holes = [BlackHole(site) for site in local.state.sites]
    let_functions_see(local, holes)
    found.control = operator_of(behind(local, holes), found)
    found.holes = holes
    yield found
    found.close()
    for hole in holes:
        hole.close()


@pytest.fixture(autouse=True)
def sure(field):
    """Both guards look through the holes, and the active site is sure of itself."""
    for hole in field.holes:
        before = len(hole.asked)
        wait_until(lambda h=hole, n=before: len(h.asked) > n + 10, 120)
    wait_until(lambda: is_well(seen := field.seen("a")) and seen.is_on, 120)
    wait_until(lambda: is_well(field.seen("b")), 120)


def asked(field):
    return {service for hole in field.holes for service in hole.asked}


def since(began_s):
    return f"{time.monotonic() - began_s:.1f} s"


def test_automatic_failover_needs_no_control_plane(field, local):
    began_s = time.monotonic()
    local.fault("kill", "a")
    wait_until(lambda: field.leads_to() == "b", 60)
    field.measure("automatic, from the kill until DNS leads to b", since(began_s))
    field.await_fleet("b")
    field.measure("automatic, from the kill to the last device", since(began_s))
    wait_until(lambda: field.book("b").newest.active == "b", 90)
    field.measure("automatic, until the guard of b has taken over", since(began_s))
    taken = field.book("b").newest
    assert (taken.number, taken.by) == (1, "guard of b")
    wait_until(lambda: field.seen("b").is_on, 10)
    assert asked(field).isdisjoint(BlackHole.SILENT)


def test_forced_failover_needs_no_control_plane(field, local):
    began_s = time.monotonic()
    local.fault("kill", "a")
    operation = field.insist(Request(Kind.FORCED, "b", "a is dark"))
    field.measure("forced, from the kill to its end", since(began_s))
    assert operation.step == "done"
    field.await_fleet("b")
    field.measure("forced, from the kill to the last device", since(began_s))
    newest = field.book("b").newest
    assert (newest.number, newest.is_forced) == (1, True)
    assert field.seen("b").is_on
    assert asked(field).isdisjoint(BlackHole.SILENT)
