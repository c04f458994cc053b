"""How many CONNECTs a device sends until it is back, where a quota refuses some.

Virtual time and the real state machine of the device: AWS IoT Core admits so many
CONNECTs a second and account and refuses the rest with reason code 0x97 (MQTT 5.0
section 3.2.2.2). A device that was refused must wait somewhere in N / R, not try
again at once. Arithmetic of decisions, not a measurement of a broker.
"""

import heapq
import itertools
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field

from benchmark import Result

from hotsite.core.backoff import BackoffPolicy
from hotsite.core.device import Device, State
from hotsite.core.device_values import (
    Close,
    DevicePolicy,
    Dial,
    Dialled,
    Identity,
    Input,
    Output,
    Queued,
    Resolve,
    Resolved,
    Send,
    Start,
    Tick,
)
from hotsite.core.history import percentile
from hotsite.core.mqtt_packets import (
    Connack,
    Connect,
    Pingreq,
    Pingresp,
    Puback,
    Publish,
    Suback,
    Subscribe,
)
from hotsite.core.outbox import Key, Message, Outbox, OutboxPolicy, Snapshot

DEVICES = 1000
# The quota admits the fleet in 20 s: as 60,000 devices at AWS's 3,000 a second.
PER_S = 50.0
QUOTA_EXCEEDED = 0x97
CONNECTS_MAX = 2.1
PUBLISH_EVERY_S = 2.0
FAULT_S = 60.0
DNS_AFTER_S = 25.0
END_S = 180.0
ROUND_TRIP_S = 0.05
NAMES = ("iot.hotsite.test", "iot-a.hotsite.test", "iot-b.hotsite.test")


@dataclass
class Quota:
    """A bucket of tokens that holds those of one second."""

    per_s: float
    tokens: float = 0.0
    at_s: float = 0.0

    def admits(self, now_s: float) -> bool:
        """Take a token if there is one."""
        earned = (now_s - self.at_s) * self.per_s
        self.tokens, self.at_s = min(self.tokens + earned, self.per_s), now_s
        is_admitted = self.tokens >= 1
        self.tokens -= is_admitted
        return is_admitted


@dataclass
class Client:
    """One device, and what it did since the fault."""

    device: Device
    seq: int = 0
    line: int = 0
    connects: int = 0
    back_s: float | None = None


@dataclass
class Storm:
    """A fleet, two Regions, one fault."""

    quota: Quota
    chance: random.Random
    now_s: float = 0.0
    queue: list[tuple[float, int, "Client", Input, int]] = field(default_factory=list)
    order: Iterator[int] = field(default_factory=itertools.count)

    def at(self, delay_s: float, client: Client, happened: Input, line: int) -> None:
        """Let something happen to a device later."""
        entry = (self.now_s + delay_s, next(self.order), client, happened, line)
        heapq.heappush(self.queue, entry)

    def play(self, clients: list[Client]) -> None:
        """Run until the end."""
        for client in clients:
            self.at(self.chance.uniform(0, 30), client, Start(), 0)
            self.at(
                30 + self.chance.uniform(0, PUBLISH_EVERY_S), client, queued(client), -1
            )
        while self.queue and self.queue[0][0] < END_S:
            self.now_s, _, client, happened, line = heapq.heappop(self.queue)
            if line > 0 and line != client.line:
                # An answer on a connection that the device has given up.
                continue
            if isinstance(happened, Queued):
                client.device.outbox.reserve()
                self.at(PUBLISH_EVERY_S, client, queued(client), -1)
            outputs = client.device.handle(happened, now_s=self.now_s)
            for output in outputs:
                self.obey(client, output)
            due_s = client.device.deadline_s()
            if due_s < END_S:
                self.at(max(0.0, due_s - self.now_s) + 0.001, client, Tick(), -1)

    def obey(self, client: Client, output: Output) -> None:
        """Do what a device wants."""
        match output:
            case Resolve(name):
                client.line += 1
                site = self.site(name)
                found = Resolved(f"127.0.0.{site}", site, 5.0)
                self.at(0.005, client, found, client.line)
            case Dial(address):
                if not self.is_dead(address[-1]):
                    self.at(ROUND_TRIP_S, client, Dialled(), client.line)
            case Close():
                client.line += 1
            case Send(packet):
                self.receive(client, packet)

    def receive(self, client: Client, packet: object) -> None:
        """Answer as the broker that the device is connected to."""
        site = client.device.site
        if self.is_dead(site):
            return
        answer: Input
        match packet:
            case Connect():
                answer = self.greet(client)
            case Publish(packet_id=number):
                answer = Puback(number)
            case Subscribe(packet_id=number, subscriptions=topics):
                answer = Suback(number, (1,) * len(topics))
            case Pingreq():
                answer = Pingresp()
            case _:
                return
        self.at(ROUND_TRIP_S, client, answer, client.line)

    def greet(self, client: Client) -> Connack:
        """Answer a CONNECT, by the quota once the fault has come."""
        if self.now_s < FAULT_S:
            return Connack()
        client.connects += 1
        if not self.quota.admits(self.now_s):
            return Connack(QUOTA_EXCEEDED)
        client.back_s = client.back_s or self.now_s - FAULT_S
        return Connack()

    def site(self, name: str) -> str:
        """Return where a name leads."""
        if name == NAMES[0]:
            return "b" if self.now_s >= FAULT_S + DNS_AFTER_S else "a"
        return name[4]

    def is_dead(self, site: str) -> bool:
        """Return whether a site is silent."""
        return site == "a" and self.now_s >= FAULT_S


def queued(client: Client) -> Queued:
    """Return the device's next message, durable."""
    client.seq += 1
    return Queued(Message(Key(1, client.seq), b"{}"))


def connects(count: int = DEVICES) -> Iterator[Result]:
    """Let a Region fall silent under a fleet, and count the CONNECTs to the other."""
    chance = random.Random(1)
    backoff = BackoffPolicy(throttle_spread_s=count / PER_S)
    policy = DevicePolicy(backoff=backoff, resume_s_max=0.0)
    clients = [
        Client(
            Device(
                Identity(f"device-{n}", NAMES),
                Outbox(Snapshot(epoch=1), OutboxPolicy()),
                policy,
                uniform=chance.random,
            )
        )
        for n in range(count)
    ]
    storm = Storm(Quota(PER_S, PER_S, FAULT_S), chance)
    storm.play(clients)
    times = [client.back_s for client in clients if client.back_s is not None]
    # Who never came back would hide in an average.
    back = sum(c.device.state is State.CONNECTED for c in clients)
    total = sum(client.connects for client in clients)
    yield Result(
        "connects-per-failover",
        total / count,
        "CONNECTs/device",
        CONNECTS_MAX,
        is_upper_bound=True,
        peer="one each, nobody refused",
        peer_value=1.0,
        details={
            "devices": float(count),
            "back": float(back),
            "quota_per_s": PER_S,
            "most_of_one_device": float(max(c.connects for c in clients)),
            "back_p50_s": percentile(times, 50, total=count) or END_S,
            "back_p99_s": percentile(times, 99, total=count) or END_S,
            "quota_bound_s": count / PER_S,
        },
    )


if __name__ == "__main__":
    for result in connects(*map(int, sys.argv[1:])):
        print(result)
