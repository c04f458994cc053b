"""What the companion app is told, and what its browser may do.

Pure: the document beside the app comes in, a checked value goes out. The app itself
checks the same again, because whoever serves it may not be hotsite.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from hotsite.core.names import is_aws_name
from hotsite.errors import InvalidInputError

# Where a device answers on its own Wi-Fi: docs/pan-protocol.md, section 2.
SOFT_AP = "http://192.168.4.1"
_ORIGIN = re.compile(
    r"(https?://([a-zA-Z0-9.-]+|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?)(?:[/?][^\s;,]*)?"
)


@dataclass(frozen=True, slots=True)
class AppConfig:
    """The document ``config.json`` that is served beside the app.

    Attributes:
        api: Where the onboarding API is; ``.`` is whoever serves the app.
        authorization_endpoint: Where people sign in.
        token_endpoint: Where the app trades the answer for a token.
        client_id: Of the app at the issuer; it has no secret.
        scope: What the app asks for.
        soft_ap: Where a device answers on its own Wi-Fi.
    """

    api: str
    authorization_endpoint: str
    token_endpoint: str
    client_id: str
    scope: str
    soft_ap: str = SOFT_AP

    def __post_init__(self) -> None:
        """Refuse what would not be one address in the browser's policy."""
        if _ORIGIN.fullmatch(self.soft_ap) is None:
            raise InvalidInputError(f"soft_ap {self.soft_ap}: is not an address")

    @property
    def document(self) -> dict[str, object]:
        """Return the JSON document that the app reads."""
        return {
            "api": self.api,
            "sign_in": {
                "authorization_endpoint": self.authorization_endpoint,
                "token_endpoint": self.token_endpoint,
                "client_id": self.client_id,
                "scope": self.scope,
            },
            "soft_ap": self.soft_ap,
        }

    @property
    def origins(self) -> tuple[str, ...]:
        """Return whom the app calls, beside who serves it."""
        called = (self.api, self.token_endpoint, self.soft_ap)
        found = (_ORIGIN.fullmatch(address) for address in called)
        return tuple(dict.fromkeys(one[1] for one in found if one is not None))

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """Return the headers of every answer: the browser enforces them.

        Scripts and styles come from the app's own files alone, and it talks to
        nobody but those named in its configuration.
        """
        connect = " ".join(("'self'", *self.origins))
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
            f"manifest-src 'self'; worker-src 'self'; connect-src {connect}; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        may = "bluetooth=(self), camera=(self), local-network-access=(self)"
        return (
            ("Content-Security-Policy", policy),
            ("Permissions-Policy", f"{may}, geolocation=(), microphone=(), usb=()"),
            ("Cross-Origin-Opener-Policy", "same-origin"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Content-Type-Options", "nosniff"),
        )


def parse(document: object, *, where: str) -> AppConfig:
    """Check the document that is served beside the app.

    Args:
        document: As JSON gave it.
        where: How a message names the place, for example a file.

    Raises:
        InvalidInputError: A field is missing, or names an AWS endpoint or plain HTTP.
    """
    top = _mapping(document, where)
    sign_in = _mapping(top.get("sign_in"), f"{where}: sign_in")
    return AppConfig(
        api=_address(top, "api", where),
        authorization_endpoint=_address(sign_in, "authorization_endpoint", where),
        token_endpoint=_address(sign_in, "token_endpoint", where),
        client_id=_text(sign_in, "client_id", where),
        scope=_text(sign_in, "scope", where),
        soft_ap=_text({"soft_ap": SOFT_AP, **top}, "soft_ap", where),
    )


def _mapping(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise InvalidInputError(f"{where}: must be an object")
    return value


def _text(document: Mapping[str, object], name: str, where: str) -> str:
    value = document.get(name)
    if not isinstance(value, str) or not value or value != value.strip():
        raise InvalidInputError(f"{where}: {name} must be a text")
    return value


def _address(document: Mapping[str, object], name: str, where: str) -> str:
    value = _text(document, name, where)
    found = _ORIGIN.fullmatch(value)
    if found is None or not value.startswith("https://"):
        raise InvalidInputError(f"{where}: {name} must begin with https://")
    if is_aws_name(found[2]):
        raise InvalidInputError(
            f"{where}: {name} is an AWS endpoint; apps call the owner's names only"
        )
    return value
