"""Decide whether a claim gets a certificate, and what the device is told.

A claim is a device's request to be onboarded: its id and secret were put into
the ledger when the device was made. Pure: what the ledger says comes in, the
decision goes out; nothing here issues, stores or compares with a clock.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from hotsite.core import escrow
from hotsite.core.names import is_aws_name
from hotsite.core.registry import Certificate, Record, Thing, thing_key
from hotsite.errors import AlreadyUsedError, InvalidInputError, RefusedError

# A thing's name on AWS is 1 to 128 of a-zA-Z0-9:_- (botocore model, ThingName);
# without ":" it is also a topic level and part of a client id that tools print.
_CLAIM_ID = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_SECRET_CHARACTERS_MAX = 256
# "It MUST NOT exceed 255 ASCII characters in length" (OpenID Connect Core 1.0, sub).
_SUBJECT_CHARACTERS_MAX = 255
# A PEM of an RSA-4096 request with extensions stays well below this.
_CSR_CHARACTERS_MAX = 8192


@dataclass(frozen=True, slots=True)
class Claim:
    """What a device shows to be onboarded.

    Attributes:
        claim_id: Its serial number, 1 to 128 of ``a-zA-Z0-9_-``; the thing
            gets this name.
        secret: What only the device and the ledger know; never logged.
    """

    claim_id: str
    secret: str

    def __repr__(self) -> str:
        """Show the id only, because a secret must not reach a log."""
        return f"Claim({self.claim_id!r})"


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the onboarding API.

    Attributes:
        claim: What the device shows.
        csr_pem: Its certificate signing request; the key stays on the device. Or the
            wish for a key, in custody escrow.
    """

    claim: Claim
    csr_pem: str

    @property
    def csr_digest(self) -> str:
        """Return the SHA-256 of the request's text, to know a retry by."""
        return digest_of(self.csr_pem)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the claim ledger.

    Attributes:
        claim_id: Which claim.
        secret_digest: SHA-256 of its secret, as hex digits.
        attributes: What the maker says of the device, sorted by name.
        csr_digest: The CSR that took the claim, or nothing.
        certificate: What was issued for it, or nothing yet.
        owner: The user who took the claim (``sub`` of the token), or nothing where
            no user is behind it.
    """

    claim_id: str
    secret_digest: str
    attributes: tuple[tuple[str, str], ...] = ()
    csr_digest: str | None = None
    certificate: Certificate | None = None
    owner: str | None = None

    @classmethod
    def of(cls, claim: Claim, attributes: Mapping[str, str]) -> "Entry":
        """Return the unused line for a claim that was just made."""
        digest = hashlib.sha256(claim.secret.encode()).hexdigest()
        return cls(claim.claim_id, digest, tuple(sorted(attributes.items())))


class Action(Enum):
    """What to do with a request that is in order."""

    ISSUE = "issue"
    REPEAT = "repeat"


@dataclass(frozen=True, slots=True)
class Names:
    """The owner's names that a device is told; never one of AWS.

    Attributes:
        iot: Failover name, then each site's own name, in this order.
        api: Failover name of the onboarding API.
        port: TCP port of MQTT over TLS.
    """

    iot: tuple[str, ...]
    api: str
    port: int

    def __post_init__(self) -> None:
        """Refuse what would tie a device to one Region for good."""
        for name in (*self.iot, self.api):
            if is_aws_name(name):
                raise InvalidInputError(
                    f"{name} is an AWS endpoint; devices get the owner's names only"
                )


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API gives back.

    Attributes:
        thing_name: Name of the thing, and the MQTT client id to use.
        certificate: The device's certificate.
        ca_pem: What the device must trust when it connects.
        names: Where it connects.
    """

    thing_name: str
    certificate: Certificate
    ca_pem: str
    names: Names


def parse(body: object) -> Request:
    """Check the shape of a request's JSON body.

    Args:
        body: ``{"claim": {"id": …, "secret": …}, "csr": "-----BEGIN …"}``.

    Returns:
        The request; nothing was looked up yet.

    Raises:
        InvalidInputError: A field is missing, has another type or is too long.
    """
    if not isinstance(body, Mapping):
        raise InvalidInputError("the body must be a JSON object")
    if "token" in body:
        raise InvalidInputError("token is for rotations: a claim is used once")
    return Request(claim_of(body.get("claim"), where="claim"), wish_of(body))


def wish_of(body: object) -> str:
    """Check the shape of the signing request, or the wish for a key, in a JSON body.

    Args:
        body: ``{"csr": "-----BEGIN …"}``, or ``{"custody": "escrow"}``, for a rotation
            with a ``token`` to know a retry by.

    Returns:
        The PEM, or what ``core/escrow.py`` makes of the wish.

    Raises:
        InvalidInputError: It is missing, too long, or no text of a PEM.
    """
    if not isinstance(body, Mapping):
        raise InvalidInputError("the body must be a JSON object")
    custody = body.get("custody", "device")
    if custody == "escrow" and "csr" not in body:
        token = body.get("token", "")
        if not isinstance(token, str):
            raise InvalidInputError("token must be a string")
        return escrow.wish(token)
    if custody != "device":
        raise InvalidInputError('custody must be "device", or "escrow" without a csr')
    csr = body.get("csr")
    # PEM is ASCII (RFC 7468, section 2), and half a surrogate has no encoding.
    is_text = isinstance(csr, str) and csr.strip() and csr.isascii()
    if not isinstance(csr, str) or not is_text or escrow.is_wish(csr):
        raise InvalidInputError("csr must be a PEM certificate signing request")
    if len(csr) > _CSR_CHARACTERS_MAX:
        raise InvalidInputError(f"csr is longer than {_CSR_CHARACTERS_MAX} characters")
    return csr


def digest_of(csr_pem: str) -> str:
    """Return the SHA-256 of a signing request's text, as hex digits."""
    return hashlib.sha256(csr_pem.strip().encode()).hexdigest()


def thing_of(value: object) -> str:
    """Check the shape of a thing's name, which is its claim's id.

    Raises:
        InvalidInputError: It is not one that a claim could have given.
    """
    if not isinstance(value, str) or not _CLAIM_ID.fullmatch(value):
        raise InvalidInputError("thing must be 1 to 128 of a-z A-Z 0-9 _ -")
    return value


def subject_of(value: object) -> str:
    """Check the user in a token: its ``sub``.

    Raises:
        RefusedError: The token names nobody who could own a device.
    """
    if not isinstance(value, str) or not 0 < len(value) <= _SUBJECT_CHARACTERS_MAX:
        raise RefusedError("the token names no user (sub)")
    if not value.isascii() or not value.isprintable():
        raise RefusedError("the token's sub is not printable ASCII")
    return value


def claim_of(value: object, *, where: str) -> Claim:
    """Check the shape of one claim.

    Args:
        value: ``{"id": …, "secret": …}``.
        where: How the message names the place, for example a file.

    Returns:
        The claim.

    Raises:
        InvalidInputError: A field is missing, has another type or is too long.
    """
    if not isinstance(value, Mapping):
        raise InvalidInputError(f'{where} must be an object with "id" and "secret"')
    claim_id, secret = value.get("id"), value.get("secret")
    if not isinstance(claim_id, str) or not _CLAIM_ID.fullmatch(claim_id):
        raise InvalidInputError(f"{where}: id must be 1 to 128 of a-z A-Z 0-9 _ -")
    if not isinstance(secret, str) or not 0 < len(secret) <= _SECRET_CHARACTERS_MAX:
        raise InvalidInputError(
            f"{where}: secret must be 1 to {_SECRET_CHARACTERS_MAX} characters"
        )
    if any("\ud800" <= character <= "\udfff" for character in secret):
        raise InvalidInputError(f"{where}: secret is no Unicode text")
    return Claim(claim_id, secret)


def decide(request: Request, entry: Entry | None, owner: str | None = None) -> Action:
    """Decide what a request gets.

    Args:
        request: A request of the right shape.
        entry: The ledger's line for its claim, or nothing.
        owner: Which user asks, or nothing where no user is behind it.

    Returns:
        ``ISSUE`` for a claim that is free, or taken by this very CSR but not
        answered yet; ``REPEAT`` when the same claim and CSR were answered.

    Raises:
        RefusedError: No such claim, or the wrong secret; the two are told
            alike, so that serial numbers cannot be tried out.
        AlreadyUsedError: Another CSR, or another user, took the claim.
    """
    digest = hashlib.sha256(request.claim.secret.encode()).hexdigest()
    if entry is None or not hmac.compare_digest(digest, entry.secret_digest):
        raise RefusedError("the claim is not known, or its secret is wrong")
    if entry.csr_digest is None:
        return Action.ISSUE
    if entry.csr_digest != request.csr_digest:
        raise AlreadyUsedError("the claim was used before, with another key")
    if entry.owner is not None and entry.owner != owner:
        raise AlreadyUsedError("the claim was used before, by another user")
    return Action.ISSUE if entry.certificate is None else Action.REPEAT


def taken(entry: Entry, request: Request, owner: str | None = None) -> Entry:
    """Return the line after this request of a user took the claim."""
    return replace(entry, csr_digest=request.csr_digest, owner=owner)


def enrolled(entry: Entry, certificate: Certificate) -> Entry:
    """Return the line after the claim was answered with a certificate."""
    return replace(entry, certificate=certificate)


def record_of(
    entry: Entry, certificate: Certificate, *, type_name: str, group: str
) -> Record:
    """Return the record of a device that was just given its certificate.

    Args:
        entry: The ledger's line.
        certificate: What was issued.
        type_name: Thing type of the fleet.
        group: Thing group that carries the fleet's policy.

    Returns:
        The wish that both Regions will be made equal to; the adapter stamps
        the time of the write.
    """
    thing = Thing(entry.claim_id, type_name, entry.attributes, (group,))
    return Record(thing_key(entry.claim_id), thing, (certificate,))
