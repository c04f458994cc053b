import io
import itertools

import pytest
from tests.sample_journal import STANDBY, Paper, event, journal

from hotsite.core.journal import DeviceUnconnectable, FleetSampled
from hotsite.faces.render.progress import (
    LineProgress,
    LiveProgress,
    fleet_line,
    progress,
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


def shown(view, events):
    with view:
        for item in events:
            view.event(item)


@pytest.fixture
def lines():
    stream = io.StringIO()
    shown(LineProgress(stream), journal())
    return stream.getvalue().splitlines()


def test_each_phase_and_notable_event_is_one_line(lines):
    text = "\n".join(lines)
    for phase in ("onboard", "prove", "steady", "fault", "recover", "collect"):
        assert sum(line.endswith(f"phase: {phase}") for line in lines) == 1
    assert "   34.0 s  eu-central-1 was killed" in text
    assert "   45.1 s  eu-central-1 is unhealthy" in text
    assert "   46.4 s  iot.hotsite.test answers eu-west-1" in text
    assert lines[-1] == "   78.0 s  drill ended: done"


def test_samples_are_at_most_one_in_five_seconds(lines):
    times = [float(line[:7]) for line in lines if "connected:" in line]
    assert len(times) > 5
    assert all(b - a >= 5 for a, b in itertools.pairwise(times))


def test_lines_do_not_grow_with_the_fleet(lines):
    stream = io.StringIO()
    shown(LineProgress(stream), journal(Paper(devices=200)))
    assert len(stream.getvalue().splitlines()) == len(lines)


def test_a_device_that_cannot_connect_is_a_line():
    stream = io.StringIO()
    view = LineProgress(stream)
    view.event(event(1.0, DeviceUnconnectable("oven-1", STANDBY, "refused")))
    assert stream.getvalue() == (
        "    1.0 s  oven-1 cannot connect in eu-west-1: refused\n"
    )


def test_a_lag_that_was_not_measured_is_unknown():
    line = fleet_line(FleetSampled({}, 3, 0, 0, 0, None))
    assert line == ("connected: none; offline 3; backlog 0; replication lag unknown")


def test_a_terminal_gets_a_live_view_and_a_pipe_gets_lines():
    assert isinstance(progress(Terminal()), LiveProgress)
    assert isinstance(progress(io.StringIO()), LineProgress)


def test_the_live_view_ends_with_the_whole_fleet_recovered(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    shown(progress(stream), journal())
    text = stream.getvalue()
    assert "recovered" in text
    assert "drill ended: done" in text
    assert "44 s since fault" in text


def test_the_live_view_survives_a_drill_that_began_in_the_middle():
    stream = Terminal()
    shown(LiveProgress(stream), journal()[200:])
    assert "eu-west-1" in stream.getvalue()
