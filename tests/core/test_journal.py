import json
import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.sample_journal import journal

from hotsite.core.books import DeviceReported, StoreHeld
from hotsite.core.churn import (
    CertificateTried,
    DeviceFound,
    RegionSwept,
    RegistryChanged,
    SiteReturned,
)
from hotsite.core.course import (
    DeviceSilent,
    OperationEnded,
    OperationTold,
    OutageBegan,
    OutageEnded,
    SiteAwaited,
    SiteSpoke,
)
from hotsite.core.foreseen import DrillForecast
from hotsite.core.hardship import PowerCut, PowerRestored, SiteSick
from hotsite.core.intervals import Intervals
from hotsite.core.journal import (
    DeviceUnconnectable,
    DnsAnswered,
    DrillStarted,
    Event,
    Fact,
    FleetSampled,
    Note,
    Phase,
    PhaseStarted,
    decode,
    encode,
)
from hotsite.errors import InvalidInputError

NOTE = '{"at_s": 1, "world_s": 2, "kind": "note", "text": "x"}'


CHURN = {
    CertificateTried,
    DeviceFound,
    RegionSwept,
    RegistryChanged,
    SiteReturned,
}
HARDSHIP = {PowerCut, PowerRestored, SiteSick}
FORESEEN = {DrillForecast}
COURSE = {
    DeviceSilent,
    OperationEnded,
    OperationTold,
    OutageBegan,
    OutageEnded,
    SiteAwaited,
    SiteSpoke,
}


def test_a_whole_drill_survives_being_written_and_read():
    events = journal()
    kinds = {type(event.fact) for event in events}
    assert kinds == set(typing.get_args(Fact)) - {
        DeviceUnconnectable,
        *CHURN,
        *HARDSHIP,
        *FORESEEN,
        *COURSE,
    }
    assert [decode(encode(event)) for event in events] == events


@pytest.mark.no_cover
@given(st.text(), st.text())
def test_any_text_stays_on_its_line(thing, reason):
    event = Event(1.5, 2.25, DeviceUnconnectable(thing, "eu-west-1", reason))
    line = encode(event)
    assert "\n" not in line
    assert decode(line + "\n") == event


@pytest.mark.parametrize(
    ("event", "wanted"),
    [
        (
            Event(1.23456, 1790000000.00049, PhaseStarted(Phase.STAY_HEALTHY)),
            {
                "at_s": 1.235,
                "world_s": 1790000000.0,
                "kind": "phase_started",
                "phase": "stay_healthy",
            },
        ),
        (
            Event(0.0, 1.0, DnsAnswered("iot.hotsite.test", None)),
            {
                "at_s": 0.0,
                "world_s": 1.0,
                "kind": "dns_answered",
                "name": "iot.hotsite.test",
                "region": None,
            },
        ),
        (
            Event(
                3.0,
                4.0,
                DeviceReported(
                    "t",
                    1,
                    published=Intervals.from_pairs([(1, 9)]),
                    acknowledged=Intervals.from_pairs([(1, 3), (6, 9)]),
                    acknowledged_before_fault=Intervals(),
                    dropped=0,
                ),
            ),
            {
                "at_s": 3.0,
                "world_s": 4.0,
                "kind": "device_reported",
                "thing": "t",
                "epoch": 1,
                "published": [[1, 9]],
                "acknowledged": [[1, 3], [6, 9]],
                "acknowledged_before_fault": [],
                "dropped": 0,
            },
        ),
    ],
)
def test_a_line_says_time_kind_and_facts_in_this_order(event, wanted):
    line = json.loads(encode(event))
    assert list(line.items()) == list(wanted.items())


def test_the_first_line_carries_machine_objectives_and_versions():
    line = json.loads(encode(journal()[0]))
    assert line["machine"].keys() == {"cpus", "memory_bytes", "system"}
    assert line["objectives"] == {
        "rto_s": 60.0,
        "rpo_messages": 0,
        "puback_loss_min": 0,
        "power_cuts_min": 0,
    }
    assert line["versions"]["hotsite"] == "0.1.0"
    assert decode(encode(journal()[0])).fact.__class__ is DrillStarted


def test_a_figure_that_was_not_measured_stays_none():
    sample = FleetSampled({"eu-west-1": 2}, 0, 0, 0, 0, None)
    assert decode(encode(Event(1, 2, sample))).fact == sample


def test_a_number_that_is_not_finite_is_refused():
    sample = FleetSampled({}, 0, 0, 0, 0, float("nan"))
    with pytest.raises(InvalidInputError, match="not finite"):
        encode(Event(1, 2, sample))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "j:3: not a line of JSON"),
        ('{"at_s": 1', "j:3: not a line of JSON"),
        ("[1]", "j:3: not a JSON object"),
        (NOTE.replace("1,", "NaN,"), "NaN is not JSON"),
        (NOTE.replace('"at_s": 1, ', ""), "j:3: at_s must be a number, not None"),
        (NOTE.replace('"note"', '"rumour"'), "j:3: unknown kind 'rumour'"),
        (NOTE.replace('"note"', "[1]"), r"j:3: unknown kind \[1\]"),
        (NOTE.replace('"text"', '"texts"'), "j:3: note: unknown key 'texts'"),
        (NOTE.replace(', "text": "x"', ""), "j:3: note: text is missing"),
        (NOTE.replace('"x"', "7"), "j:3: note: text must be a string, not 7"),
    ],
)
def test_a_malformed_line_is_never_empty(line, message):
    with pytest.raises(InvalidInputError, match=message):
        decode(line, where="j:3")


@pytest.mark.parametrize(
    "held", ["7", "[7]", "[[1, 2, 3]]", '[[1, "2"]]', "[[2, 1]]", "[[1, true]]"]
)
def test_intervals_that_are_none_are_refused(held):
    fact = StoreHeld("eu-west-1", "end", "t", 0, Intervals(), 0)
    line = encode(Event(1, 2, fact)).replace('"held": []', f'"held": {held}')
    with pytest.raises(InvalidInputError):
        decode(line)


def test_a_mapping_that_is_none_is_refused():
    line = encode(Event(1, 2, FleetSampled({}, 0, 0, 0, 0, None)))
    with pytest.raises(InvalidInputError, match="connected must be a table"):
        decode(line.replace("{}", "[]"))


def test_a_note_is_read():
    assert decode(NOTE) == Event(1.0, 2.0, Note("x"))
