"""What readiness needs besides the tables: quotas, names, and keys of devices."""

from typing import Protocol

from hotsite.core.doors import Door, Knock
from hotsite.core.headroom import Limit


class SiteQuotas(Protocol):
    """What an account may do in one Region."""

    def read(self) -> tuple[Limit, ...]:
        """Return every quota of ``core.headroom.Need``, AWS's default where not told.

        Raises:
            UnreachableError: The Region did not answer.
            PermanentError: It refuses to tell.
        """
        ...


class Doors(Protocol):
    """The names of sites, asked from outside by TLS."""

    def look(self, knock: Knock) -> Door:
        """Ask for one name; what is wrong with it is in the answer, never raised."""
        ...


class Keys(Protocol):
    """Devices that lent their own certificate and key."""

    def names(self) -> tuple[str, ...]:
        """Return the names of their things, sorted."""
        ...

    def connect(self, thing: str, at: str) -> float:
        """Connect once as a device, and disconnect again.

        Args:
            thing: One of ``names``.
            at: The MQTT name to connect to.

        Returns:
            Seconds from dialling until the CONNACK.

        Raises:
            UnreachableError: Nobody answered.
            RefusedError: The device was not let in.
            InvalidInputError: Its certificate or key cannot be used.
        """
        ...
