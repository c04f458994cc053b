"""Keys that sign firmware: Ed25519, each in a file that a passphrase encrypts.

A file begins with a line that says which key it is, so that the right one is found
without anybody's passphrase. Nothing here writes a passphrase or a key to a log.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from securesystemslib.signer import CryptoSigner

from hotsite.adapters import durable
from hotsite.errors import InvalidInputError, NotFoundError, RefusedError

PASSPHRASE_LENGTH_MIN = 12
_KEY_ID = re.compile(r"hotsite firmware key ([0-9a-f]{64})")
_FILE = re.compile(r"(root|targets|snapshot|timestamp)-[1-9]\d{0,3}\.pem")

# Gives the passphrase of a key by its name, for example ``root-1``.
Passphrases = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A key that lies in a file.

    Attributes:
        path: The file.
        key_id: Which key it is.
    """

    path: Path
    key_id: str

    @property
    def name(self) -> str:
        """Return the key's name, for example ``root-1``."""
        return self.path.stem

    def open(self, passphrases: Passphrases) -> CryptoSigner:
        """Return what signs with it.

        Raises:
            RefusedError: The passphrase is not the right one.
            InvalidInputError: The file holds no such key.
        """
        phrase = passphrases(self.name)
        try:
            key = load_pem_private_key(self.path.read_bytes(), phrase.encode())
        except (ValueError, TypeError) as error:
            raise RefusedError(f"{self.path}: not opened by this passphrase") from error
        except OSError as error:
            raise InvalidInputError(f"{self.path}: {error.strerror}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise InvalidInputError(f"{self.path}: is no Ed25519 key")
        signer = CryptoSigner(key)
        if signer.public_key.keyid != self.key_id:
            raise InvalidInputError(f"{self.path}: holds another key than it says")
        return signer


def make(folder: Path, role: str, passphrases: Passphrases) -> CryptoSigner:
    """Make the next key of a role, and keep it encrypted.

    Args:
        folder: Where keys are.
        role: ``root``, ``targets``, ``snapshot`` or ``timestamp``.
        passphrases: Gives the passphrase.

    Raises:
        InvalidInputError: The passphrase is too short, or the file cannot be written.
    """
    taken = [path.stem.rpartition("-")[2] for path in folder.glob(f"{role}-*.pem")]
    number = max((int(one) for one in taken if one.isdigit()), default=0) + 1
    path = folder / f"{role}-{number}.pem"
    phrase = passphrases(path.stem)
    if len(phrase) < PASSPHRASE_LENGTH_MIN:
        raise InvalidInputError(
            f"the passphrase of {path.stem} needs {PASSPHRASE_LENGTH_MIN} characters"
            " or more"
        )
    key = Ed25519PrivateKey.generate()
    signer = CryptoSigner(key)
    pem = key.private_bytes(
        Encoding.PEM,
        PrivateFormat.PKCS8,
        BestAvailableEncryption(phrase.encode()),
    )
    head = f"hotsite firmware key {signer.public_key.keyid}\n".encode()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        durable.write(path, head + pem, mode=0o600)
    except OSError as error:
        raise InvalidInputError(f"{path}: {error.strerror}") from error
    return signer


def find(folder: Path) -> tuple[KeyFile, ...]:
    """Return the keys in a folder, sorted by name."""
    if not folder.is_dir():
        return ()
    paths = (path for path in folder.iterdir() if _FILE.fullmatch(path.name))
    return tuple(read(path) for path in sorted(paths))


def read(path: Path) -> KeyFile:
    """Return the key that a file says it holds.

    Raises:
        NotFoundError: There is no such file.
        InvalidInputError: It is none that ``make`` wrote.
    """
    try:
        head = path.read_text("ascii").partition("\n")[0]
    except FileNotFoundError as error:
        raise NotFoundError(f"{path}: there is no such key") from error
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(f"{path}: cannot be read: {error}") from error
    said = _KEY_ID.fullmatch(head)
    if said is None:
        raise InvalidInputError(f"{path}: is no key that `hotsite firmware` made")
    return KeyFile(path, said.group(1))
