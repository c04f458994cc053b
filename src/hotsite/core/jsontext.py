"""Read JSON from outside strictly: what is not JSON is one clear error."""

import json

from hotsite.errors import InvalidInputError


def parse(text: bytes | str, *, where: str, what: str = "JSON") -> object:
    """Return what a JSON text stands for.

    Args:
        text: The text; bytes are UTF-8, UTF-16 or UTF-32.
        where: Where it came from; the error message starts with it.
        what: What it should be, for the error message.

    Raises:
        InvalidInputError: It is no JSON, holds NaN or Infinity (RFC 8259 section 6
            has neither), or is nested beyond what a program can follow.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{where}: not {what}: {error}") from error


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
