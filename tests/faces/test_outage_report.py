"""An outage is rendered as a drill is: from its journal alone, and nothing is lost."""

import json

import pytest
from tests.core.test_outage import DEATH, REGIONS, RETURN, gather, operator

from hotsite.adapters import outage_journal
from hotsite.core.operations import Entry
from hotsite.errors import InvalidInputError
from hotsite.faces.cli.main import main
from hotsite.faces.render import outage as render

LINES = (
    *DEATH,
    operator("b", 300, "paused", "<script>alert(1)</script> & more"),
    *RETURN,
)


def run(capsys, *arguments):
    code = main([str(one) for one in arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def written(folder, found):
    folder.mkdir(exist_ok=True)
    text = "\n".join(outage_journal.lines(found)) + "\n"
    (folder / "journal.jsonl").write_text(text)
    return folder


@pytest.mark.parametrize(
    "found",
    [gather(LINES), gather("no answer", LINES), gather(())],
    ids=["whole", "gap", "empty"],
)
def test_journal_is_read_back_whole_and_rendered_from_itself(tmp_path, capsys, found):
    folder = written(tmp_path / "outage", found)
    assert outage_journal.read(folder / "journal.jsonl") == found
    code, out, _ = run(capsys, "report", folder)
    assert code == 0
    assert out == render.text(found)
    assert (folder / "report.html").read_text() == render.html(found)


def test_text_says_who_decided_and_how_long_nobody_was_active():
    text = render.text(gather(LINES))
    assert text.startswith(
        "The fleet's site changed once; eu-west-1 is active, by guard of b."
    )
    for said in ("Nobody active", "23.0 s", "at most 130.0 s", "a does not answer"):
        assert said in text


def test_page_escapes_what_operators_wrote_and_needs_nothing_from_outside():
    page = render.html(gather(LINES))
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")
    assert page.count("<svg") == 2


def test_gap_is_in_the_banner():
    page = render.html(gather("no answer", LINES))
    assert "eu-central-1 does not answer" in page
    assert 'class="fail"' in page


@pytest.mark.parametrize(
    "length_s", [10, 1000, 20_000, 900_000], ids=["s", "min", "h", "days"]
)
def test_timeline_of_any_length_has_few_ticks(length_s):
    lines = (DEATH[0], Entry(DEATH[0].at_s + length_s, "b", "ann", "resumed", ""))
    page = render.html(gather(lines, now_s=length_s + 100.0))
    assert page.count('class="tick"') < 80


def test_json_has_every_line(tmp_path, capsys):
    folder = written(tmp_path / "outage", gather(LINES))
    document = json.loads(run(capsys, "report", folder, "--json")[1])
    assert document["regions"] == REGIONS
    assert [one["what"] for one in document["lines"]] == [one.what for one in LINES]
    assert document["epochs"][0]["active"] == "b"
    assert document["figures"]["is_two_bound"] is True


HEAD = {"kind": "outage", "since_s": 1, "read_at_s": 2, "regions": {}, "silent": {}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps({"kind": "outage"}), "is missing"),
        (json.dumps({**HEAD, "schema": 2}), "schema 2 is not 1"),
        (json.dumps({**HEAD, "schema": 1}) + "\nnonsense", "jsonl:2: is not JSON"),
        (json.dumps({**HEAD, "schema": 1}) + "\n[]", "jsonl:2: must be a table"),
    ],
)
def test_journal_that_makes_no_sense_is_one_clear_line(tmp_path, text, message):
    path = tmp_path / "journal.jsonl"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        outage_journal.read(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report"], "a folder with a journal, or --outage"),
        (["report", "x", "--outage"], "without DIR"),
        (["report", "--outage", "--since", "noon", "--local"], "--since noon"),
        (["report", "--outage", "--since", "2y", "--local"], "--since 2y"),
    ],
)
def test_wrong_usage_is_one_clear_line(
    capsys, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, *arguments)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1


def test_regions_that_do_not_answer_are_exit_code_three(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hotsite.toml").write_text('domain = "fleet.example.com"\n')
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.73.9:1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    code, _, err = run(capsys, "report", "--outage")
    assert code == 3
    assert "Traceback" not in err
