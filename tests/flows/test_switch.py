"""GET /switch, from the own replica."""

import pytest

from hotsite.core.epoch import Epoch
from hotsite.core.operations import Claim
from hotsite.core.standing import FencePolicy
from hotsite.errors import UnreachableError
from hotsite.flows.switch import serve
from hotsite.sim.clock import SimClock
from hotsite.sim.operations import SimOperations


def test_switch_is_on_at_the_site_of_the_newest_epoch_until_it_was_away():
    clock = SimClock()
    operations = SimOperations("b", clock)
    assert serve(operations, "b", clock, FencePolicy()).status_code == 404
    operations.write(Claim(Epoch(1, "b", clock.now_s())), previous=None)
    assert serve(operations, "b", clock, FencePolicy()).status_code == 200
    clock.sleep(31.0)
    assert serve(operations, "b", clock, FencePolicy()).status_code == 404


def test_switch_that_cannot_read_its_table_says_nothing():
    clock = SimClock()
    operations = SimOperations("b", clock, is_reachable=False)
    with pytest.raises(UnreachableError):
        serve(operations, "b", clock, FencePolicy())
