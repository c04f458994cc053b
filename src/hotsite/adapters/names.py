"""``ports.operations.NamesSeen``: where Route 53 leads, by the end of names.

The witness (``core.strategy``) and the sites' own names are chains of CNAMEs to the
sites' endpoints. The site whose own chain ends where that of the witness does is the
one that it leads to. A resolver between here and the zone may answer with what it
remembers, for the TTL at most.
"""

import socket
from collections.abc import Callable, Sequence

from hotsite.core.epoch import SITES
from hotsite.errors import UnreachableError


def ask_the_machine(name: str) -> str:
    """Return the end of a name's chain, as the resolver of this machine says.

    In AWS Lambda that is the resolver of its VPC.

    Raises:
        UnreachableError: There is no answer, or no address in it.
    """
    try:
        found = socket.getaddrinfo(
            name, None, socket.AF_INET, socket.SOCK_STREAM, flags=socket.AI_CANONNAME
        )
    except (OSError, UnicodeError) as error:
        raise UnreachableError(f"{name} does not resolve: {error}") from error
    return found[0][3] or name


class ResolvedNames:
    """Implements ``ports.operations.NamesSeen``."""

    def __init__(
        self,
        domain: str,
        witness: str,
        end_of: Callable[[str], str] = ask_the_machine,
        *,
        sites: Sequence[str] = SITES,
    ) -> None:
        """Take what is asked, and of whom.

        Args:
            domain: The owner's domain.
            witness: The name that leads to the active site.
            end_of: Says where the chain of a name ends.
            sites: The letters of all sites.
        """
        self._sites = sites
        self._domain = domain
        self._witness = witness
        self._end_of = end_of

    def leads_to(self) -> str | None:
        """Return the letter of the site that the name leads to now."""
        end = self._end_of(self._witness)
        silent = None
        for letter in self._sites:
            try:
                if self._end_of(f"iot-{letter}.{self._domain}") == end:
                    return letter
            except UnreachableError as error:
                silent = error
        if silent is not None:
            raise silent
        return None
