"""A device made with paho-mqtt, with its stock settings.

Keep-alive 60 s, back-off 1 to 120 s, a queue in memory: paho's defaults. Its
documentation says to subscribe in on_connect; that is all that was added.
With --tuned, what hotsite's report recommends and paho can do.
"""

import random
import sys
import time
from pathlib import Path

import paho.mqtt.client as mqtt
from device import INTERVAL_S, messages, told
from paho.mqtt.enums import CallbackAPIVersion


def main():
    """Publish until somebody ends it."""
    given, is_tuned = told(), "--tuned" in sys.argv
    client = mqtt.Client(
        CallbackAPIVersion.VERSION2, client_id=given.thing, protocol=mqtt.MQTTv5
    )
    client.tls_set(given.ca, given.certificate, given.private_key)
    client.on_connect = lambda one, *_: one.subscribe(given.command_filter, qos=1)
    if is_tuned:
        jitter(client)
    keep_alive_s = 30 if is_tuned else 60
    client.connect_async(given.endpoint, given.port, keepalive=keep_alive_s)
    client.loop_start()
    for message in messages(Path(given.certificate).with_name("paho.epoch")):
        client.publish(given.topic, message, qos=1)
        time.sleep(INTERVAL_S)


def jitter(client):
    """Draw the bounds of the next wait anew after each failure."""

    def draw(one, *_):
        low = random.uniform(1, 4)
        one.reconnect_delay_set(min_delay=low, max_delay=random.uniform(4, 30))

    client.on_disconnect = draw
    client.on_connect_fail = draw


if __name__ == "__main__":
    main()
