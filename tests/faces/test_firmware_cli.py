"""Signing firmware from the command line."""

import json
import shutil

import pytest
from tests.firmware_world import Device

from hotsite.core.firmware import Reason
from hotsite.faces.cli.main import main

BINARY = b"firmware of a test" * 100


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Keys and an empty repository, made once: encrypting keys takes its time."""
    folder = tmp_path_factory.mktemp("firmware")
    (folder / "root.txt").write_text("the root's own passphrase\n")
    (folder / "online.txt").write_text("passphrase of the service\n")
    (folder / "app.bin").write_bytes(BINARY)
    assert main(["firmware", "init", str(folder / "made"), *phrases(folder)]) == 0
    return folder


@pytest.fixture
def work(made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def phrases(folder):
    return [
        "--passphrase-file",
        f"root={folder / 'root.txt'}",
        "--passphrase-file",
        str(folder / "online.txt"),
    ]


def sign(*more, version="1.1.0", counter="2"):
    image = ["app.bin", "--model", "HS-1", "--version", version]
    counted = ["--security-counter", counter, "--min-from", "1.0.0"]
    given = ["--passphrase-file", "online.txt"]
    return main(["firmware", "sign", "made", *image, *counted, *given, *more])


def test_keys_are_encrypted_readable_by_one_and_three_for_the_root(work):
    found = sorted((work / "made" / "keys").iterdir())
    assert [path.name for path in found] == [
        "root-1.pem",
        "root-2.pem",
        "root-3.pem",
        "snapshot-1.pem",
        "targets-1.pem",
        "timestamp-1.pem",
    ]
    for path in found:
        assert path.stat().st_mode & 0o077 == 0
        assert "BEGIN ENCRYPTED PRIVATE KEY" in path.read_text()
    root = json.loads((work / "made" / "root.json").read_text())["signed"]
    assert root["roles"]["root"]["threshold"] == 2


def test_what_is_signed_is_what_a_device_takes(work, capsys):
    assert sign("--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["images"][0]["version"] == "1.1.0"
    assert told["signed"]["timestamp"]["version"] == 2
    assert told["warnings"] == []
    device = Device(work / "device", (work / "made" / "root.json").read_bytes())
    now_s = float(told["images"][0]["built_at_s"])
    assert device.update(work / "made" / "repository", now_s) is Reason.TAKEN
    assert device.finish().model == "HS-1"


def test_signing_anew_needs_no_targets_key(work):
    assert sign() == 0
    (work / "made" / "keys" / "targets-1.pem").unlink()
    given = ["--passphrase-file", "online.txt"]
    assert main(["firmware", "sign", "made", *given]) == 0
    assert main(["firmware", "verify", "made"]) == 0


def test_an_image_is_withdrawn(work, capsys):
    sign()
    given = ["--passphrase-file", "online.txt", "--json"]
    name = "hs-1/hs-1-1.1.0.bin"
    capsys.readouterr()
    assert main(["firmware", "sign", "made", "--withdraw", name, *given]) == 0
    assert json.loads(capsys.readouterr().out)["images"] == []
    assert main(["firmware", "sign", "made", "--withdraw", name, *given]) == 2


@pytest.mark.parametrize("key", ["targets-1", "timestamp-1", "root-2"])
def test_two_root_keys_replace_any_key(work, capsys, key):
    sign()
    roots = ["--root-key", "made/keys/root-1.pem", "--root-key", "made/keys/root-3.pem"]
    capsys.readouterr()
    assert main(["firmware", "rotate", "made", key, *roots, *phrases(work)]) == 0
    assert "root       version 2" in capsys.readouterr().out
    assert sign(version="1.2.0") == 0


def test_the_root_is_renewed_without_a_new_key(work):
    roots = ["--root-key", "made/keys/root-1.pem", "--root-key", "made/keys/root-2.pem"]
    assert main(["firmware", "rotate", "made", *roots, *phrases(work)]) == 0
    assert (work / "made" / "repository" / "metadata" / "2.root.json").exists()


@pytest.mark.parametrize("count", [1, 2])
def test_one_root_key_is_not_enough_even_twice(work, capsys, count):
    roots = ["--root-key", "made/keys/root-1.pem"] * count
    code = main(["firmware", "rotate", "made", "targets-1", *roots, *phrases(work)])
    assert code == 2
    assert "1 of the given --root-key sign this root" in capsys.readouterr().err
    assert len(list((work / "made" / "keys").iterdir())) == 6


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["init", "made"], "is there already"),
        (["sign", "nowhere"], "no repository; run: hotsite firmware init"),
        (["sign", "made", "app.bin"], "an image needs --model"),
        (["sign", "made"], "no passphrase for snapshot-1"),
        (["sign", "made", "--passphrase-file", "none.txt"], "none.txt"),
        (["sign", "made", "--passphrase-file", "root.txt"], "not opened by this"),
        (["verify", "nowhere"], "no repository"),
    ],
)
def test_wrong_input_is_one_line_and_changes_nothing(work, capsys, arguments, says):
    before = sorted(work.rglob("*"))
    assert main(["firmware", *arguments]) == 2
    assert says in capsys.readouterr().err
    assert sorted(work.rglob("*")) == before


def test_wrong_images_are_refused_before_anything_is_signed(work, capsys):
    assert sign(version="1.1") == 2
    assert sign(counter="-1") == 2
    assert sign() == 0
    assert sign(version="1.2.0", counter="1") == 2
    assert "whoever runs it would refuse this one" in capsys.readouterr().err
    (work / "app.bin").write_bytes(b"other")
    assert sign() == 2
    assert "a version is made once" in capsys.readouterr().err
    assert main(["firmware", "verify", "made"]) == 0


def test_short_passphrases_make_no_keys(work, capsys):
    (work / "short.txt").write_text("short\n")
    given = ["--passphrase-file", "short.txt"]
    assert main(["firmware", "init", "other", *given]) == 2
    assert "12 characters or more" in capsys.readouterr().err
    assert not (work / "other").exists()
    assert list(work.glob(".making-*")) == []


def test_expiry_follows_the_settings_and_is_refused_if_it_cannot_hold(work, capsys):
    main(["init", "."])
    text = (work / "hotsite.toml").read_text()
    (work / "hotsite.toml").write_text(text + "\n[firmware]\nsigning_rto_h = 300\n")
    assert main(["firmware", "sign", "made", "--passphrase-file", "online.txt"]) == 2
    assert "has to outlive" in capsys.readouterr().err
    long = "timestamp_days = 20\nsnapshot_days = 20\nsigning_rto_h = 300\n"
    (work / "hotsite.toml").write_text(f"{text}\n[firmware]\n{long}")
    # What was signed with seven days does not last 324 h: it is said, with code 1.
    assert main(["firmware", "verify", "made"]) == 1
    assert "timestamp expires in 168 h" in capsys.readouterr().err
    assert main(["firmware", "sign", "made", "--passphrase-file", "online.txt"]) == 0
    assert main(["firmware", "verify", "made"]) == 0


def test_a_key_file_that_lies_about_itself_is_refused(work, capsys):
    path = work / "made" / "keys" / "timestamp-1.pem"
    other = (work / "made" / "keys" / "snapshot-1.pem").read_text().partition("\n")[2]
    head = path.read_text().partition("\n")[0]
    path.write_text(f"{head}\n{other}")
    assert main(["firmware", "sign", "made", "--passphrase-file", "online.txt"]) == 2
    assert "another key than it says" in capsys.readouterr().err
