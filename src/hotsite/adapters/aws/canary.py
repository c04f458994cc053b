"""``ports.Canary``: one MQTT message, looked for in the hot table."""

import ssl
import tempfile
import time
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from hotsite.adapters.aws.canary_identity import Identity
from hotsite.adapters.aws.session import translated
from hotsite.core.outbox import Key
from hotsite.core.telemetry import (
    Telemetry,
    encode_message,
    sort_key,
    telemetry_topic,
)
from hotsite.errors import UnreachableError

# One attempt must end well within the health verdict's patience.
_CONNECT_LIMIT_S = 3.0


class MqttCanary:
    """Implements ``ports.Canary`` with a device certificate of this site."""

    def __init__(
        self,
        identity: Identity,
        *,
        address: tuple[str, int],
        dynamodb: Any,
        table: str,
    ) -> None:
        """Take who it is, the site's own MQTT name and port, and the table."""
        self._identity = identity
        self._address = address
        self._dynamodb = dynamodb
        self._table = table
        self._context = _context(identity)
        self._epoch = time.time_ns() // 1_000_000_000
        self._seq = 0

    def send(self) -> str:
        """Publish over MQTT with a device certificate; return its key."""
        self._seq += 1
        key = Key(self._epoch, self._seq)
        message = Telemetry(key, time.time_ns() / 1e9, '{"canary":true}')
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2, client_id=self._identity.thing_name
        )
        client.tls_set_context(self._context)
        client.connect_timeout = _CONNECT_LIMIT_S
        topic = telemetry_topic(self._identity.thing_name)
        try:
            client.connect(*self._address, keepalive=30)
            client.loop_start()
            sent = client.publish(topic, encode_message(message), qos=1)
            sent.wait_for_publish(_CONNECT_LIMIT_S)
            is_taken = sent.is_published()
        except (OSError, ValueError, RuntimeError) as error:
            raise UnreachableError(f"the broker refused the canary: {error}") from error
        finally:
            client.disconnect()
            client.loop_stop()
        if not is_taken:
            raise UnreachableError(f"no PUBACK within {_CONNECT_LIMIT_S:.0f} s")
        return sort_key(key)

    def has_arrived(self, key: str) -> bool:
        """Say whether the message is in the hot store."""
        wanted = {"pk": {"S": self._identity.thing_name}, "sk": {"S": key}}
        with translated("look for the canary"):
            answer = self._dynamodb.get_item(
                TableName=self._table, Key=wanted, ConsistentRead=True
            )
        return "Item" in answer


def _context(identity: Identity) -> ssl.SSLContext:
    context = ssl.create_default_context()
    # The ssl module loads a key from a file only: it exists for this call alone,
    # readable by this user only (NamedTemporaryFile creates it with mode 0600).
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(f"{identity.certificate_pem}\n{identity.private_key_pem}\n")
        file.flush()
        context.load_cert_chain(Path(file.name))
    return context
