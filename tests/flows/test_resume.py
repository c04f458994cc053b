"""What a device is told when it comes from elsewhere."""

from dataclasses import replace

import pytest

from hotsite.core.arrivals import Origin
from hotsite.core.intervals import Intervals
from hotsite.core.outbox import Key
from hotsite.core.resume import Ask, Failed, Range, decode_answer, encode, vouched
from hotsite.core.telemetry import Telemetry
from hotsite.errors import UnreachableError
from hotsite.flows.resume import Budget, Desk, resume
from hotsite.flows.telemetry import Published
from hotsite.sim.clock import SimClock
from hotsite.sim.operations import SimResumes
from hotsite.sim.telemetry import SimCourier, SimErrorArchive, SimHotStore


def desk(held=(), **changes):
    made = Desk(SimHotStore(), SimErrorArchive(), SimCourier(), SimClock())
    origin = Origin("eu-west-1", hot_days=30)
    messages = [Telemetry(Key(epoch, seq), 1.0, "{}") for epoch, seq in held]
    made.hot.put(origin.arrivals("oven", messages, at_s=1.0))
    return replace(made, **changes)


def published(ask, thing="oven"):
    payload = ask if isinstance(ask, bytes) else encode(ask)
    return Published(thing, payload, 100.0)


def told(desk_):
    ((topic, payload),) = desk_.courier.told
    return topic, decode_answer(payload)


ASK = Ask(7, (Range(9, 1, 5), Range(8, 3, 4)))
HELD = [(9, 1), (9, 2), (9, 4), (8, 1), (8, 3), (8, 4), (9, 6)]


def test_device_is_told_what_is_there_and_nothing_beyond_its_question():
    site = desk(HELD, throttle_spread_s=100.0)
    resume(published(ASK), site)
    topic, answer = told(site)
    assert topic == "cmd/oven/resume"
    assert (answer.token, answer.throttle_spread_s) == (7, 100.0)
    assert vouched(ASK, answer) == {
        9: Intervals(((1, 2), (4, 4))),
        8: Intervals(((3, 4),)),
    }
    assert [holding.watermark for holding in answer.holdings] == [2, 4]


def test_thing_is_the_one_of_the_topic():
    site = desk(HELD)
    resume(published(ASK, thing="kettle"), site)
    topic, answer = told(site)
    assert topic == "cmd/kettle/resume"
    assert not any(vouched(ASK, answer).values())


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"token":1}',
        b'{"token":1,"ranges":[],"v":2}',
        b"[" * 9999,
    ],
)
def test_question_that_is_none_is_archived_and_not_answered(payload):
    site = desk(HELD)
    assert resume(published(payload), site) is None
    assert site.courier.told == []
    (refused,) = site.archive.waiting.values()
    assert (refused.topic, refused.payload) == ("dt/oven/resume", payload)
    assert refused.reason.startswith("resume: ")


def test_what_was_not_read_in_time_is_not_vouched_for():
    site = desk([(9, seq) for seq in range(1, 8)], budget=Budget(pages_max=2))
    ask = Ask(1, (Range(9, 1, 7), Range(8, 1, 7)))
    resume(published(ask), site)
    _, answer = told(site)
    assert vouched(ask, answer) == {9: Intervals(((1, 6),))}


def test_slow_store_ends_reading_and_not_the_answer():
    site = desk([(9, seq) for seq in range(1, 8)])
    site.hot.on_call = lambda: site.clock.sleep(1.5)
    ask = Ask(1, (Range(9, 1, 7), Range(8, 1, 7)))
    resume(published(ask), site)
    _, answer = told(site)
    assert vouched(ask, answer) == {9: Intervals(((1, 6),))}


@pytest.mark.parametrize("port", ["hot", "courier"])
def test_silent_port_fails_the_attempt_and_again_answers(port):
    site = desk(HELD)
    getattr(site, port).is_reachable = False
    with pytest.raises(UnreachableError):
        resume(published(ASK), site)
    assert site.courier.told == []
    getattr(site, port).is_reachable = True
    resume(published(ASK), site)
    assert told(site)[1].token == 7


def test_guard_learns_who_came_and_not_who_asked_nonsense():
    notes = SimResumes(SimClock())
    resume(published(ASK), desk(HELD, notes=notes))
    resume(published(b"{", thing="kettle"), desk(HELD, notes=notes))
    assert notes.count(120.0) == 1


def test_guard_learns_whom_another_region_did_not_let_in():
    notes = SimResumes(SimClock())
    site = desk(HELD, notes=notes, region="eu-west-1")
    failed = (Failed("x.iot.eu-central-1.amazonaws.com", 3),)
    resume(published(replace(ASK, failed=failed)), site)
    resume(published(ASK, thing="kettle"), site)
    assert (notes.count(120.0), notes.turned_away(120.0)) == (2, 1)


def test_device_is_answered_though_its_coming_could_not_be_noted():
    notes = SimResumes(SimClock(), is_reachable=False)
    site = desk(HELD, notes=notes)
    resume(published(ASK), site)
    assert told(site)[0] == "cmd/oven/resume"
