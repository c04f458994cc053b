"""What replication needs: the system of record, and IoT Core of one Region."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from hotsite.core.onboarding import Entry
from hotsite.core.registry import Certificate, Key, Kind, Record
from hotsite.core.replication import Present, Step


@dataclass(frozen=True, slots=True)
class KeyPage:
    """Some of the keys there are.

    Attributes:
        keys: In the order of their source, which promises none.
        next_token: Where the next page begins; nothing after the last page. A
            page may be empty and still not be the last.
    """

    keys: tuple[Key, ...]
    next_token: str | None = None


class Records(Protocol):
    """The system of record, as one Region's replica shows it."""

    def read(self, key: Key) -> Record:
        """Return the whole record of a key, read consistently.

        Raises:
            UnreachableError: The table did not answer.
            InvalidInputError: An item is of an unknown version or shape.
        """
        ...

    def write(self, record: Record, *, previous: Record) -> None:
        """Write what differs between two records, all or nothing.

        A certificate that leaves the record gets a tombstone, one that is newly
        in ``revoked`` its write-once item, a body that leaves a tombstone when
        ``is_deleted`` says so. Re-creating a deleted name needs ``life`` + 1.

        Args:
            record: What is wished from now on.
            previous: The record as it was read.

        Raises:
            UnreachableError: The table did not answer.
            ConflictError: An item changed here since ``previous`` was read.
            InvalidInputError: A body would leave without a tombstone.
        """
        ...

    def write_enrolled(self, entry: Entry, record: Record) -> None:
        """Write the claim's answer and the device's record, all or nothing.

        Raises:
            UnreachableError: The table did not answer.
            ConflictError: Another request answered the claim meanwhile.
        """
        ...

    def write_revoked(self, key: Key, certificate_id: str) -> None:
        """Write the revocation of a certificate, once and for ever.

        Needs no look at the record first, so that nothing can be in its way. One
        that is there already keeps its time, and is told of again by the stream.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def page(self, token: str | None = None) -> KeyPage:
        """Return some of the keys in the table, those of tombstones included.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def purge(self, record: Record) -> None:
        """Remove the tombstones in a record, if nothing changed since.

        Only for tombstones that are older than every backlog; revocations stay.

        Raises:
            UnreachableError: The table did not answer.
            ConflictError: An item changed here since the record was read.
        """
        ...


@dataclass(frozen=True, slots=True)
class ClaimPage:
    """Some of the claims there are; tokens as in ``KeyPage``."""

    entries: tuple[Entry, ...]
    next_token: str | None = None


class Claims(Protocol):
    """The claim ledger."""

    def read(self, claim_id: str) -> Entry | None:
        """Return a claim's line, or nothing when there is none.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def page(self, token: str | None = None) -> ClaimPage:
        """Return some of the claims.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def add(self, entry: Entry) -> bool:
        """Add an unused line; one that is there already is left as it is.

        Returns:
            Whether it was added.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def take(self, entry: Entry) -> None:
        """Mark a claim as taken by the CSR in the entry, if it was free.

        Raises:
            UnreachableError: The table did not answer.
            ConflictError: Another CSR was faster, or it is answered already.
        """
        ...


@dataclass(frozen=True, slots=True)
class Applied:
    """What one Region has applied of one key.

    Attributes:
        key: What it is about.
        record: What IoT Core was last made equal to, or nothing.
        digest: Digest of the record that was worked on to an end: applied, or
            failed for good. Empty before the first end.
        attempts: Records whose plans were begun since ``record`` was made
            equal and may be half done, oldest first.
        leased_until_s: Until when one worker has the key for itself, seconds
            since the epoch; 0 when nobody has. Longer than a worker can live.
        applied_at_s: When it was worked on to an end, seconds since the epoch.
        written_at_s: When what was worked on had been written, as well.
        call_count: Calls to IoT Core that it took.
        failure: Why it can never be applied, or nothing.
        revision: Number of this line's writes; a write says which it has seen.
    """

    key: Key
    record: Record | None = None
    digest: str = ""
    attempts: tuple[Record, ...] = ()
    leased_until_s: float = 0.0
    applied_at_s: float = 0.0
    written_at_s: float = 0.0
    call_count: int = 0
    failure: str | None = None
    revision: int = field(default=0, compare=False)

    @property
    def lag_s(self) -> float:
        """Return seconds from the record's last write until it was applied."""
        return max(0.0, self.applied_at_s - self.written_at_s)


@dataclass(frozen=True, slots=True)
class AppliedPage:
    """Some of what a Region has applied; tokens as in ``KeyPage``."""

    lines: tuple[Applied, ...]
    next_token: str | None = None


class AppliedRecords(Protocol):
    """What this Region has applied; a table of this Region only."""

    def read(self, key: Key) -> Applied | None:
        """Return what was applied of a key, or nothing.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def write(self, applied: Applied, *, previous: Applied | None) -> Applied:
        """Write a line, if nobody else did since it was read.

        Returns:
            The line with its new revision, to be the next ``previous``.

        Raises:
            UnreachableError: The table did not answer.
            ConflictError: ``previous`` is no longer what the table holds.
        """
        ...

    def page(self, token: str | None = None) -> AppliedPage:
        """Return some of the lines.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...


class Cursors(Protocol):
    """Where long work of this Region stands, so that it can go on after a kill."""

    def read(self, name: str) -> str | None:
        """Return what was kept under a name, or nothing.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...

    def write(self, name: str, text: str | None) -> None:
        """Keep a text of at most 300 kB under a name, or forget it.

        Raises:
            UnreachableError: The table did not answer.
        """
        ...


class Registry(Protocol):
    """IoT Core of one Region: things, what they share, and their shadows."""

    def issue(self, csr_pem: str) -> Certificate:
        """Issue an ACTIVE certificate for a signing request.

        Not idempotent on AWS: the same CSR gives a second, distinct
        certificate (botocore model, ``CreateCertificateFromCsr``).

        Raises:
            InvalidInputError: The CSR is not one, or its key is too weak.
            ThrottledError: The quota of the Region is used up.
            UnreachableError: The Region did not answer.
        """
        ...

    def perform(self, step: Step) -> None:
        """Make one call.

        Raises:
            ConflictError: It is there already and may differ, or another thing
                must go first.
            NotFoundError: It, or what it needs, is not there.
            ThrottledError: The quota of the Region is used up.
            UnreachableError: The Region did not answer.
            PermanentError: The Region will never accept this.
        """
        ...

    def observe(self, key: Key, certificate_ids: Sequence[str] = ()) -> Present:
        """Return what IoT Core holds of a key, whole.

        Args:
            key: What to look at.
            certificate_ids: Certificates to look for besides the attached ones.

        Raises:
            ThrottledError: The quota of the Region is used up.
            UnreachableError: The Region did not answer.
        """
        ...

    def page(self, kind: Kind, token: str | None = None) -> KeyPage:
        """Return some of the names of a kind that IoT Core holds.

        Shadows cannot be listed (no such API without fleet indexing): asking
        for them gives an empty page, and they are found by their things.

        Raises:
            ThrottledError: The quota of the Region is used up.
            UnreachableError: The Region did not answer.
        """
        ...
