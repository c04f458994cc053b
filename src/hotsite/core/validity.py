"""What AWS IoT would never accept, told before a call is made.

Names, patterns and lengths are those of the botocore 1.44 model of AWS IoT
(``ThingName``, ``AttributeName``, ``AttributeValue``, ``PolicyName``…); counts
are quotas of the AWS General Reference, "AWS IoT Core endpoints and quotas".
"""

import base64
import hashlib
import re
from collections.abc import Iterator

from hotsite.core import policies
from hotsite.core.registry import (
    Body,
    CaCertificate,
    Pairs,
    Policy,
    Record,
    Shadows,
    Thing,
    ThingGroup,
    ThingType,
)
from hotsite.errors import InvalidInputError

_NAME = re.compile(r"[a-zA-Z0-9:_-]{1,128}")
_POLICY_NAME = re.compile(r"[\w+=,.@-]{1,128}", re.ASCII)
_ATTRIBUTE_NAME = re.compile(r"[a-zA-Z0-9_.,@/:#-]{1,128}")
_ATTRIBUTE_VALUE = re.compile(r"[a-zA-Z0-9_.,@/:#=\[\]-]{1,800}")
_SHADOW_NAME = re.compile(r"[a-zA-Z0-9:_-]{0,64}")
_ATTRIBUTES_MAX, _ATTRIBUTES_WITHOUT_TYPE_MAX = 50, 3
_GROUPS_MAX, _POLICIES_MAX, _SEARCHABLE_MAX = 10, 10, 3
# "Maximum size of a JSON state document": 8 kilobytes, raisable to 30.
_SHADOW_BYTES_MAX = 30_720
_SHOWN_MAX = 40
_PEM_BEGIN = "-----BEGIN CERTIFICATE-----"
_PEM_END = "-----END CERTIFICATE-----"


def check(record: Record) -> None:
    """Refuse a record that no Region would ever take.

    Args:
        record: What the system of record says.

    Raises:
        InvalidInputError: What is wrong with it, in one line.
    """
    for trouble in _troubles(record):
        raise InvalidInputError(trouble)


def certificate_id_of(pem: str) -> str:
    """Return the id that AWS IoT gives a certificate: SHA-256 of its DER form.

    Raises:
        InvalidInputError: It is not a PEM certificate.
    """
    begin, _, rest = pem.partition(_PEM_BEGIN)
    body, end, _ = rest.partition(_PEM_END)
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
    except ValueError:
        der = b""
    if begin.strip() or not end or not der:
        raise InvalidInputError("the certificate is not PEM")
    return hashlib.sha256(der).hexdigest()


def _troubles(record: Record) -> Iterator[str]:
    if record.body is None:
        return
    name = record.name
    pattern = _POLICY_NAME if isinstance(record.body, Policy) else _NAME
    if not pattern.fullmatch(name):
        yield f"{_short(name)} is no name that AWS IoT takes"
    yield from _body_troubles(record.body)
    for certificate in record.certificates:
        yield from _pem_troubles(certificate.pem, certificate.certificate_id)
        yield from _list_troubles(
            certificate.policies, "policies of a certificate", _POLICIES_MAX
        )


def _body_troubles(body: Body) -> Iterator[str]:
    if isinstance(body, Thing):
        limit = _ATTRIBUTES_MAX if body.type_name else _ATTRIBUTES_WITHOUT_TYPE_MAX
        yield from _attribute_troubles(body.attributes, limit)
        yield from _name_troubles((body.type_name or "-", *body.groups))
        yield from _list_troubles(body.groups, "groups of a thing", _GROUPS_MAX)
    elif isinstance(body, ThingGroup):
        yield from _attribute_troubles(body.attributes, _ATTRIBUTES_MAX)
        yield from _name_troubles((body.parent or "-",))
        if body.parent == body.name:
            yield f"group {body.name} is its own parent"
    elif isinstance(body, ThingType):
        yield from _list_troubles(
            body.searchable, "searchable attributes", _SEARCHABLE_MAX
        )
    elif isinstance(body, Policy):
        yield from _policy_troubles(body)
    elif isinstance(body, CaCertificate):
        yield from _pem_troubles(body.pem, body.name)
    elif isinstance(body, Shadows):
        yield from _shadow_troubles(body)


def _attribute_troubles(attributes: Pairs, limit: int) -> Iterator[str]:
    if len(attributes) > limit:
        yield f"{len(attributes)} attributes, and AWS IoT takes {limit} here"
    for name, value in attributes:
        if not _ATTRIBUTE_NAME.fullmatch(name):
            yield f"{_short(name)} is no attribute name that AWS IoT takes"
        if not _ATTRIBUTE_VALUE.fullmatch(value):
            yield f"attribute {name}: {_short(value)} is no value that AWS IoT takes"


def _name_troubles(names: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        if not _NAME.fullmatch(name):
            yield f"{_short(name)} is no name that AWS IoT takes"


def _list_troubles(items: tuple[str, ...], what: str, limit: int) -> Iterator[str]:
    if len(items) > limit:
        yield f"{len(items)} {what}, and AWS IoT takes {limit}"


def _policy_troubles(policy: Policy) -> Iterator[str]:
    count, limit = policies.size(policy.document), policies.CHARACTERS_MAX
    if count > limit:
        yield f"{count} characters of policy, and AWS IoT takes {limit}"
    try:
        policies.neutral(policy.document, policies.Place("", ""))
    except InvalidInputError as error:
        yield str(error)


def _shadow_troubles(shadows: Shadows) -> Iterator[str]:
    for name, document in shadows.documents:
        if not _SHADOW_NAME.fullmatch(name):
            yield f"{_short(name)} is no shadow name that AWS IoT takes"
        if len(document.encode()) > _SHADOW_BYTES_MAX:
            yield f"shadow {name!r} is larger than {_SHADOW_BYTES_MAX} bytes"


def _pem_troubles(pem: str, certificate_id: str) -> Iterator[str]:
    try:
        found = certificate_id_of(pem)
    except InvalidInputError as error:
        yield f"{_short(certificate_id)}: {error}"
    else:
        if found != certificate_id:
            yield f"certificate {_short(certificate_id)} is not the SHA-256 of its PEM"


def _short(text: str) -> str:
    shown = text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"
    return f"{shown!r} ({len(text)} characters)" if shown != text else repr(text)
