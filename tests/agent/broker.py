"""A small MQTT broker over real TLS sockets, with the faults of a Region."""

import asyncio
import ssl
from collections import Counter

from hotsite.core import resume, telemetry
from hotsite.core.mqtt import Parser, encode
from hotsite.core.mqtt_packets import (
    Connack,
    Connect,
    Disconnect,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
)


class Session(asyncio.Protocol):
    def __init__(self, broker):
        self.broker = broker
        self.parser = Parser()
        self.client_id = None

    def connection_made(self, transport):
        self.transport = transport
        tls = transport.get_extra_info("ssl_object")
        self.protocol = tls.selected_alpn_protocol()
        self.broker.sessions.add(self)

    def connection_lost(self, exc):
        self.broker.sessions.discard(self)

    def data_received(self, data):
        packets = self.parser.feed(data)
        if not self.broker.is_frozen:
            for packet in packets:
                self.answer(packet)

    def send(self, packet):
        self.transport.write(encode(packet, self.parser.version))

    def answer(self, packet):
        broker = self.broker
        match packet:
            case Connect():
                self.client_id = packet.client_id
                broker.connects.append(packet)
                self.send(Connack(broker.connack_code, properties=broker.properties))
            case Publish(topic, payload, packet_id=packet_id):
                code = broker.puback_codes.pop(0) if broker.puback_codes else 0
                if packet_id:
                    self.send(Puback(packet_id, code))
                if not code:
                    self.take(topic, payload)
            case Subscribe(packet_id, subscriptions):
                broker.subscriptions.extend(s.topic_filter for s in subscriptions)
                self.send(Suback(packet_id, (1,) * len(subscriptions)))
            case Puback(packet_id):
                broker.acknowledged.append(packet_id)
            case Pingreq():
                self.send(Pingresp())
            case Disconnect():
                broker.goodbyes += 1
        broker.changed.set()

    def take(self, topic, payload):
        """Do as the rules and functions of a site do."""
        broker, thing = self.broker, self.client_id
        if topic == telemetry.resume_topic(thing):
            ask = resume.decode_ask(payload)
            broker.asked.append(ask)
            if broker.stored is not None:
                answer = resume.encode(resume.answer(ask, broker.stored))
                back = telemetry.resume_answer_topic(thing)
                self.send(Publish(back, answer, qos=1, packet_id=1))
        elif topic == telemetry.batch_topic(thing):
            messages, rejects = telemetry.unpack(payload)
            assert not rejects
            broker.batches.append(len(messages))
            texts = map(telemetry.encode_message, messages)
            broker.received.extend((topic, text) for text in texts)
        else:
            broker.received.append((topic, payload))
            if not broker.subscriptions:
                broker.unheard.append(topic)


class Broker:
    """Listens from ``start`` to ``kill``; everything it saw is public."""

    def __init__(self, tls, address, port):
        self.tls, self.address, self.port = tls, address, port
        self.sessions = set()
        self.connects, self.received = [], []
        self.subscriptions, self.acknowledged = [], []
        self.puback_codes, self.properties = [], ()
        # What the site's table holds, by epoch; None answers no question.
        self.stored = None
        self.asked, self.batches = [], []
        # What came before anybody would have heard an answer.
        self.unheard = []
        self.connack_code = self.goodbyes = 0
        self.is_frozen = False
        self.changed = asyncio.Event()
        self.server = None

    async def start(self):
        self.server = await asyncio.get_running_loop().create_server(
            lambda: Session(self), self.address, self.port, ssl=self.tls
        )
        return self

    async def kill(self):
        """End as a killed process does: every socket reset at once."""
        self.server.close()
        for session in tuple(self.sessions):
            session.transport.abort()
        await asyncio.sleep(0)

    def command(self, topic, payload):
        """Say something to every device."""
        for session in self.sessions:
            session.send(Publish(topic, payload, qos=1, packet_id=1))

    async def until(self, condition, *, time_s_max=15.0):
        """Wait until the condition holds; every packet makes it look again."""
        async with asyncio.timeout(time_s_max):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def counts(self):
        """Return how often each message arrived."""
        return Counter(payload for _topic, payload in self.received)


def server_tls(authority, name, *, wants_client=True):
    """Return the broker's TLS settings with a certificate for the name."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = authority.issue(name)
    context.load_cert_chain(certificate, key)
    if wants_client:
        context.load_verify_locations(authority.path)
        context.verify_mode = ssl.CERT_REQUIRED
    return context
