"""What the operators of a disaster wished, as far as one can hold hotsite to it.

Two people who change the same name in two Regions at once get one of both wishes,
and nobody can say which (the last writer of an item wins). Kept here is what must
hold all the same: a device that nobody tried to delete is there, a certificate
that nobody tried to close lets it in, a revocation stands, and a deletion that
met nothing else stays a deletion.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(slots=True)
class Wishes:
    """The wishes of one disaster.

    Attributes:
        alive: Things whose making was acknowledged.
        endangered: Things that somebody tried to delete, by whatever way.
        buried: Things whose deletion was acknowledged, and met no other wish.
        certificates: Whose certificate an id is, once it was acknowledged.
        doubtful: Certificates that somebody tried to close or to take away.
        revoked: Certificates whose revocation was acknowledged.
        efforts: How often somebody began something about a name.
    """

    alive: set[str] = field(default_factory=set)
    endangered: set[str] = field(default_factory=set)
    buried: set[str] = field(default_factory=set)
    certificates: dict[str, str] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)
    efforts: Counter[str] = field(default_factory=Counter)
    _busy: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def effort(self, name: str) -> Iterator[None]:
        """Count what is done about a name; it may come back by that."""
        self.efforts[name] += 1
        self.buried.discard(name)
        self._busy[name] += 1
        try:
            yield
        finally:
            self._busy[name] -= 1

    def is_alone(self, name: str) -> bool:
        """Say whether only one effort about a name is under way."""
        return self._busy[name] == 1

    @property
    def standing(self) -> set[str]:
        """Return the things that must be there at the end."""
        return self.alive - self.endangered

    def open_certificates(self) -> Iterator[tuple[str, str]]:
        """Yield thing and id of the certificates that must let somebody in."""
        standing = self.standing
        for certificate_id, name in self.certificates.items():
            if name in standing and certificate_id not in self.doubtful:
                yield name, certificate_id
