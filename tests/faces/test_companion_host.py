"""What serves the companion app to people, written by the command line."""

import json

import pytest

from hotsite.faces.cli.main import main

CONFIG = {
    "api": "https://api.fleet.example.com",
    "sign_in": {
        "authorization_endpoint": "https://auth.example.com/oauth2/authorize",
        "token_endpoint": "https://auth.example.com/oauth2/token",
        "client_id": "app",
        "scope": "devices:write",
    },
}


@pytest.fixture
def told(tmp_path):
    """Write the files and return how to ask; hotsite.toml has what is given."""

    def words(*, settings="", config=CONFIG):
        file, given = tmp_path / "hotsite.toml", tmp_path / "config.json"
        file.write_text(f'domain = "fleet.example.com"\n{settings}')
        given.write_text(json.dumps(config))
        flags = ("--config", given, "--settings", file, "--out", tmp_path / "app")
        return ["companion", "host", *map(str, flags)]

    return words


def test_template_and_files_are_written_with_the_config_among_them(
    told, tmp_path, capsys
):
    assert main([*told(), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    site = tmp_path / "app" / "site"
    assert said == {"template": str(tmp_path / "app/template.json"), "site": str(site)}
    served = json.loads((site / "config.json").read_text())
    assert served["sign_in"] == CONFIG["sign_in"]
    assert (site / "index.html").is_file()
    template = (tmp_path / "app" / "template.json").read_text()
    assert "connect-src 'self' https://api.fleet.example.com" in template


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"settings": '[app]\norigins = ["https://x.example.com"]\n'},
            "lacks https://app.fleet.example.com",
        ),
        (
            {"config": {**CONFIG, "api": "https://api.example.com"}},
            "api must be https://api.fleet.example.com",
        ),
        ({"config": {}}, "sign_in: must be an object"),
    ],
)
def test_what_would_not_work_is_one_line_and_nothing_is_written(
    told, tmp_path, capsys, changes, line
):
    assert main(told(**changes)) == 2
    said = capsys.readouterr()
    assert line in said.err
    assert said.out == ""
    assert not (tmp_path / "app").exists()
