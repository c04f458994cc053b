"""What the onboarding API needs besides the ledger: owners, audit, last messages."""

from dataclasses import dataclass
from typing import Protocol

from hotsite.core.enrolment import AuditLine, Owned, Rotation, Sighting
from hotsite.core.registry import Certificate, Record


@dataclass(frozen=True, slots=True)
class OwnedPage:
    """Some of a user's devices, by name; ``after`` of the next page, or nothing."""

    owned: tuple[Owned, ...]
    next_after: str | None = None


class Enrolments(Protocol):
    """Who owns what, and what was done to it; part of the system of record.

    ``Records.write_enrolled`` files a device under its owner and writes the first
    line of its audit.
    """

    def owned(self, subject: str, *, after: str | None, limit: int) -> OwnedPage:
        """Return some of a user's devices.

        Args:
            subject: The user.
            after: Only names that sort after this one.
            limit: How many at most, 1 or more.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def find(self, subject: str, thing: str) -> Owned | None:
        """Return a device, if it is this user's.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def rotation(self, thing: str, csr_digest: str) -> Certificate | None:
        """Return what a signing request was answered with, or nothing.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def write_rotated(
        self, rotation: Rotation, record: Record, *, previous: Record
    ) -> None:
        """Write a rotation, the record and a line of audit, all or nothing.

        Raises:
            UnreachableError: The table did not answer.
            ConflictError: The record changed since it was read, or the signing
                request was answered meanwhile.
        """
        ...

    def note(self, line: AuditLine) -> None:
        """Write a line of audit; one that is there already stays as it is.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def audit(self, thing: str) -> tuple[AuditLine, ...]:
        """Return what was done to a device, oldest first.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...


class LastMessages(Protocol):
    """The newest message of each device, in this Region's hot store."""

    def read(self, thing: str) -> Sighting | None:
        """Return when and where a device was last heard, or nothing.

        Raises:
            UnreachableError: The store did not answer.
        """
        ...


class Allowance(Protocol):
    """How often one user may ask for something that changes the world."""

    def spend(self, subject: str) -> None:
        """Count one request.

        Raises:
            TooOftenError: It is one too many; nothing was counted.
            UnreachableError: The table did not answer.
        """
        ...
