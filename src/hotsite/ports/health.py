"""What health needs: one message through a site, and where its verdict is kept."""

from typing import Protocol

from hotsite.core.health import HealthVerdict


class HealthVerdicts(Protocol):
    """Where a site keeps its canary's last verdict."""

    def read(self) -> HealthVerdict | None:
        """Return the last verdict, or nothing when there is none.

        Raises:
            UnreachableError: The store did not answer.
        """
        ...

    def write(self, verdict: HealthVerdict) -> None:
        """Replace the last verdict.

        Raises:
            UnreachableError: The store did not answer.
        """
        ...


class Canary(Protocol):
    """One message through the whole path of a site."""

    def send(self) -> str:
        """Publish over MQTT with a device certificate; return its key.

        Raises:
            UnreachableError: The broker did not take it in time.
        """
        ...

    def has_arrived(self, key: str) -> bool:
        """Say whether the message is in the hot store.

        Raises:
            UnreachableError: The store did not answer.
        """
        ...
