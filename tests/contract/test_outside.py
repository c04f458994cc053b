"""Sites, names and devices as guards and operators see them, simulated and real."""

import ssl

import pytest
from tests.contract.outside import RealSitesSeen, healthy, sick

from hotsite.core.epoch import Epoch
from hotsite.core.move import Move
from hotsite.disasters.failover.fleet import NAME
from hotsite.errors import UnreachableError

pytestmark = pytest.mark.timeout(60)


def test_active_site_says_its_epoch_its_switch_and_its_health(sites):
    now_s = sites.now_s
    sites.say("b", Epoch(1, "b", now_s, is_forced=True), healthy(now_s))
    seen = sites.see("b")
    assert (seen.epoch.number, seen.epoch.active) == (1, "b")
    assert seen.epoch.is_forced
    assert seen.epoch.since_s == pytest.approx(now_s)
    assert (seen.is_on, seen.is_healthy) == (True, True)
    assert seen.now_s == pytest.approx(sites.now_s, abs=6.0)


def test_site_that_is_not_sure_or_not_well_says_so(sites):
    now_s = sites.now_s
    sites.say("b", Epoch(1, "b", now_s - 60.0), sick(now_s))
    seen = sites.see("b")
    assert (seen.is_on, seen.is_healthy, seen.reason) == (False, False, "no message")


def test_silent_site_is_not_taken_for_a_sick_one(sites):
    sites.silence("b")
    with pytest.raises(UnreachableError):
        sites.see("b")


def test_name_leads_to_the_site_that_it_is_the_same_as(names):
    for letter in ("a", "b", "a"):
        names.lead(letter)
        assert names.leads_to() == letter


def test_silent_name_server_is_not_taken_for_an_answer(names):
    names.lead("a")
    names.silence()
    with pytest.raises(UnreachableError):
        names.leads_to()


def test_resumes_are_counted_by_their_devices_and_time(resumes):
    assert resumes.port.count(120.0) == 0
    for thing in ("oven-1", "oven-2", "oven-3", "oven-1"):
        resumes.port.note(thing)
    assert 2 <= resumes.port.count(120.0) <= 3
    resumes.clock.sleep(60.0)
    resumes.port.note("oven-1")
    resumes.clock.sleep(61.0)
    assert resumes.port.count(120.0) == 1


def test_devices_that_another_site_did_not_let_in_are_counted_apart(resumes):
    resumes.port.note("oven-1", is_turned_away=True)
    resumes.port.note("oven-2")
    assert resumes.port.count(120.0) == 2
    assert resumes.port.turned_away(120.0) == 1
    resumes.clock.sleep(121.0)
    assert resumes.port.turned_away(120.0) == 0


def test_resumes_that_cannot_be_counted_are_not_none(resumes):
    resumes.silence()
    with pytest.raises(UnreachableError):
        resumes.port.count(120.0)
    with pytest.raises(UnreachableError):
        resumes.port.turned_away(120.0)
    with pytest.raises(UnreachableError):
        resumes.port.note("oven-1")


def test_connected_device_hears_the_order(commanded):
    commanded.order(commanded.thing, Move(NAME, 3600.0, 2))
    assert commanded.heard() == NAME


def test_connected_device_is_disconnected_once(commanded):
    assert commanded.disconnect(commanded.thing) is True
    assert not commanded.is_connected()
    assert commanded.disconnect(commanded.thing) is False


def test_nobody_is_disconnected_who_is_not_there(commanded):
    commanded.leave()
    assert commanded.disconnect(commanded.thing) is False
    assert commanded.disconnect("nobody") is False


def test_broker_that_does_not_answer_is_not_an_empty_one(commanded):
    commanded.silence()
    with pytest.raises(UnreachableError):
        commanded.order(commanded.thing, Move(NAME, 3600.0, 2))
    with pytest.raises(UnreachableError):
        commanded.disconnect(commanded.thing)


# What only sockets can do wrong.


@pytest.fixture
def served(authority):
    found = RealSitesSeen(authority)
    now_s = found.now_s
    found.say("b", Epoch(1, "b", now_s), healthy(now_s))
    yield found
    found.close()


ON = {
    "epoch": 1,
    "active": "b",
    "since_s": 1.5,
    "is_forced": False,
    "is_on": True,
    "now_s": 2.5,
}
WELL = {"healthy": True, "reason": "why"}
NONSENSE = {
    "other status": ("/switch", 500, ON),
    "redirect": ("/switch", 302, ON),
    "no document": ("/switch", 200, None),
    "list": ("/switch", 200, [ON]),
    "status against document": ("/switch", 404, ON),
    "no epoch": ("/switch", 200, {k: v for k, v in ON.items() if k != "epoch"}),
    "epoch of nobody": ("/switch", 200, ON | {"epoch": 2}),
    "epoch that is a flag": ("/switch", 200, ON | {"epoch": True}),
    "time that is none": ("/switch", 200, ON | {"now_s": float("nan")}),
    "time as text": ("/switch", 200, ON | {"since_s": "1"}),
    "health of another status": ("/healthz", 500, WELL),
    "health against document": ("/healthz", 503, WELL),
    "endless": ("/healthz", 200, WELL | {"reason": "x" * 10_000}),
}


@pytest.mark.local
@pytest.mark.parametrize(
    ("path", "status", "document"), NONSENSE.values(), ids=NONSENSE
)
def test_nonsense_is_as_good_as_silence(served, path, status, document):
    headers = {"location": f"https://api-a.hotsite.test{path}"}
    served.instead[path] = (status, headers, document, 0.0)
    with pytest.raises(UnreachableError, match=r"api-b\.hotsite\.test"):
        served.see("b")


@pytest.mark.local
def test_what_a_newer_hotsite_says_besides_is_passed_over(served):
    served.instead["/switch"] = (200, {}, ON | {"witness": "c"}, 0.0)
    served.instead["/healthz"] = (200, {}, WELL | {"quota": 0.5}, 0.0)
    seen = served.see("b")
    assert (seen.epoch, seen.now_s) == (Epoch(1, "b", 1.5), 2.5)
    assert (seen.is_on, seen.is_healthy) == (True, True)


@pytest.mark.local
def test_slow_answer_is_silence_in_time(served):
    served.instead["/healthz"] = (200, {}, WELL, 30.0)
    with pytest.raises(UnreachableError, match="timed out"):
        served.see("b")


@pytest.mark.local
def test_site_with_a_certificate_of_nobody_is_not_believed(served):
    with pytest.raises(UnreachableError, match="CERTIFICATE_VERIFY_FAILED"):
        served.port(ssl.create_default_context()).see("b")
