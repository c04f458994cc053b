"""The verbs of ``hotsite firmware`` that need keys, and the one that trusts none."""

import argparse
import hashlib
import json
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

from securesystemslib.signer import CryptoSigner

from hotsite.adapters import signing_keys
from hotsite.adapters.firmware_repository import (
    ONLINE_ROLES,
    FirmwareRepository,
    Lifetimes,
)
from hotsite.adapters.trusted_firmware import Verified
from hotsite.adapters.trusted_firmware import verify as verified
from hotsite.core import records
from hotsite.core.expiry import FirmwareSettings
from hotsite.core.firmware import Image, numbers
from hotsite.errors import InvalidInputError, RefusedError
from hotsite.faces.cli.files import SETTINGS_FILE, read_settings
from hotsite.faces.cli.passphrases import Passphrases

MISSED = 1
_HOUR_S, _DAY_S = 3600.0, 86_400.0
_ROOT_KEYS = 3
_KEY_ID = re.compile(r"[0-9a-f]{64}")


def init(options: argparse.Namespace) -> int:
    """Make keys and an empty repository; nothing is there before all of it is."""
    folder: Path = options.folder
    if folder.exists():
        raise InvalidInputError(f"{folder}: is there already; it was kept")
    phrases = Passphrases(options.passphrase_file, is_new=True)
    lives = Lifetimes(settings_of(options), time.time())
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".making-"))
    except OSError as error:
        raise InvalidInputError(f"{folder}: {error.strerror}") from error
    try:
        keys_folder = options.keys or scratch / "keys"
        keys = {"root": _made(keys_folder, "root", phrases, _ROOT_KEYS)}
        for role in ONLINE_ROLES:
            keys[role] = _made(keys_folder, role, phrases, 1)
        repository = FirmwareRepository(scratch / "repository")
        repository.begin(keys, lives)
        root = scratch / "repository" / "metadata" / "1.root.json"
        shutil.copy(root, scratch / "root.json")
        scratch.chmod(0o755)
        scratch.rename(folder)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    where = options.keys or folder / "keys"
    say(f"made {where}: move two of its root keys to where nobody has both")
    say(f"made {folder}/root.json: build it into your devices")
    return _tell(options, verify_folder(folder, lives.now_s))


def sign(options: argparse.Namespace) -> int:
    """List an image, or sign what expires soon."""
    repository = opened(options.folder)
    lives = Lifetimes(settings_of(options), time.time())
    add = _image(options, repository, lives.now_s)
    is_list = add is not None or options.withdraw or options.renew_targets
    roles = ONLINE_ROLES if is_list else ONLINE_ROLES[1:]
    ring = _ring(options, repository, roles)
    repository.sign(
        ring,
        lives,
        add=add,
        withdraw=options.withdraw,
        renew_targets=options.renew_targets,
    )
    return _tell(options, verify_folder(options.folder, lives.now_s))


def rotate(options: argparse.Namespace) -> int:
    """Replace a key, or renew the root, and sign everything anew."""
    repository = opened(options.folder)
    lives = Lifetimes(settings_of(options), time.time())
    phrases = Passphrases(options.passphrase_file)
    keys_folder = options.keys or options.folder / "keys"
    old = _key_id(options.key, keys_folder) if options.key else None
    role = repository.role_of(old) if old is not None else ""
    signers = [signing_keys.read(path).open(phrases) for path in options.root_key]
    _check_roots(repository, signers)
    # All passphrases are asked for before anything is written.
    ring = _ring(options, repository, ONLINE_ROLES, phrases)
    new = signing_keys.make(keys_folder, role, phrases) if old is not None else None
    repository.change_key(old, new, signers, lives)
    if new is not None:
        ring[new.public_key.keyid] = new
        if role == "root":
            say("a root key is new: move it to where it belongs")
    repository.sign(ring, lives, renew_targets=role == "targets")
    return _tell(options, verify_folder(options.folder, lives.now_s))


def verify(options: argparse.Namespace) -> int:
    """Walk through the repository as a device does."""
    opened(options.folder)
    found = verify_folder(options.folder, time.time())
    _tell(options, found)
    return MISSED if warnings(found, settings_of(options), time.time()) else 0


def opened(folder: Path) -> FirmwareRepository:
    """Return the repository in a folder.

    Raises:
        NotFoundError: There is none.
    """
    repository = FirmwareRepository(folder / "repository")
    repository.chain()
    return repository


def settings_of(options: argparse.Namespace) -> FirmwareSettings:
    """Return when signatures expire: as ``hotsite.toml`` says, if there is one."""
    if options.config is None and not SETTINGS_FILE.exists():
        return FirmwareSettings()
    return read_settings(options.config).firmware


def verify_folder(folder: Path, now_s: float) -> Verified:
    """Return what a device that has ``root.json`` finds in a folder."""

    def read(name: str) -> bytes | None:
        path = folder / "repository" / name
        return path.read_bytes() if path.exists() else None

    try:
        root = (folder / "root.json").read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{folder}/root.json: {error.strerror}") from error
    found = verified(read, root, now_s)
    if found is None:
        raise InvalidInputError(f"{folder}: there is no timestamp; sign it")
    return found


def warnings(found: Verified, settings: FirmwareSettings, now_s: float) -> list[str]:
    """Return what has to be signed soon, one line each."""
    # A timestamp that is one renewal old still outlives signer and publishing.
    needed_s = (settings.needed_h - settings.renewal_interval_h) * _HOUR_S
    return [
        f"{part.role} expires in {(part.expires_at_s - now_s) / _HOUR_S:.0f} h;"
        f" it has to outlive {needed_s / _HOUR_S:.0f} h without a signer"
        for part in found.signed
        if part.expires_at_s - now_s < needed_s
    ]


def document(found: Verified, now_s: float) -> dict[str, object]:
    """Return what was found, as JSON says it."""
    return {
        "images": [records.write(image) for image in found.images],
        "signed": {
            part.role: {
                "version": part.version,
                "expires_in_h": round((part.expires_at_s - now_s) / _HOUR_S, 1),
            }
            for part in found.signed
        },
    }


def say(line: str) -> None:
    """Tell the user something that is not the result."""
    print(line, file=sys.stderr, flush=True)


def _tell(options: argparse.Namespace, found: Verified) -> int:
    now_s = time.time()
    soon = warnings(found, settings_of(options), now_s)
    for line in soon:
        say(f"warning: {line}")
    if options.json:
        print(json.dumps({**document(found, now_s), "warnings": soon}))
        return 0
    for part in found.signed:
        days = (part.expires_at_s - now_s) / _DAY_S
        print(f"{part.role:<10} version {part.version:<4} expires in {days:.1f} days")
    for image in found.images:
        print(
            f"{image.name}  {image.model} {image.version}, from {image.min_from},"
            f" counter {image.security_counter}, {image.length:,} bytes"
        )
    return 0


def _made(
    folder: Path, role: str, phrases: Passphrases, count: int
) -> list[CryptoSigner]:
    return [signing_keys.make(folder, role, phrases) for _ in range(count)]


def _image(
    options: argparse.Namespace, repository: FirmwareRepository, now_s: float
) -> tuple[Image, bytes] | None:
    if options.image is None:
        return None
    for flag in ("model", "version", "security_counter"):
        if getattr(options, flag) is None:
            raise InvalidInputError(f"an image needs --{flag.replace('_', '-')}")
    path = Path(options.image)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInputError(f"{path}: {error.strerror}") from error
    model = str(options.model).lower()
    image = Image(
        name=f"{model}/{model}-{options.version}.bin",
        version=options.version,
        min_from=options.min_from,
        security_counter=options.security_counter,
        model=options.model,
        length=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
        built_at_s=int(now_s),
    )
    _check_counter(image, repository.images())
    return image, content


def _check_counter(image: Image, listed: tuple[Image, ...]) -> None:
    for other in listed:
        is_before = other.model == image.model and numbers(other.version) < numbers(
            image.version
        )
        if is_before and other.security_counter > image.security_counter:
            raise InvalidInputError(
                f"--security-counter {image.security_counter}: {other.version} has"
                f" {other.security_counter}; whoever runs it would refuse this one"
            )


def _ring(
    options: argparse.Namespace,
    repository: FirmwareRepository,
    roles: tuple[str, ...],
    phrases: Passphrases | None = None,
) -> dict[str, CryptoSigner]:
    """Open the keys of some roles, those that are here."""
    phrases = phrases or Passphrases(options.passphrase_file)
    wanted = repository.root_key_ids(*roles)
    found = signing_keys.find(options.keys or options.folder / "keys")
    return {key.key_id: key.open(phrases) for key in found if key.key_id in wanted}


def _key_id(key: str, folder: Path) -> str:
    if _KEY_ID.fullmatch(key):
        return key
    return signing_keys.read(folder / f"{key}.pem").key_id


def _check_roots(repository: FirmwareRepository, signers: list[CryptoSigner]) -> None:
    known = repository.root_key_ids("root")
    good = {signer.public_key.keyid for signer in signers} & known
    if len(good) < 2:  # noqa: PLR2004 - the threshold, as begin() sets it
        raise RefusedError(
            f"{len(good)} of the given --root-key sign this root; needs 2"
        )
