"""``hotsite telemetry query`` without any cloud: usage, times, words, shapes."""

import pytest
from tests.faces.test_registry_cli import run

from hotsite.core.intervals import Intervals
from hotsite.core.outbox import Key
from hotsite.core.series import Row, gaps
from hotsite.errors import InvalidInputError
from hotsite.faces.cli.moments import moment, span
from hotsite.faces.render import series
from hotsite.faces.render.times import shown
from hotsite.flows.telemetry_query import COLD, HOT, Read, Series

A, B = "eu-central-1", "eu-west-1"
NOW_S = 1_764_322_200.0


@pytest.mark.parametrize(
    ("text", "at_s"),
    [
        ("now", NOW_S),
        ("-15m", NOW_S - 900),
        ("-1.5h", NOW_S - 5400),
        ("-2d", NOW_S - 172_800),
        ("2025-11-28T09:30:00Z", NOW_S),
        ("2025-11-28t09:30:00z", NOW_S),
        ("2025-11-28 10:30:00.25+01:00", NOW_S + 0.25),
    ],
)
def test_a_moment_is_rfc_3339_or_back_from_now(text, at_s):
    assert moment(text, flag="--from", now_s=NOW_S) == at_s


@pytest.mark.parametrize(
    "text",
    [
        *("", "-", "15m", "-15", "-m", "-1w", "--1h", "-1e9h", "yesterday"),
        *("2025-11-28", "2025-11-28T09:30:00", "2025-13-28T09:30:00Z"),
        *("2025-11-28T25:30:00Z", "20251128T093000Z", "-99999999999999d"),
    ],
)
def test_what_is_no_moment_is_refused_in_one_line(text):
    with pytest.raises(InvalidInputError, match=r"^--from") as refused:
        moment(text, flag="--from", now_s=NOW_S)
    assert "\n" not in str(refused.value)


def test_a_span_has_a_unit():
    assert span("24h", flag="--late") == 86_400
    with pytest.raises(InvalidInputError, match="--late 24: not a span"):
        span("24", flag="--late")


def test_a_moment_is_shown_in_utc_and_a_mad_clock_as_it_is():
    assert shown(NOW_S + 0.1234) == "2025-11-28T09:30:00.123Z"
    assert shown(1e17) == "1e+17 s"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "soon"], "--from soon: neither RFC 3339"),
        (["--to", "-15"], "--to -15: not a span of time"),
        (["--from", "-1h", "--to", "-2h"], "--from -1h: after --to -2h"),
        (["--limit", "0"], "--limit 0: 1 or more"),
        (["--late", "1"], "--late 1: not a span"),
        (["--local", "--config", "x.toml"], "--local is a world of its own"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(capsys, arguments, message):
    code, out, err = run(capsys, "telemetry", "query", "oven-1", *arguments)
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert message in err


def test_help_shows_examples_and_the_worlds(capsys):
    code, out, _ = run(capsys, "telemetry", "query", "--help")
    assert code == 0
    for word in ("examples:", "--config", "--aws-profile", "--local", "exit codes:"):
        assert word in out


def test_without_a_cloud_it_says_so(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, "telemetry", "query", "oven-1", "--local", "none")
    assert code == 3
    assert "no local cloud is up" in err


# Words and shapes.

ROWS = (
    Row("oven", Key(7, 1), NOW_S, '{"t":21}', A, NOW_S + 0.5),
    Row("oven", Key(7, 4), NOW_S + 1, '{"t":22}'),
    Row("oven", Key(8, 1), NOW_S + 2, "not json", B, NOW_S + 3),
)
READS = (
    Read(HOT, A, failure="connection refused"),
    Read(HOT, B, 2, 1),
    Read(COLD, A, failure="connection refused"),
    Read(COLD, B, failure="no such bucket"),
)
SERIES = Series(ROWS, gaps(ROWS), READS)


def test_people_see_a_line_a_message_and_the_gaps():
    assert list(series.lines(SERIES)) == [
        "published                 epoch  seq  origin        data",
        '2025-11-28T09:30:00.000Z  7      1    eu-central-1  {"t":21}',
        '2025-11-28T09:30:01.000Z  7      4    -             {"t":22}',
        "2025-11-28T09:30:02.000Z  8      1    eu-west-1     not json",
        "3 messages",
        "epoch 7: 2 missing: 2-3",
        "epoch 8: no gap",
    ]


def test_long_gap_lists_are_cut_and_counted():
    missing = Intervals(tuple((n, n) for n in range(2, 62, 2)))
    (line,) = list(series.lines(Series((), {7: missing}, ())))[2:]
    assert line.startswith("epoch 7: 30 missing: 2, 4,")
    assert line.endswith("40, …")


def test_the_reader_is_told_who_answered_and_what_may_be_missing():
    assert list(series.remarks(SERIES)) == [
        "hot: eu-central-1 does not answer: connection refused",
        "hot: eu-west-1 answered, 2 rows, 1 unreadable",
        "cold: eu-central-1 does not answer: connection refused",
        "cold: eu-west-1 does not answer: no such bucket",
        (
            "hot: what arrived in eu-central-1 and was not replicated before may"
            " be missing"
        ),
        "cold: no site answered; what only it holds is missing",
    ]


def test_programs_get_one_document():
    found = series.document(SERIES)
    assert [m["data"] for m in found["messages"]] == [{"t": 21}, {"t": 22}, "not json"]
    assert found["messages"][1]["origin"] is None
    summary = found["summary"]
    assert summary["count"] == 3
    assert summary["first"] == {"epoch": 7, "seq": 1, "published_at_s": NOW_S}
    assert summary["gaps"] == {"7": [(2, 3)], "8": []}
    assert [s["error"] for s in summary["sources"]][:2] == ["connection refused", None]
    assert series.document(Series((), {}, ()))["summary"]["first"] is None
