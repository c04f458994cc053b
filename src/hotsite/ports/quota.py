"""The quota of calls to IoT Core that all workers of one Region share."""

from typing import Protocol

from hotsite.core.quota import Slots


class Quota(Protocol):
    """How often each API may be called, as all workers of a Region agree."""

    def take(self, api: str, count: int = 1, *, wait_s_max: float) -> Slots:
        """Take times at which an API may be called; nobody else gets them.

        Args:
            api: Its name, as ``core/apis.py`` spells it.
            count: How many calls, 1 or more.
            wait_s_max: Longest time until the first of them, in seconds.

        Raises:
            ThrottledError: The first would be later, or too many took slots at
                the same time; nothing was taken.
            InvalidInputError: The API's quota is not known.
            UnreachableError: The table did not answer.
        """
        ...

    def throttled(self, api: str) -> None:
        """Note that the Region refused a call for load: go slower for a while.

        Raises:
            InvalidInputError: The API's quota is not known.
            UnreachableError: The table did not answer.
        """
        ...
