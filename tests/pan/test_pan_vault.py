"""A device's directory, when the power goes at any moment, or the disk is full."""

import errno
import itertools
import json
import os

import pytest
from tests.pan.pan_world import DOMAIN, Authority, identity

from hotsite.adapters import pan_vault
from hotsite.adapters.pan_security import DeviceSecurity
from hotsite.adapters.pan_vault import DirectoryVault
from hotsite.core.provisioning import Staged, read_answer
from hotsite.errors import InvalidInputError, UnreachableError
from hotsite.faces.agent.config import read_agent

SECURITY, AUTHORITY = DeviceSecurity(), Authority()


def candidate(number):
    """Return what a phone brings, for a key of its own."""
    key_pem, csr_pem = SECURITY.make_key("oven-1")
    claim = {"id": "oven-1", "secret": "x"}
    document = AUTHORITY.answer({"claim": claim, "csr": csr_pem}, number=number)
    return Staged(key_pem, csr_pem, read_answer(document, identity()))


def check_whole(vault):
    """Return what is in use, after a look whether it could connect."""
    current = vault.current()
    if current is not None:
        key_pem = vault.current_key()
        assert SECURITY.is_pair(current.certificate_pem, key_pem)
        config = read_agent(vault.folder)
        assert config.devices[0].certificate == current.certificate_pem
        assert config.devices[0].private_key.read_text() == key_pem
        assert config.ports == (current.names.port,)
        assert config.outbox == vault.folder / "outbox.sqlite"
    return current


def test_power_may_go_at_any_write_and_one_pair_is_in_use(tmp_path, monkeypatch):
    old, new = candidate(0), candidate(1)
    wait = os.fsync
    for cut_at in itertools.count():
        folder = tmp_path / str(cut_at)
        folder.mkdir()
        vault = DirectoryVault(folder, {})
        vault.stage(old)
        vault.promote()
        left = itertools.count()

        def cut(descriptor, left=left, cut_at=cut_at):
            if next(left) == cut_at:
                raise OSError(errno.EIO, "the power is gone")
            wait(descriptor)

        monkeypatch.setattr(os, "fsync", cut)
        try:
            vault.stage(new)
            vault.lay_out()
            vault.promote()
        except UnreachableError:
            is_cut = True
        else:
            is_cut = False
        monkeypatch.setattr(os, "fsync", wait)
        again = DirectoryVault(folder, {})
        assert check_whole(again) in {old.credentials, new.credentials}
        # Whoever goes on, a phone or the agent, ends with the new ones.
        if again.current() != new.credentials:
            again.stage(new)
        again.promote()
        assert check_whole(again) == new.credentials
        assert again.staged() == Staged()
        if not is_cut:
            break
    assert cut_at > 10


def test_a_reset_that_is_cut_uses_nothing_and_can_be_repeated(tmp_path):
    vault = DirectoryVault(tmp_path, {})
    vault.stage(candidate(0))
    vault.promote()
    vault.write_failures(2)
    (tmp_path / "device.json").unlink()
    assert vault.current() is None
    vault.reset()
    vault.reset()
    assert (vault.current(), vault.staged(), vault.failures()) == (None, Staged(), 2)
    assert not list((tmp_path / "credentials").iterdir())


@pytest.mark.parametrize("name", ["lockout.json", "staged.json", "device.json"])
@pytest.mark.parametrize("text", ["", "[]", '{"failures": "1"}', '{"certificate": 1}'])
def test_what_cannot_be_read_is_never_empty(tmp_path, name, text):
    vault = DirectoryVault(tmp_path, {})
    (tmp_path / name).write_text(text)
    readers = {
        "lockout.json": vault.failures,
        "staged.json": vault.staged,
        "device.json": vault.current,
    }
    if name == "staged.json" and text.startswith("{"):
        assert vault.staged().credentials is None
    else:
        with pytest.raises(UnreachableError):
            readers[name]()


def test_a_directory_that_cannot_be_written_is_told(tmp_path):
    vault = DirectoryVault(tmp_path / "nowhere", {})
    with pytest.raises(UnreachableError, match="No such file"):
        vault.write_failures(1)


def test_an_identity_is_read_as_it_was_written_and_never_replaced(tmp_path):
    who = identity()
    pan_vault.write_identity(tmp_path, who, {"interval_s": 2.0})
    assert pan_vault.read_identity(tmp_path) == who
    assert pan_vault.read_extras(tmp_path) == {"interval_s": 2.0}
    with pytest.raises(InvalidInputError, match="there already"):
        pan_vault.write_identity(tmp_path, who, {})
    told = json.loads((tmp_path / "identity.json").read_text())
    assert told["domain"] == DOMAIN
    (tmp_path / "identity.json").write_text("{}")
    with pytest.raises(InvalidInputError, match="serial"):
        pan_vault.read_identity(tmp_path)
