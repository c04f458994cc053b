"""``hotsite claims`` where no Region is needed; the app developers' page has more."""

import json

import pytest

from hotsite.faces.cli.main import main


def run(capsys, *arguments):
    code = main(["claims", *map(str, arguments)])
    said = capsys.readouterr()
    return code, said.out, said.err


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("list.txt", "id,secret\n", "must end in .csv or .jsonl"),
        ("list.csv", "id,secret\na b,s\n", "list.csv:2: id must be"),
        ("list.jsonl", "{}\n", "list.jsonl:1: needs either secret"),
    ],
)
def test_wrong_list_is_one_clear_line_before_any_region_is_asked(
    capsys, tmp_path, name, text, message
):
    path = tmp_path / name
    path.write_text(text)
    code, out, err = run(capsys, "import", path, "--local", "no-such-cloud")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert message in err


def test_list_that_is_missing_or_no_text_is_told(capsys, tmp_path):
    code, _, err = run(capsys, "import", tmp_path / "none.csv")
    assert (code, "No such file" in err) == (2, True)
    path = tmp_path / "bytes.csv"
    path.write_bytes(b"id,secret\n\xff,x\n")
    code, _, err = run(capsys, "import", path)
    assert (code, "is not UTF-8 text" in err) == (2, True)


def test_dry_run_checks_the_list_and_asks_nobody(capsys, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("id,secret\noven-1,a-secret-of-the-label\n")
    code, out, _ = run(capsys, "import", path, "--dry-run", "--json")
    document = json.loads(out)
    assert (code, document["claims"], document["added"]) == (0, 1, 0)
    assert "a-secret-of-the-label" not in out


@pytest.mark.parametrize(
    "arguments", [["show", "a/b"], ["audit", ""], ["list", "--limit", "0"]]
)
def test_question_that_cannot_be_is_refused(capsys, arguments):
    code, _, err = run(capsys, *arguments, "--local", "no-such-cloud")
    assert (code, err.count("\n")) == (2, 1)
