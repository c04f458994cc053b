"""Passphrases from files or from the terminal; never from the command line."""

import getpass
import sys
from collections.abc import Sequence
from pathlib import Path

from hotsite.errors import InvalidInputError
from hotsite.faces.cli.files import read_text


class Passphrases:
    """Gives the passphrase of a key by its name, and asks for each once."""

    def __init__(self, given: Sequence[str], *, is_new: bool = False) -> None:
        """Take what ``--passphrase-file`` said.

        Args:
            given: ``FILE``, ``ROLE=FILE`` or ``KEY=FILE``.
            is_new: Whether the keys are made now, so that a typing error would lose
                them: the terminal is asked twice.
        """
        pairs = [one.rpartition("=")[::2] for one in given]
        self._files = {name: Path(path).expanduser() for name, path in pairs}
        self._is_new = is_new
        self._asked: dict[str, str] = {}

    def __call__(self, key: str) -> str:
        """Return the passphrase of a key.

        Raises:
            InvalidInputError: There is no file for it, and nobody to ask.
        """
        role = key.rpartition("-")[0]
        for name in (key, role, ""):
            if name in self._files:
                return read_text(self._files[name]).partition("\n")[0]
        if key not in self._asked:
            self._asked[key] = self._ask(key)
        return self._asked[key]

    def _ask(self, key: str) -> str:
        if not sys.stdin.isatty():
            raise InvalidInputError(
                f"no passphrase for {key}: use --passphrase-file, or a terminal"
            )
        phrase = getpass.getpass(f"passphrase of {key}: ")
        if self._is_new and phrase != getpass.getpass("again: "):
            raise InvalidInputError(f"the two passphrases of {key} differ")
        return phrase
