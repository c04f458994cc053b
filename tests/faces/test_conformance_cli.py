import pytest

from hotsite.core.conformance import Finding, Judgement, Report
from hotsite.faces.cli.main import main
from hotsite.faces.render import conformance as render


def finding(judgement, measured=31.07):
    return Finding(
        "notices",
        "Notices a Region that falls silent",
        judgement,
        "it tried anew 31.1 s after the Region fell silent",
        measured,
        45.0,
        "s",
        "" if judgement is Judgement.PASS else "Set the keep-alive to 30 s.",
    )


def report(*judgements):
    findings = tuple(finding(one) for one in judgements)
    return Report("dev", "hotsite conformance", "2 cores", "now", 300.0, findings)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "write the device's program behind --, or --wait without one"),
        (["--wait", "--", "true"], "or --wait without one"),
        (["--", "no-such-program"], "no-such-program: there is no such program"),
        (["--checks", "nsi", "--", "true"], "there is no check 'nsi'"),
        (["--time-limit", "0", "--", "true"], "--time-limit must be above 0"),
        (["--time-limit", "nan", "--", "true"], "--time-limit must be above 0"),
        (["--thing", "a/b", "--", "true"], "--thing"),
        (["--out", "FILE/x", "--", "true"], "--out"),
    ],
)
def test_wrong_usage_is_one_clear_line_and_exit_code_2(words, said, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    words = [word.replace("FILE", str(tmp_path / "file")) for word in words]
    if "--out" not in words:
        words = ["--out", str(tmp_path / "out"), *words]
    assert main(["conformance", *words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line


def test_report_says_verdict_figure_bound_and_what_to_do():
    failed = report(Judgement.FAIL)
    assert "fix: Set the keep-alive to 30 s." in render.text(failed)
    assert "0 passed, 1 failed, 0 not observed" in render.text(failed)
    page = render.markdown(failed)
    assert "| Notices a Region that falls silent | **fail** | it tried anew" in page
    assert "* `notices`: Set the keep-alive to 30 s." in page


def test_devices_stand_side_by_side_with_their_figures():
    both = [("agent", report(Judgement.PASS)), ("paho", report(Judgement.FAIL))]
    head, _, row, *_ = render.side_by_side(both).splitlines()
    assert head == "| check | agent | paho | bound |"
    assert row.endswith("| pass (31.1) | **fail** (31.1) | 45 s |")


@pytest.mark.parametrize(
    ("judgements", "is_pass"),
    [
        ((Judgement.PASS, Judgement.PASS), True),
        ((Judgement.PASS, Judgement.FAIL), False),
        ((Judgement.PASS, Judgement.NOT_OBSERVED), False),
    ],
)
def test_what_was_not_observed_is_not_passed(judgements, is_pass):
    assert report(*judgements).is_pass is is_pass
