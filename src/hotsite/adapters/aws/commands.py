"""``ports.operations.Commands`` on the data plane of AWS IoT Core of one Region.

Both calls are of ``iot-data`` and go to the Region's own Data-ATS endpoint: no control
plane is asked who is connected.
"""

from typing import Any

from hotsite.adapters.aws.session import translated
from hotsite.core.move import Move, encode
from hotsite.core.telemetry import move_topic
from hotsite.errors import NotFoundError


class IotCommands:
    """Implements ``ports.operations.Commands``."""

    def __init__(self, data: Any) -> None:
        """Take a boto3 client of ``iot-data``."""
        self._data = data

    def order(self, thing: str, move: Move) -> None:
        """Publish the order at QoS 1."""
        with translated(f"tell {thing} to move"):
            self._data.publish(topic=move_topic(thing), qos=1, payload=encode(move))

    def disconnect(self, thing: str) -> bool:
        """End a device's connection; its Will, which tells of deaths, stays unsaid.

        The client identifier is the thing's name, which the fleet's policy demands.
        """
        try:
            with translated(f"disconnect {thing}"):
                self._data.delete_connection(clientId=thing, preventWillMessage=True)
        except NotFoundError:
            return False
        return True
