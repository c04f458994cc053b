"""The commands of the registry without any cloud: usage, codes, words, shapes."""

import json

import pytest

from hotsite.core.drift import Cause, Drift, Finding
from hotsite.core.progress import Progress
from hotsite.core.replication_status import Failure, ReplicationStatus
from hotsite.core.seeding import LeftOut, SeedReport
from hotsite.core.sweeping import Mode, Report
from hotsite.errors import RefusedError, UnreachableError
from hotsite.faces.cli.main import main
from hotsite.faces.cli.seed import joined
from hotsite.faces.cli.verify import code
from hotsite.faces.cli.work import duration_text, progress_text
from hotsite.faces.render import registry
from hotsite.flows.redrive import Redriven
from hotsite.flows.sweep import SweepProgress

A, B = "eu-central-1", "eu-west-1"
COMMANDS = {
    "seed": ["--from", "a"],
    "verify": [],
    "status": [],
    "redrive": [],
    "revoke": ["oven-1"],
}
SETTINGS = 'domain = "fleet.example.com"\n'


def run(capsys, *arguments):
    try:
        found = main([str(argument) for argument in arguments])
    except SystemExit as stop:
        found = stop.code
    said = capsys.readouterr()
    return found, said.out, said.err


# Usage.


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples_and_the_worlds(capsys, command):
    found, out, _ = run(capsys, command, "--help")
    assert found == 0
    assert f"examples:\n  hotsite {command}" in out
    for flag in ("--config", "--aws-profile", "--local", "--json"):
        assert flag in out


@pytest.mark.parametrize("command", ["verify", "status", "redrive", "seed"])
def test_help_says_what_each_exit_code_means(capsys, command):
    assert "exit codes:\n  0 " in run(capsys, command, "--help")[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "--restore"], "--restore changes IoT Core: add --repair"),
        (["verify", "--sample", "0"], "--sample 0: 1 or more"),
        (["verify", "--sample", "9", "--resume"], "no place to --resume"),
        (["verify", "--wait", "-1"], "--wait -1: 0 seconds or more"),
        (["verify", "--delete-limit", "9"], "for one Region: add --region"),
        (["verify", "--delete-limit", "-1", "--region", "a"], "-1: 0 or more"),
        (
            ["verify", "--repair", "--restore", "--delete-limit", "9", "--region", "a"],
            "--delete-limit is for one list: not --restore",
        ),
        (
            ["verify", "--delete-limit", "9", "--region", "a", "--sample", "9"],
            "--delete-limit is for one list: not --sample",
        ),
        (
            [
                "verify",
                "--repair",
                "--delete-limit",
                "9",
                "--region",
                "a",
                "--wait",
                "60",
            ],
            "--delete-limit is for one list: not --wait",
        ),
        (["verify", "--region", "c", "--config", "hotsite.toml"], "no site 'c'"),
        (["seed", "--from", "a", "--workers", "0"], "--workers 0: 1 to 16"),
        (["seed", "--from", "mars", "--config", "hotsite.toml"], "a (eu-central-1)"),
        (["status", "--names", "-1"], "--names -1: 0 or more"),
        (["revoke", "oven-1", "--certificate", "A1"], "64 hex digits"),
        (["redrive", "--local", "--config", "hotsite.toml"], "without --config"),
        (["status", "--config", "nowhere.toml"], "nowhere.toml: No such file"),
        (["status", "--aws-profile", "nobody"], "--aws-profile"),
    ],
)
def test_wrong_input_is_one_clear_line_and_exit_code_two(
    capsys, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hotsite.toml").write_text(SETTINGS)
    found, out, err = run(capsys, *arguments)
    assert found == 2
    assert out == ""
    assert err.startswith("hotsite: ")
    assert err.count("\n") == 1
    assert message in err


def test_watching_is_for_people(capsys):
    found, out, _ = run(capsys, "status", "--watch", "--json")
    assert found == 2
    assert "--watch is for people" in json.loads(out)["error"]["message"]


@pytest.mark.parametrize("command", COMMANDS)
def test_local_cloud_that_is_not_up_is_told_and_may_be_retried(
    capsys, tmp_path, monkeypatch, command
):
    monkeypatch.chdir(tmp_path)
    found, out, err = run(capsys, command, *COMMANDS[command], "--local", "x", "--json")
    assert found == 3
    assert "no local cloud is up in .hotsite/x" in err
    assert json.loads(out)["error"]["kind"] == "NotReadyError"


@pytest.mark.parametrize("command", COMMANDS)
def test_regions_that_do_not_answer_are_exit_code_three(
    capsys, tmp_path, monkeypatch, command
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hotsite.toml").write_text(SETTINGS)
    # Port 1 of a loopback address of our own: nobody listens there.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.73.9:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    found, out, err = run(capsys, command, *COMMANDS[command], "--json")
    assert found == 3
    assert json.loads(out)
    assert "Traceback" not in err


# Exit codes.


def progress_of(report):
    return SweepProgress(Progress("done", 1), report, is_complete=True)


EQUAL = progress_of(Report(Mode.REPORT, 1.0))
DRIFTED = progress_of(Report(Mode.REPORT, 1.0, drift_counts={"outside change": 1}))
UNFINISHED = progress_of(Report(Mode.ADOPT, 1.0, pending=1))
FORETOLD = progress_of(Report(Mode.REPORT, 1.0, refused=("60 deletions",)))
REFUSED = progress_of(Report(Mode.ADOPT, 1.0, refused=("60 deletions",)))
SILENT = UnreachableError("no answer")


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (EQUAL, EQUAL, 0),
        (EQUAL, DRIFTED, 1),
        (UNFINISHED, EQUAL, 1),
        # A report refuses nothing: it says what a repair would refuse.
        (FORETOLD, EQUAL, 1),
        (EQUAL, REFUSED, 2),
        (DRIFTED, REFUSED, 2),
        (SILENT, EQUAL, 3),
        (SILENT, DRIFTED, 3),
        (SILENT, REFUSED, 3),
        (RefusedError("no right"), SILENT, 2),
    ],
)
def test_exit_code_of_two_regions_is_the_more_urgent_one(a, b, expected):
    assert code({A: a, B: b}) == code({A: b, B: a}) == expected


# Words.


def test_status_is_a_line_a_region_and_a_failure_of_both_is_told_once():
    failure = Failure("thing#bad", "the certificate is not PEM")
    whole = ReplicationStatus(
        names=1200, applied=1199, failed=1, failures=(failure,), lag_p50_s=0.31
    )
    late = ReplicationStatus(
        names=1200,
        applied=1198,
        pending=1,
        pending_keys=("thing#oven-1",),
        oldest_pending_s=7.25,
        failed=1,
        failures=(failure,),
    )
    head, *rows, _, _, _, _ = lines = registry.status_text(
        {A: whole, B: late}
    ).splitlines()
    assert head.split("  ")[0] == "Region"
    assert head.endswith("pending  failed  lag p50  lag p99  oldest pending")
    assert [row.split() for row in rows] == [
        [A, "1,200", "1,199", "0", "1", "0.3", "s", "-", "-"],
        [B, "1,200", "1,198", "1", "1", "-", "-", "7.2", "s"],
    ]
    assert {len(line) for line in (head, *rows)} == {len(head)}
    assert lines[3:] == [
        "pending in eu-west-1:",
        "  thing#oven-1",
        "can never be applied in eu-central-1 and eu-west-1:",
        "  thing#bad: the certificate is not PEM",
    ]


def test_status_names_the_region_that_does_not_answer():
    text = registry.status_text({A: "connect timeout", B: ReplicationStatus()})
    assert "eu-central-1 does not answer: connect timeout" in text
    assert "eu-west-1" in text.splitlines()[1]
    assert registry.status_text({A: "x", B: "y"}).count("does not answer") == 2


def test_status_of_some_names_says_how_to_see_all():
    found = ReplicationStatus(names=1000, applied=1000, is_whole=False)
    assert "the first 1,000 names only; --names 0: all" in registry.status_text(
        {A: found}
    )


def test_names_of_any_length_stay_readable():
    failure = Failure("thing#" + "n" * 10_000, "r" * 10_000)
    found = ReplicationStatus(names=1, failed=1, failures=(failure,))
    assert max(map(len, registry.status_text({A: found}).splitlines())) < 500


def test_drift_is_told_by_cause_with_what_to_look_at():
    finding = Finding("thing#x", Drift.MISSING, Cause.OUTSIDE, "thing x is missing")
    report = Report(
        Mode.REPORT,
        1.0,
        looked_at=20,
        drift_counts={"outside change": 1},
        findings=(finding,),
        deletions=("thing#x",),
        deletion_counts={"thing": 1},
    )
    text = registry.sweep_text(A, report)
    assert text.startswith("eu-central-1: not equal to the record; 20 keys looked at")
    assert "  outside change: 1\n    thing x is missing\n" in text
    assert "would be deleted everywhere: 1\n    thing#x" in text


def test_list_of_deletions_is_whole_for_whoever_has_to_decide():
    names = tuple(f"thing#oven-{number}" for number in range(140))
    report = Report(Mode.REPORT, 1.0, deletions=names, deletion_counts={"thing": 140})
    whole = registry.sweep_text(A, report, is_listing=True)
    assert "deleted everywhere: 140\n" in whole
    assert all(f"    {name}\n" in f"{whole}\n" for name in names)
    assert "and 120 more" in registry.sweep_text(A, report)


def test_sample_says_what_it_proves_and_an_empty_one_that_it_proves_nothing():
    good = Report(Mode.REPORT, 1.0, looked_at=300)
    text = registry.sweep_text(A, good, sample=300)
    assert "with 95 % confidence, no more than 0.99 % of the recorded names" in text
    none = registry.sweep_text(A, Report(Mode.REPORT, 1.0), sample=300)
    assert "proves nothing" in none


def test_reports_of_workers_are_one_report():
    shared = LeftOut(1, ("c1",))
    one = SeedReport(5.0, ended_at_s=9.0, thing_done=3, written=4, shared=shared)
    two = SeedReport(4.0, ended_at_s=8.0, thing_done=2, known=7, shared=shared)
    both = joined([one, two])
    assert (both.begun_at_s, both.ended_at_s) == (4.0, 9.0)
    assert (both.thing_done, both.written, both.known) == (5, 4, 7)
    assert both.shared == shared
    assert registry.seed_text(A, both).splitlines() == [
        "eu-central-1: 5 things looked at in 5 s",
        "  4 records written, 7 known before",
        "  certificates of several things, not recorded: 1",
        "    c1",
    ]


def test_kept_batches_are_told_with_their_reason():
    found = (Redriven("one", is_deleted=True), Redriven("two", reason="is no batch"))
    assert registry.redriven_text(A, found).splitlines() == [
        "eu-central-1: 1 of 2 batches worked off",
        "  kept two: is no batch",
    ]


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (Progress("counting things", 0), "counting things"),
        (Progress("sample", 50, 50), "sample: 50 of 50"),
        (Progress("things", 1200, 9000, 60.0), "things: 1,200 of 9,000, 20.0/s"),
    ],
)
def test_progress_says_how_far_how_fast_how_long_and_why(found, text):
    assert progress_text(found) == text


def test_progress_names_the_quota_that_decides_how_long_it_takes():
    found = Progress("things", 10, 90_000, 1.0, 9000.0, "ListThings")
    text = progress_text(found)
    assert text.startswith("things: 10 of 90,000, 10.0/s, about 2 h 30 min left ")
    assert text.endswith("(the quota of ListThings decides)")


@pytest.mark.parametrize(
    ("duration_s", "text"),
    [(0.4, "0 s"), (59.9, "1 min 0 s"), (3600, "1 h 0 min"), (200_000, "2 d 7 h")],
)
def test_durations_are_told_as_people_do(duration_s, text):
    assert duration_text(duration_s) == text
