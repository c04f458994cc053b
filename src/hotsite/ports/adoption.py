"""What adopting a fleet needs: to know what is there."""

from typing import Protocol

from hotsite.core.adoption import Fleet


class Inventory(Protocol):
    """What AWS IoT Core of a Region holds."""

    def read(self) -> Fleet:
        """Return what there is; what could not be read is named."""
        ...
