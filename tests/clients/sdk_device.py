"""One device made with the AWS IoT Device SDK v2, which knows nothing of hotsite.

Runs in ``.venv-clients``. Connects, subscribes to its commands, publishes the
line of JSON that it was given, waits for one command and prints what it got.
"""

import argparse
import concurrent.futures
import contextlib
import json
import sys

from awscrt import mqtt, mqtt5
from awsiot import mqtt5_client_builder, mqtt_connection_builder

LIMIT_S = 20


def main():
    parser = argparse.ArgumentParser()
    for name in ("host", "ca", "certificate", "key", "thing", "message", "version"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    run = run_mqtt5 if options.version == "5" else run_mqtt3
    with contextlib.closing(run(options)) as steps:
        for step, value in steps:
            print(json.dumps({step: value}), flush=True)


def topics(options):
    return f"dt/{options.thing}/telemetry", f"cmd/{options.thing}/#"


def settings(options):
    return {
        "cert_filepath": options.certificate,
        "pri_key_filepath": options.key,
        "ca_filepath": options.ca,
        "endpoint": options.host,
        "port": 8883,
        "client_id": options.thing,
    }


def run_mqtt5(options):
    connected, command = (concurrent.futures.Future() for _ in range(2))
    client = mqtt5_client_builder.mtls_from_path(
        **settings(options),
        on_lifecycle_connection_success=connected.set_result,
        on_lifecycle_connection_failure=lambda data: connected.set_exception(
            data.exception
        ),
        on_publish_received=lambda data: command.set_result(data.publish_packet),
    )
    telemetry, commands = topics(options)
    client.start()
    yield "connected", connected.result(LIMIT_S).connack_packet.reason_code.name
    wish = mqtt5.Subscription(commands, mqtt5.QoS.AT_LEAST_ONCE)
    granted = client.subscribe(mqtt5.SubscribePacket([wish])).result(LIMIT_S)
    yield "subscribed", [code.name for code in granted.reason_codes]
    packet = mqtt5.PublishPacket(
        topic=telemetry, payload=options.message, qos=mqtt5.QoS.AT_LEAST_ONCE
    )
    done = client.publish(packet).result(LIMIT_S)
    yield "published", done.puback.reason_code.name
    yield "commanded", command.result(LIMIT_S).payload.decode()
    client.stop()


def run_mqtt3(options):
    command = concurrent.futures.Future()
    connection = mqtt_connection_builder.mtls_from_path(**settings(options))
    telemetry, commands = topics(options)
    connection.connect().result(LIMIT_S)
    yield "connected", "SUCCESS"

    def take(topic, payload, **_):
        command.set_result(payload)

    subscribed, _ = connection.subscribe(commands, mqtt.QoS.AT_LEAST_ONCE, take)
    granted = subscribed.result(LIMIT_S)
    yield "subscribed", [mqtt.QoS(granted["qos"]).name]
    published, _ = connection.publish(
        telemetry, options.message, mqtt.QoS.AT_LEAST_ONCE
    )
    published.result(LIMIT_S)
    yield "published", "SUCCESS"
    yield "commanded", command.result(LIMIT_S).decode()
    connection.disconnect().result(LIMIT_S)


if __name__ == "__main__":
    sys.exit(main())
