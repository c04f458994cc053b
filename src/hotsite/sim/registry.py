"""IoT Core of one Region in memory, which fails on request.

What it refuses and what it lets pass follows the botocore model of AWS IoT as
``docs`` of the calls state it: a repeated CreateThing with the same content is
fine and with another one a conflict; a certificate is registered once; an
ACTIVE or attached certificate cannot be deleted.
"""

import base64
import hashlib
import heapq
from collections.abc import Callable, Iterable, Sequence

from hotsite.core.registry import (
    Certificate,
    CertificateStatus,
    Key,
    Kind,
    Shadows,
    ThingGroup,
    ThingType,
)
from hotsite.core.replication import Present, Step, Verb
from hotsite.errors import HotsiteError, InvalidInputError, UnreachableError
from hotsite.ports import KeyPage
from hotsite.sim import registry_calls
from hotsite.sim.registry_state import RegistryState, Rules

_PEM_BEGIN = "-----BEGIN CERTIFICATE-----"
_PEM_END = "-----END CERTIFICATE-----"


class SimRegistry(RegistryState):
    """Implements ``ports.Registry``.

    ``fail_at`` maps the number of a call, counted from 1, to the error that it
    raises instead of being made; ``fail_after`` raises once it was made, as a
    lost answer does.
    """

    def __init__(
        self,
        groups: Sequence[str] = ("fleet",),
        types: Sequence[str] = ("device", "gateway"),
        *,
        check_csr: Callable[[str], None] | None = None,
        rules: Rules | None = None,
        page_size: int = 3,
    ) -> None:
        """Start with thing groups and types, and nothing in them.

        Args:
            groups: Names of the thing groups that there are.
            types: Names of the thing types that there are.
            check_csr: Raises ``InvalidInputError`` for a bad CSR; by default
                anything that names itself one is good, so that tests of flows
                need no cryptography.
            rules: What takes time; by default nothing does.
            page_size: Names in a page, 1 or more.
        """
        super().__init__(rules or Rules())
        self.groups = {name: ThingGroup(name) for name in groups}
        self.types = {name: ThingType(name) for name in types}
        self.is_reachable = True
        self.calls: list[Verb] = []
        self.fail_at: dict[int, HotsiteError] = {}
        self.fail_after: dict[int, HotsiteError] = {}
        self.on_change: Callable[[Step], None] | None = None
        self.page_size = page_size
        self._check_csr = check_csr or _check_csr
        self._issued_count = 0

    def issue(self, csr_pem: str) -> Certificate:
        """Issue an ACTIVE certificate; the same CSR gives another one."""
        self._answer()
        self._check_csr(csr_pem)
        return self._issued(csr_pem)

    def issue_pair(self, thing: str) -> Certificate:
        """Issue an ACTIVE certificate for a key pair that is made here."""
        self._answer()
        return self._issued(f"key pair of {thing}")

    def _issued(self, what: str) -> Certificate:
        self._issued_count += 1
        der = f"{self._issued_count}{what}".encode()
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
        registry_calls.make(self, step)
        if self.on_change is not None:
            self.on_change(step)
        if number in self.fail_after:
            raise self.fail_after[number]

    def observe(self, key: Key, certificate_ids: Sequence[str] = ()) -> Present:
        """Return what is there of a key."""
        self._answer()
        return self.peek(key, certificate_ids)

    def peek(self, key: Key, certificate_ids: Sequence[str] = ()) -> Present:
        """Return what is there, even while the Region is down: for judges only."""
        name = key.name
        if key.kind is Kind.THING:
            return self._seen_thing(name, certificate_ids)
        if key.kind is Kind.POLICY:
            default = self.default_versions.get(name)
            others = (v for v in self.policy_versions.get(name, {}) if v != default)
            return Present(self.policies.get(name), versions=tuple(others))
        if key.kind is Kind.SHADOWS:
            documents = tuple(sorted(self.shadows.get(name, {}).items()))
            return Present(Shadows(name, documents) if documents else None)
        if key.kind is Kind.THING_GROUP:
            there = name in self.groups
            version = self.versions.get(str(key), 1) if there else None
            return Present(self.groups.get(name), version=version)
        is_type = key.kind is Kind.THING_TYPE
        return Present(self.types.get(name) if is_type else self.cas.get(name))

    def page(self, kind: Kind, token: str | None = None) -> KeyPage:
        """Return some of the names of a kind."""
        self._answer()
        names = heapq.nsmallest(
            self.page_size + 1,
            (name for name in self._names(kind) if token is None or name > token),
        )
        shown = names[: self.page_size]
        keys = tuple(Key(kind, name) for name in shown)
        return KeyPage(keys, shown[-1] if len(names) > len(shown) else None)

    def can_connect(self, name: str) -> bool:
        """Say whether a device of this name would be let in."""
        thing = self.things.get(name)
        return bool(thing and thing.groups) and any(
            self.certificates[item].status is CertificateStatus.ACTIVE
            for item in self.attached.get(name, ())
        )

    def _seen_thing(self, name: str, certificate_ids: Sequence[str]) -> Present:
        thing = self.things.get(name)
        attached = frozenset(self.attached.get(name, ())) if thing else frozenset()
        ids = dict.fromkeys((*certificate_ids, *sorted(attached)))
        found = tuple(self.certificates[i] for i in ids if i in self.certificates)
        version = self.versions.get(f"thing#{name}", 1) if thing else None
        return Present(thing, found, attached, version=version)

    def _names(self, kind: Kind) -> Iterable[str]:
        named: dict[Kind, Iterable[str]] = {
            Kind.THING: self.things,
            Kind.THING_GROUP: self.groups,
            Kind.THING_TYPE: self.types,
            Kind.POLICY: self.policies,
            Kind.CA_CERTIFICATE: self.cas,
        }
        return named.get(kind, ())

    def _answer(self) -> None:
        if not self.is_reachable:
            raise UnreachableError("the Region does not answer")


def _check_csr(csr_pem: str) -> None:
    if "CERTIFICATE REQUEST" not in csr_pem:
        raise InvalidInputError("csr is not a PEM certificate signing request")
