"""A device made with the AWS IoT Device SDK v2 (MQTT 5), with its stock settings.

Needs awsiotsdk. Keep-alive 1,200 s, back-off 1 to 120 s with jitter, retry of
unacknowledged messages in the SDK's queue: the builder's defaults. The SDK's samples
subscribe once it is connected; that is all that was added.
With --tuned, what hotsite's report recommends and the SDK can do.
"""

import sys
import time
from pathlib import Path

from awscrt import mqtt5
from awsiot import mqtt5_client_builder
from device import INTERVAL_S, messages, told

TUNED = {
    "keep_alive_interval_sec": 30,
    "ping_timeout_ms": 5_000,
    "min_reconnect_delay_ms": 1_000,
    # Also how often the SDK asks DNS again: an address lives 30 s at least.
    "max_reconnect_delay_ms": 8_000,
    "ack_timeout_sec": 10,
}


def main():
    """Publish until somebody ends it."""
    given = told()
    client = None

    def subscribe(data):
        if not data.connack_packet.session_present:
            wish = mqtt5.Subscription(given.command_filter, mqtt5.QoS.AT_LEAST_ONCE)
            client.subscribe(mqtt5.SubscribePacket([wish]))

    client = mqtt5_client_builder.mtls_from_path(
        cert_filepath=given.certificate,
        pri_key_filepath=given.private_key,
        ca_filepath=given.ca,
        endpoint=given.endpoint,
        port=given.port,
        client_id=given.thing,
        on_lifecycle_connection_success=subscribe,
        on_lifecycle_connection_failure=lambda data: print(data.exception, flush=True),
        **(TUNED if "--tuned" in sys.argv else {}),
    )
    client.start()
    for message in messages(Path(given.certificate).with_name("sdk.epoch")):
        packet = mqtt5.PublishPacket(
            topic=given.topic, payload=message, qos=mqtt5.QoS.AT_LEAST_ONCE
        )
        client.publish(packet)
        time.sleep(INTERVAL_S)


if __name__ == "__main__":
    main()
