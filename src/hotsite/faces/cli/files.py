"""Read what the user points at; say in one line what is wrong with it."""

import json
import tomllib
from pathlib import Path
from typing import Any

from hotsite import settings
from hotsite.errors import InvalidInputError
from hotsite.settings import Settings

SETTINGS_FILE = Path("hotsite.toml")


def read_text(path: Path) -> str:
    """Return a file's text.

    Raises:
        InvalidInputError: There is no such file, or it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path}: is not UTF-8 text") from error


def read_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's document.

    Raises:
        InvalidInputError: There is no such file, or it is not TOML.
    """
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"{path}: {error}") from error


def read_json(path: Path) -> object:
    """Return a JSON file's document.

    Raises:
        InvalidInputError: There is no such file, or it is not JSON.
    """
    try:
        return json.loads(read_text(path))
    except ValueError as error:
        raise InvalidInputError(f"{path}: is not JSON: {error}") from error


def read_settings(path: Path | None) -> Settings:
    """Return the settings in a file.

    Args:
        path: Which file; ``hotsite.toml`` of this folder by default.

    Raises:
        InvalidInputError: There is none, or something in it is not allowed.
    """
    found = path or SETTINGS_FILE
    if path is None and not found.exists():
        raise InvalidInputError(f"{found}: not found here; run: hotsite init")
    return settings.parse(read_toml(found), source=str(found))
