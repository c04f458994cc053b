"""What IoT Core holds and the record does not keep, to tell of it by name."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Unrecorded(StrEnum):
    """Kinds of what may be in a registry beside what hotsite records."""

    CERTIFICATE = "certificate"
    DYNAMIC_GROUP = "dynamic thing group"
    BILLING_GROUP = "billing group"


@dataclass(frozen=True, slots=True)
class NamePage:
    """Some names.

    Attributes:
        names: In the order of their source, which promises none.
        next_token: Where the next page begins; nothing after the last page.
    """

    names: tuple[str, ...]
    next_token: str | None = None


class Surroundings(Protocol):
    """What there is around the recorded names in one Region."""

    def things_of(self, certificate_id: str) -> tuple[str, ...]:
        """Return the names of the things that a certificate is attached to.

        Nothing for a certificate that is not there.

        Raises:
            ThrottledError: The quota of the Region is used up.
            UnreachableError: The Region did not answer.
        """
        ...

    def page(self, what: Unrecorded, token: str | None = None) -> NamePage:
        """Return some names; of certificates all there are, attached or not.

        Raises:
            ThrottledError: The quota of the Region is used up.
            UnreachableError: The Region did not answer.
        """
        ...
