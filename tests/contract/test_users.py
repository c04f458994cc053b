"""What users are shown and allowed, in memory and in a real Region alike."""

import pytest
from tests.contract.world import RUN, Cloud, fresh_name, make_table, put

from hotsite.adapters.aws.enrolments import DynamoAllowance, DynamoLastMessages
from hotsite.core.enrolment import Sighting
from hotsite.errors import TooOftenError, UnreachableError
from hotsite.sim.clock import SimClock
from hotsite.sim.enrolments import SimAllowance, SimLastMessages

NOBODY = "http://127.0.52.1:9"
WORLDS = ["sim", pytest.param("local", marks=pytest.mark.local)]
RATE_PER_S, BURST_S = 2.0, 3.0


class SimHeard:
    """Last messages in memory."""

    def __init__(self):
        self.port = SimLastMessages()

    def put(self, thing, sort_key, sighting):
        self.port.sightings[thing] = sighting

    def cut_off(self):
        self.port.is_reachable = False
        return self.port


class LocalHeard:
    """Last messages in a hot table."""

    def __init__(self, region):
        self._region, self._table = region, f"{RUN}-hot-{fresh_name()[-6:]}"
        make_table(Cloud.local(region), self._table, "pk", "sk")
        self.port = self._open(None)

    def put(self, thing, sort_key, sighting):
        row = {"pk": {"S": thing}, "sk": {"S": sort_key}}
        row["received_at_s"] = {"N": str(sighting.at_s)}
        if sighting.region:
            row["origin"] = {"S": sighting.region}
        put(self._region, self._table, row)

    def put_row(self, row):
        put(self._region, self._table, row)

    def cut_off(self):
        return self._open(NOBODY)

    def _open(self, url):
        dynamodb = Cloud.local(self._region, url).client("dynamodb")
        return DynamoLastMessages(dynamodb, self._table)


@pytest.fixture(params=WORLDS)
def heard(request):
    if request.param == "sim":
        return SimHeard()
    return LocalHeard(request.getfixturevalue("region"))


def test_device_that_was_never_heard_is_nothing(heard, name):
    assert heard.port.read(name) is None


def test_newest_message_is_what_was_last_heard(heard, name):
    heard.put(name, "0000000001#000000000009", Sighting(5.0, "eu-west-1"))
    heard.put(name, "0000000002#000000000001", Sighting(7.5, None))
    assert heard.port.read(name) == Sighting(7.5, None)


def test_silent_hot_table_is_unreachable_and_never_empty(heard, name):
    with pytest.raises(UnreachableError):
        heard.cut_off().read(name)


@pytest.mark.local
def test_row_without_a_time_of_arrival_has_that_of_publication(region, name):
    heard = LocalHeard(region)
    key = {"pk": {"S": name}, "sk": {"S": "0000000001#000000000001"}}
    heard.put_row({**key, "published_at_s": {"N": "3.5"}})
    assert heard.port.read(name) == Sighting(3.5, None)
    heard.put_row({**key, "note": {"S": "no message at all"}})
    assert heard.port.read(name) is None


class Allowed:
    """An allowance, and its clock."""

    def __init__(self, port, clock):
        self.port, self.clock = port, clock


@pytest.fixture(params=WORLDS)
def allowed(request):
    clock, how = SimClock(), {"rate_per_s": RATE_PER_S, "burst_s": BURST_S}
    if request.param == "sim":
        return Allowed(SimAllowance(clock, **how), clock)
    region = request.getfixturevalue("region")
    table = request.getfixturevalue("tables").applied
    dynamodb = Cloud.local(region).client("dynamodb")
    return Allowed(DynamoAllowance(dynamodb, table, clock=clock, **how), clock)


def spent(allowed, user):
    count = 0
    while count < 100:
        try:
            allowed.port.spend(user)
        except TooOftenError:
            return count
        count += 1
    return count


def test_user_has_a_burst_and_then_a_rate(allowed, name):
    first = spent(allowed, name)
    assert RATE_PER_S * BURST_S <= first <= RATE_PER_S * BURST_S + 2
    allowed.clock.sleep(2.0)
    assert 3 <= spent(allowed, name) <= 5


def test_one_user_does_not_use_up_what_others_have(allowed, name):
    spent(allowed, name)
    allowed.port.spend(f"{name}-2")


@pytest.mark.local
def test_silent_table_of_allowances_is_unreachable(region, tables, name):
    dynamodb = Cloud.local(region, NOBODY).client("dynamodb")
    port = DynamoAllowance(
        dynamodb, tables.applied, clock=SimClock(), rate_per_s=1.0, burst_s=1.0
    )
    with pytest.raises(UnreachableError):
        port.spend(name)
