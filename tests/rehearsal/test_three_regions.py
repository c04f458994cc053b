"""Three real Regions: the fleet follows one death after the other to the last site."""

import contextlib
import time
from functools import partial

import pytest
from tests.local.cloud_world import wait_until
from tests.rehearsal.failover_world import is_well, operator_of, patiently

from hotsite.core.epoch import number_after
from hotsite.core.hardship import Follow
from hotsite.core.journal import DeviceConnected, DeviceDisconnected
from hotsite.core.operations import Action, Kind
from hotsite.errors import RetryableError
from hotsite.faces.cli.clouds import private_cloud
from hotsite.flows.failover import Request, operate
from hotsite.local.world import LocalWorld
from hotsite.ports import FleetPlan

pytestmark = [pytest.mark.local, pytest.mark.timeout(600)]
THINGS = tuple(f"oven-{number}" for number in range(4))
PLAN = FleetPlan(
    publish_interval_s=1.0, seed=5, follow=Follow.DNS, retention_s=420.0, processes=1
)


class Three:
    """A cloud of three Regions, a fleet, and an operator who watches."""

    def __init__(self, local, folder):
        self.local = local
        self.world = LocalWorld(local, folder)
        self.control = operator_of(local, self)
        self.regions = {site.letter: site.region for site in local.state.sites}
        self.where = {}

    def tell(self, line):
        print(line)

    def begin(self):
        waiting = list(THINGS)
        for _ in range(6):
            with contextlib.suppress(RetryableError):
                for fact in self.world.onboard(
                    tuple(waiting), region=self.regions["a"]
                ):
                    waiting.remove(fact.thing)
        assert waiting == []
        for region in self.regions.values():
            wait_until(lambda r=region: set(THINGS) <= self.world.lags(r).keys(), 90)
        self.world.start_fleet(THINGS, PLAN)

    def are_at(self, letter):
        for fact in self.world.observe():
            if isinstance(fact, DeviceConnected):
                self.where[fact.thing] = fact.region
            elif isinstance(fact, DeviceDisconnected):
                self.where.pop(fact.thing, None)
        return self.where == dict.fromkeys(THINGS, self.regions[letter])

    def leads_to(self):
        with contextlib.suppress(RetryableError):
            return self.control.names.leads_to()
        return None

    def look(self, letter):
        book = patiently(self.control.desks[letter].operations.read)
        return book.look(letter)

    def copied(self):
        """Return the ways of cold objects on which there is no trouble."""
        ways = self.local.copies()
        return {(one.source, one.replica) for one in ways if not one.trouble}

    def stored(self, letter):
        """Return how many messages of the fleet a site's hot store holds."""
        held = self.world.held(self.regions[letter])
        return sum(one.row_count for one in held)


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    folder = tmp_path_factory.mktemp("three")
    with private_cloud(folder, print, sites=3) as local:
        found = Three(local, folder)
        found.begin()
        yield found
        found.world.close()


def test_fleet_follows_one_death_after_the_other_to_the_last_site(three):
    for letter in "abc":
        wait_until(lambda k=letter: is_well(three.control.seen(k)), 120)
    wait_until(lambda: three.are_at("a"), 90)
    # Each guard hears both others, and each agrees who is active.
    wait_until(lambda: three.look("c").action is Action.STAND_BY, 60)
    heard = "b and c know of none newer"
    wait_until(lambda: three.look("a").reason.endswith(heard), 60)
    # What arrived in one bucket is copied into each other one, and into no third.
    wait_until(lambda: len(three.copied()) == 6, 90)
    for dead, following in (("a", "b"), ("b", "c")):
        began_s = time.monotonic()
        three.local.fault("kill", dead)
        wait_until(lambda k=following: three.leads_to() == k, 90)
        led_s = time.monotonic() - began_s
        wait_until(lambda k=following: three.are_at(k), 120)
        took_s = time.monotonic() - began_s
        print(f"measured | DNS leads to {following} | {led_s:.1f} s")
        print(f"measured | the fleet is at {following} | {took_s:.1f} s")
        before = three.stored(following)
        wait_until(partial(lambda k, n: three.stored(k) > n, following, before), 60)
        if following == "b":
            wait_until(lambda: three.look("c").heard.active == "b", 120)
    # The second take-over waits for the dwell time; telemetry does not, and neither
    # does an operator.
    wait_until(lambda: "dwell time" in three.look("c").reason, 60)
    done = operate(Request(Kind.FORCED, "c", "b is dead as well"), three.control)
    assert done.epoch == number_after(1, "c")
    wait_until(lambda: three.look("c").reason.endswith("the fleet is led here"), 60)
