"""Keys for devices that cannot make one: the wish, and how long it may wait.

In custody ``device``, the default, a private key never leaves its device. In custody
``escrow`` AWS IoT makes the pair, and what is kept of the private key is ciphertext
that is handed over once (docs/onboarding-api.md, "Keys for devices that cannot make
one"). A wish for such a key takes the place of the signing request, so that a claim is
taken, repeated and refused by the same rules.
"""

import re

from hotsite.errors import InvalidInputError

# The app asks for the key in the same breath as for the certificate.
KEPT_S = 900.0
_WISH = "custody: escrow"
_TOKEN = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def wish(token: str = "") -> str:
    """Return what stands in the place of a signing request.

    Args:
        token: What a retry of a rotation is known by; a claim is used once, and
            needs none.

    Raises:
        InvalidInputError: The token is not 1 to 64 of ``a-zA-Z0-9_-``, or empty.
    """
    if token and not _TOKEN.fullmatch(token):
        raise InvalidInputError("token must be 1 to 64 of a-z A-Z 0-9 _ -")
    return f"{_WISH} {token}".strip()


def is_wish(text: str) -> bool:
    """Say whether a text is such a wish, and no signing request."""
    return text.startswith(_WISH)
