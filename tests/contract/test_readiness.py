"""Quotas and names, as a Region and the simulation tell them."""

import datetime as dt
import json
import urllib.error
import urllib.request

import pytest
from tests.contract.world import NOBODY_LISTENS_PORT, Cloud
from tests.local.region_world import DOMAIN

from hotsite.adapters.aws.service_quotas import ServiceQuotas
from hotsite.adapters.tls_door import TlsDoors, dial_by_name
from hotsite.core.doors import Knock, knocks
from hotsite.core.headroom import Limit, Need, defaults
from hotsite.errors import UnreachableError
from hotsite.sim.readiness import SimDoors, SimSiteQuotas

REGION = "eu-west-1"


@pytest.fixture(params=["sim", pytest.param("local", marks=pytest.mark.local)])
def quotas(request):
    if request.param == "sim":
        told = tuple(Limit(o.need, o.value, "code") for o in defaults(REGION))
        return SimSiteQuotas(REGION, told)
    cloud = Cloud.local(request.getfixturevalue("region"))
    return ServiceQuotas(cloud.client("service-quotas"), REGION)


@pytest.fixture(params=["sim", pytest.param("local", marks=pytest.mark.local)])
def quotas_cut_off(request):
    if request.param == "sim":
        return SimSiteQuotas(REGION, is_reachable=False)
    region = request.getfixturevalue("region")
    url = f"http://{region.config.address}:{NOBODY_LISTENS_PORT}"
    return ServiceQuotas(Cloud.local(region, url).client("service-quotas"), REGION)


def test_each_quota_is_told_with_the_code_that_raises_it(quotas):
    found = quotas.read()
    assert [one.need for one in found] == list(Need)
    assert all(one.is_read and one.value > 0 for one in found)


def test_quotas_that_cannot_be_read_are_no_defaults(quotas_cut_off):
    with pytest.raises(UnreachableError):
        quotas_cut_off.read()


@pytest.fixture(params=["sim", pytest.param("local", marks=pytest.mark.local)])
def doors(request):
    if request.param == "sim":
        now_s = dt.datetime.now(dt.UTC).timestamp()
        return SimDoors(now_s + 86_400 * 80, silent={"iot-a.nowhere.test"})
    region = request.getfixturevalue("region")
    authority = request.getfixturevalue("authority").path.read_text()

    def dial(name, port):
        if name.endswith("nowhere.test"):
            raise UnreachableError(f"{name} does not answer")
        return dial_by_name(region.config.address, port)

    return TlsDoors(region.config.mqtt_port, region.config.https_port, authority, dial)


@pytest.mark.parametrize("number", range(4))
def test_each_name_of_a_site_is_served_at_its_own_address(doors, number):
    found = doors.look(knocks("b", DOMAIN)[number])
    assert found.problem == ""
    assert len(found.fingerprint) == 64
    now_s = dt.datetime.now(dt.UTC).timestamp()
    assert 0 < found.days_left(now_s) < 400


def test_site_that_does_not_answer_is_silent(doors):
    knock = Knock("iot.nowhere.test", "iot-a.nowhere.test", is_mqtt=True)
    found = doors.look(knock)
    assert found.is_silent
    assert found.expires_s is None


@pytest.mark.local
def test_name_that_the_site_does_not_serve_is_a_problem(region, authority):
    def dial(_name, port):
        return dial_by_name(region.config.address, port)

    ports = region.config.mqtt_port, region.config.https_port
    doors = TlsDoors(*ports, authority.path.read_text(), dial)
    stranger = Knock("iot.other.test", "iot-b.other.test", is_mqtt=True)
    assert doors.look(stranger).problem
    # Whom nobody vouches for is not believed, whatever the name.
    distrustful = TlsDoors(*ports, "", dial)
    found = distrustful.look(knocks("b", DOMAIN)[0])
    assert "its certificate is not believed" in found.problem


@pytest.mark.local
def test_region_lists_what_somebody_set_and_refuses_nonsense(region):
    def put(document):
        request = urllib.request.Request(
            f"{region.config.gateway_url}/_hotsite/account",
            data=json.dumps(document).encode(),
            method="PUT",
        )
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.loads(answer.read())

    name = Need.CONNECTS.value
    try:
        assert put({name: 100})[name] == 100
        quotas = ServiceQuotas(Cloud.local(region).client("service-quotas"), REGION)
        assert quotas.read()[0] == Limit(Need.CONNECTS, 100.0, "local-connects")
        for wrong in ({name: 0}, {"Fun per second": 1}, [1]):
            with pytest.raises(urllib.error.HTTPError):
                put(wrong)
    finally:
        put({name: 3000})
