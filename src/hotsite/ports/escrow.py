"""Where private keys wait, sealed, for devices that cannot make one."""

from typing import Protocol

from hotsite.core.registry import Certificate


class Escrow(Protocol):
    """Makes key pairs, and keeps each private key sealed until it is fetched."""

    def issue(self, thing: str) -> Certificate:
        """Make a key pair and its ACTIVE certificate; keep the key sealed.

        Raises:
            ThrottledError: The quota of the Region is used up.
            UnreachableError: The Region did not answer.
        """
        ...

    def hand_over(self, thing: str, certificate_id: str) -> str | None:
        """Return a private key in PEM form, and forget it.

        Returns:
            The key for the first who asks in time, nothing for everybody else.

        Raises:
            UnreachableError: The Region did not answer; the key is kept.
        """
        ...
