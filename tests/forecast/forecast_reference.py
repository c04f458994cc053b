"""A fleet, device by device and event by event: what the forecast is held to.

Plain and slow. Each device decides with the agent's own ``Candidates``; nothing here
knows distributions or grids.
"""

import gc
import heapq
import random
from dataclasses import dataclass

from hotsite.core.candidates import Candidates
from hotsite.core.forecast.plan import FaultKind
from hotsite.core.hardship import Follow

DEAD, LIVING = "127.0.1.1", "127.0.2.1"
LONG_S = 86_400.0


@dataclass
class Outcome:
    """When each device was connected and back, and what that took."""

    connected_s: list
    back_s: list
    connects: int = 0


class Region:
    """Lets in so many CONNECTs a second: a bucket of a second's worth."""

    def __init__(self, rate):
        self.rate = rate
        self.tokens = rate
        self.at_s = 0.0

    def lets_in(self, now_s):
        if self.rate is None:
            return True
        grown = self.tokens + (now_s - self.at_s) * self.rate
        self.tokens, self.at_s = min(self.rate, grown), now_s
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Reference:
    """One failover of one fleet."""

    def __init__(self, plan, switched_s, seed):
        self.plan = plan
        self.uniform = random.Random(seed).random
        self.switched_s = switched_s
        self.region = Region(plan.quotas.connects_per_s)
        self.queue = []
        self.outcome = Outcome([0.0] * plan.devices, [0.0] * plan.devices)
        self.names = ("iot", "iot-a", "iot-b")
        if plan.device.follow is Follow.DNS:
            self.names = ("iot",)
        self.spoken_s = [0.0] * plan.devices

    def run(self):
        # A hundred thousand devices, none of them garbage before the end.
        gc.disable()
        try:
            return self.play()
        finally:
            gc.enable()

    def play(self):
        for number in range(self.plan.devices):
            self.begin(number)
        while self.queue:
            now_s, number, device, told_s = heapq.heappop(self.queue)
            self.attempt(now_s, number, device, told_s)
        return self.outcome

    def begin(self, number):
        """Let a device notice, and plan its first attempt."""
        noticed_s = self.notice(number)
        if self.plan.device.follow is Follow.PRE_WARMED:
            self.arrive(number, noticed_s)
            return
        device = Candidates(self.names, (8883,), self.plan.device.policy.backoff)
        is_silent = self.plan.fault is FaultKind.BLACK_HOLE
        at_s = device.leave(
            DEAD if is_silent else None, self.uniform(), noticed_s, lived_s=LONG_S
        )
        heapq.heappush(self.queue, (at_s, number, device, self.resolver()))

    def notice(self, number):
        policy, every_s = self.plan.device.policy, self.plan.device.publish_interval_s
        wait_s = self.uniform() * every_s
        self.spoken_s[number] = wait_s
        if self.plan.fault is not FaultKind.BLACK_HOLE:
            return 0.0
        silent_s = every_s - wait_s
        ping_s = policy.keep_alive_s - silent_s % policy.keep_alive_s
        if ping_s < wait_s:
            return ping_s + policy.ping_s_max
        return wait_s + policy.ack_s_max

    def resolver(self):
        """Return when a device's resolver begins to answer the living Region."""
        resolvers = self.plan.resolvers
        is_stretched = self.uniform() < resolvers.stretch_share
        ttl_s = resolvers.stretch_s if is_stretched else resolvers.ttl_s
        return self.switched_s + self.uniform() * max(ttl_s, resolvers.ttl_s)

    def attempt(self, now_s, number, device, told_s):
        while device.passes_over(self.resolve(device.name, now_s, told_s), now_s):
            pass
        if self.resolve(device.name, now_s, told_s) == DEAD:
            is_silent = self.plan.fault is FaultKind.BLACK_HOLE
            lost_s = self.plan.device.policy.attempt_s_max if is_silent else 0.0
            at_s = device.fail(DEAD, self.uniform(), now_s + lost_s)
        else:
            device.note_connect(now_s)
            self.outcome.connects += 1
            if self.region.lets_in(now_s):
                self.arrive(number, now_s)
                return
            at_s = device.throttle(self.uniform(), now_s)
        heapq.heappush(self.queue, (at_s, number, device, told_s))

    def resolve(self, name, now_s, told_s):
        if name == "iot":
            return LIVING if now_s >= told_s else DEAD
        return LIVING if name == "iot-b" else DEAD

    def arrive(self, number, now_s):
        self.outcome.connected_s[number] = now_s
        spoken_s = max(now_s, self.spoken_s[number])
        self.outcome.back_s[number] = spoken_s + self.plan.handshake_s
