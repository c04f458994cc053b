"""IoT Core of one Region in memory, which fails on request.

What it refuses and what it lets pass follows the botocore model of AWS IoT as
``docs`` of the calls state it: a repeated CreateThing with the same content is
fine and with another one a conflict; a certificate is registered once; an
ACTIVE or attached certificate cannot be deleted.
"""

import base64
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace

from hotsite.core.registry import Certificate, CertificateStatus, Thing
from hotsite.core.replication import Present, Step, Verb
from hotsite.errors import (
    ConflictError,
    HotsiteError,
    InvalidInputError,
    NotFoundError,
    UnreachableError,
)

_PEM_BEGIN = "-----BEGIN CERTIFICATE-----"
_PEM_END = "-----END CERTIFICATE-----"


class SimRegistry:
    """Implements ``ports.Registry``.

    ``fail_at`` maps the number of a call, counted from 1, to the error that it
    raises instead of being made; ``fail_after`` raises once it was made, as a
    lost answer does.
    """

    def __init__(
        self,
        groups: Sequence[str] = ("fleet",),
        *,
        check_csr: Callable[[str], None] | None = None,
    ) -> None:
        """Start with thing groups and nothing in them.

        Args:
            groups: Names of the thing groups that there are.
            check_csr: Raises ``InvalidInputError`` for a bad CSR; by default
                anything that names itself one is good, so that tests of flows
                need no cryptography.
        """
        self.things: dict[str, Thing] = {}
        self.certificates: dict[str, Certificate] = {}
        self.attached: dict[str, set[str]] = {}
        self.groups = set(groups)
        self.is_reachable = True
        self.calls: list[Verb] = []
        self.fail_at: dict[int, HotsiteError] = {}
        self.fail_after: dict[int, HotsiteError] = {}
        self._check_csr = check_csr or _check_csr
        self._issued_count = 0
        self._made: dict[Verb, Callable[[Step], None]] = {
            Verb.REGISTER_CERTIFICATE: self._register,
            Verb.UPDATE_CERTIFICATE: self._update_certificate,
            Verb.CREATE_THING: self._create,
            Verb.UPDATE_THING: self._update,
            Verb.ATTACH_CERTIFICATE: self._attach,
            Verb.ADD_TO_GROUP: self._add,
            Verb.REMOVE_FROM_GROUP: self._remove,
            Verb.DETACH_CERTIFICATE: self._detach,
            Verb.DELETE_CERTIFICATE: self._delete_certificate,
            Verb.DELETE_THING: self._delete,
        }

    def issue(self, csr_pem: str) -> Certificate:
        """Issue an ACTIVE certificate; the same CSR gives another one."""
        self._answer()
        self._check_csr(csr_pem)
        self._issued_count += 1
        der = f"{self._issued_count}{csr_pem}".encode()
        digest = hashlib.sha256(der).hexdigest()
        body = base64.encodebytes(der).decode()
        certificate = Certificate(digest, f"{_PEM_BEGIN}\n{body}{_PEM_END}\n")
        self.certificates[digest] = certificate
        return certificate

    def perform(self, step: Step) -> None:
        """Make one call, or fail as told."""
        self._answer()
        self.calls.append(step.verb)
        number = len(self.calls)
        if number in self.fail_at:
            raise self.fail_at[number]
        self._made[step.verb](step)
        if number in self.fail_after:
            raise self.fail_after[number]

    def observe(self, name: str, certificate_ids: Sequence[str]) -> Present:
        """Return what is there of a name."""
        self._answer()
        attached = frozenset(self.attached.get(name, set()))
        ids = dict.fromkeys((*certificate_ids, *sorted(attached)))
        found = tuple(self.certificates[i] for i in ids if i in self.certificates)
        return Present(self.things.get(name), found, attached)

    def can_connect(self, name: str) -> bool:
        """Say whether a device of this name would be let in."""
        thing = self.things.get(name)
        return bool(thing and thing.groups) and any(
            self.certificates[item].status is CertificateStatus.ACTIVE
            for item in self.attached.get(name, ())
        )

    def _answer(self) -> None:
        if not self.is_reachable:
            raise UnreachableError("the Region does not answer")

    def _certificate(self, step: Step) -> Certificate:
        assert step.certificate is not None  # noqa: S101 - the planner's rule
        return step.certificate

    def _known(self, step: Step) -> Certificate:
        certificate = self._certificate(step)
        if certificate.certificate_id not in self.certificates:
            raise NotFoundError(f"no certificate {certificate.certificate_id}")
        return self.certificates[certificate.certificate_id]

    def _thing(self, step: Step) -> Thing:
        if step.thing.name not in self.things:
            raise NotFoundError(f"no thing {step.thing.name}")
        return self.things[step.thing.name]

    def _register(self, step: Step) -> None:
        certificate = self._certificate(step)
        _check_id(certificate)
        if certificate.certificate_id in self.certificates:
            raise ConflictError(f"{certificate.certificate_id} is registered")
        self.certificates[certificate.certificate_id] = certificate

    def _update_certificate(self, step: Step) -> None:
        self._known(step)
        certificate = self._certificate(step)
        self.certificates[certificate.certificate_id] = certificate

    def _create(self, step: Step) -> None:
        bare = replace(step.thing, groups=())
        there = self.things.get(bare.name)
        if there is not None and replace(there, groups=()) != bare:
            raise ConflictError(f"thing {bare.name} exists and differs")
        self.things.setdefault(bare.name, bare)

    def _update(self, step: Step) -> None:
        there = self._thing(step)
        self.things[there.name] = replace(step.thing, groups=there.groups)

    def _attach(self, step: Step) -> None:
        self._known(step)
        name = self._thing(step).name
        certificate_id = self._certificate(step).certificate_id
        self.attached.setdefault(name, set()).add(certificate_id)

    def _detach(self, step: Step) -> None:
        certificate_id = self._certificate(step).certificate_id
        self.attached.get(step.thing.name, set()).discard(certificate_id)

    def _add(self, step: Step) -> None:
        assert step.group is not None  # noqa: S101 - the planner's rule
        there = self._thing(step)
        if step.group not in self.groups:
            raise NotFoundError(f"no thing group {step.group}")
        groups = tuple(sorted({*there.groups, step.group}))
        self.things[there.name] = replace(there, groups=groups)

    def _remove(self, step: Step) -> None:
        there = self._thing(step)
        groups = tuple(group for group in there.groups if group != step.group)
        self.things[there.name] = replace(there, groups=groups)

    def _delete_certificate(self, step: Step) -> None:
        certificate_id = self._certificate(step).certificate_id
        there = self.certificates.get(certificate_id)
        if there is None:
            return
        is_attached = any(certificate_id in ids for ids in self.attached.values())
        if is_attached or there.status is CertificateStatus.ACTIVE:
            raise ConflictError(f"{certificate_id} is ACTIVE or attached")
        del self.certificates[certificate_id]

    def _delete(self, step: Step) -> None:
        if self.attached.get(step.thing.name):
            raise ConflictError(f"{step.thing.name} has certificates attached")
        self.things.pop(step.thing.name, None)


def _check_csr(csr_pem: str) -> None:
    if "CERTIFICATE REQUEST" not in csr_pem:
        raise InvalidInputError("csr is not a PEM certificate signing request")


def _check_id(certificate: Certificate) -> None:
    """Refuse a PEM that does not hash to its id, as a Region would name it.

    Tests of flows use short stand-ins that do not claim to be PEM: these pass.
    """
    if _PEM_BEGIN not in certificate.pem:
        return
    body = certificate.pem.partition(_PEM_BEGIN)[2].partition(_PEM_END)[0]
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
    except ValueError as error:
        raise InvalidInputError("the record's certificate is not PEM") from error
    if hashlib.sha256(der).hexdigest() != certificate.certificate_id:
        raise InvalidInputError("the certificate is not named by its hash")
