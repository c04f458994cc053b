"""What a device is given to connect with, and when it believes it.

New credentials are staged, tried, and replace the old ones only when the device has
connected with them. Pure: what is stored comes in, what to store goes out.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from hotsite.core.names import is_aws_name
from hotsite.core.onboarding import Claim, Names
from hotsite.core.pan import RefusalError, Status

_THING = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_HOST = re.compile(r"(?=.{1,253}$)[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+")
_NAMES_MAX = 8
_PORT_MAX = 65_535
_PEM = "-----BEGIN"


class Custody(Enum):
    """Who makes the device's key pair."""

    DEVICE = "device"
    ESCROW = "escrow"


class State(Enum):
    """How far a device is."""

    NEW = "new"
    PENDING = "pending"
    PROVISIONED = "provisioned"


@dataclass(frozen=True, slots=True)
class DeviceIdentity:
    """What a device holds when it leaves the factory.

    Attributes:
        serial: Serial number, and the claim's id.
        model: What it is.
        domain: The owner's domain; no name elsewhere is ever believed.
        claim: Shown to the onboarding API, by way of the phone.
        salt: Of the proof of possession, 16 bytes, the first not 0.
        verifier: Of the proof of possession, 384 bytes; the code itself is not here.
        username: Of the handshake.
        custody: Who makes the key pair.
    """

    serial: str
    model: str
    domain: str
    claim: Claim
    salt: bytes
    verifier: bytes = field(repr=False)
    username: str = "hotsite"
    custody: Custody = Custody.DEVICE


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a device connects with, but for its own key.

    Attributes:
        thing: Name of the thing, and MQTT client id.
        certificate_id: As the API says.
        certificate_pem: The device's certificate.
        ca_pem: Whom the device believes.
        names: Where it connects.
        private_key_pem: Given with custody ``escrow`` only, else "".
    """

    thing: str
    certificate_id: str
    certificate_pem: str
    ca_pem: str
    names: Names
    private_key_pem: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Staged:
    """What is not in use yet.

    Attributes:
        key_pem: The next private key, or "".
        csr_pem: The request that was signed with it, or "".
        credentials: What is tried next.
    """

    key_pem: str = field(default="", repr=False)
    csr_pem: str = ""
    credentials: Credentials | None = None


def state_of(current: Credentials | None, staged: Staged) -> State:
    """Return how far a device is."""
    if staged.credentials is not None:
        return State.PENDING
    return State.NEW if current is None else State.PROVISIONED


def read_answer(value: object, identity: DeviceIdentity) -> Credentials:
    """Return the credentials of the onboarding API's answer.

    Args:
        value: The answer, as the phone hands it on.
        identity: Whose domain and custody count.

    Raises:
        RefusalError: Something is missing, or a name is not the owner's.
    """
    if not isinstance(value, Mapping):
        raise RefusalError(Status.MALFORMED, "answer must be the API's answer")
    thing = _text(value, "thing")
    if not _THING.fullmatch(thing):
        raise RefusalError(Status.CERTIFICATE, "thing must be 1 to 128 of a-zA-Z0-9_-")
    certificate, ca = _text(value, "certificate"), _text(value, "ca")
    if not (certificate.startswith(_PEM) and ca.startswith(_PEM)):
        raise RefusalError(Status.CERTIFICATE, "certificate and ca must be PEM")
    private_key = ""
    if identity.custody is Custody.ESCROW:
        private_key = _text(value, "private_key")
    return Credentials(
        thing,
        _text(value, "certificate_id"),
        certificate,
        ca,
        read_names(value, identity),
        private_key,
    )


def read_names(value: Mapping[str, object], identity: DeviceIdentity) -> Names:
    """Return the names of a document with ``iot`` and ``api``.

    Raises:
        RefusalError: One is no host name, not under the owner's domain, or AWS's.
    """
    iot = value.get("iot")
    names = iot.get("names") if isinstance(iot, Mapping) else None
    port = iot.get("port") if isinstance(iot, Mapping) else None
    if not isinstance(names, list) or not 0 < len(names) <= _NAMES_MAX:
        raise RefusalError(Status.MALFORMED, f"iot.names must be 1 to {_NAMES_MAX}")
    if type(port) is not int or not 0 < port <= _PORT_MAX:
        raise RefusalError(Status.MALFORMED, f"iot.port must be 1 to {_PORT_MAX}")
    checked = [_owned(name, identity.domain) for name in names]
    api = _owned(value.get("api"), identity.domain)
    return Names(tuple(checked), api, port)


def names_document(names: Names) -> dict[str, object]:
    """Return the document that ``read_names`` reads."""
    iot = {"names": list(names.iot), "port": names.port}
    return {"iot": iot, "api": names.api}


def _owned(name: object, domain: str) -> str:
    if not isinstance(name, str) or not _HOST.fullmatch(name):
        raise RefusalError(Status.MALFORMED, "a name is a lower-case host name")
    if is_aws_name(name) or not name.endswith(f".{domain}"):
        detail = f"{name} is not under {domain}"
        raise RefusalError(Status.FOREIGN_NAME, detail, name=name)
    return name


def _text(value: Mapping[str, object], key: str) -> str:
    text = value.get(key)
    if not isinstance(text, str) or not text:
        raise RefusalError(Status.MALFORMED, f"{key} must be text")
    return text
