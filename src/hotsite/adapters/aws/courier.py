"""``ports.telemetry.Courier`` on the data plane of AWS IoT Core."""

from typing import Any

from hotsite.adapters.aws.session import translated


class IotCourier:
    """Implements ``ports.telemetry.Courier``."""

    def __init__(self, data: Any) -> None:
        """Take a boto3 client of ``iot-data``."""
        self._data = data

    def tell(self, topic: str, payload: bytes) -> None:
        """Publish at QoS 1."""
        with translated(f"publish on {topic}"):
            self._data.publish(topic=topic, qos=1, payload=payload)
