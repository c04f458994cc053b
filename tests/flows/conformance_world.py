"""A device and two Regions in virtual time, as ``ports.conformance`` shows them."""

import random

from hotsite.core.conformance import Kept
from hotsite.core.intervals import Intervals
from hotsite.core.sightings import (
    Acknowledged,
    Answered,
    Closed,
    Connected,
    Dial,
    Hello,
    Message,
    Published,
    Query,
    Shown,
    Subscribed,
    Switched,
)

A, B = "eu-central-1", "eu-west-1"
NAME = "iot.hotsite.test"
EPOCH = 7
TICK_S = 0.25
# How long health checks take: for a Region that resets, that is silent, that is back.
FLIP_S = {"kill": 21.0, "freeze": 29.0, "thaw": 12.0}


class SimConformance:
    """Implements ``ConformanceWorld``.

    Args:
        clock: Virtual time.
        notice_s: When the device leaves a silent Region; None for never.
        has_outbox: Whether it sends again what another Region may not have.
        dies_at_s: When its program ends by itself, after the start.
        is_mute: Whether it connects to nothing.
    """

    def __init__(
        self, clock, *, notice_s=15.0, has_outbox=True, dies_at_s=None, is_mute=False
    ):
        self.clock = clock
        self.notice_s, self.has_outbox = notice_s, has_outbox
        self.dies_at_s, self.is_mute = dies_at_s, is_mute
        self.is_running = False
        self.is_active, self.lag_s = True, 0.0
        self.health = {A: "", B: ""}
        self.flips = []
        self.found = []
        self.answer = A
        self.at_site, self.connection = None, 0
        self.failures, self.next_s, self.seq = 0, 0.0, 0
        self.stored = {A: set(), B: set()}
        self.unsent = []
        self.chance = random.Random(1)
        self.now_s = clock.now_s()
        self.began_s = self.now_s
        self.hurt_at_s = 0.0

    def start(self):
        self.now_s = self.began_s = self.clock.now_s()
        self.is_running = not self.is_mute

    def stop(self):
        self._advance()
        self.is_running = False

    def device_trouble(self):
        if self.dies_at_s is None or self.clock.now_s() - self.began_s < self.dies_at_s:
            return None
        self.is_running = False
        return "the device's program ended with exit code 1"

    def fault(self, kind, site):
        self._advance()
        self.health[site] = "" if kind == "thaw" else kind
        self.hurt_at_s = self.now_s
        other = B if site == A else A
        to = site if kind == "thaw" and site == A else other
        self.flips.append((self.now_s + FLIP_S[kind], to))

    def set_certificate(self, *, is_active):
        self._advance()
        self.is_active = is_active

    def set_replication_lag(self, lag_s):
        self.lag_s = lag_s

    def is_whole(self):
        self._advance()
        return not self.flips and not any(self.health.values())

    def seen(self):
        self._advance()
        return tuple(self.found)

    def kept(self, site):
        return (Kept(EPOCH, Intervals.from_numbers(self.stored[site])),)

    def _advance(self):
        while self.now_s < self.clock.now_s():
            self.now_s += TICK_S
            for at_s, site in [one for one in self.flips if one[0] <= self.now_s]:
                self.flips.remove((at_s, site))
                if site != self.answer:
                    self.answer = site
                    self.found.append(Switched(at_s, site))
            if self.is_running:
                self._step()

    def _step(self):
        if self.at_site is None:
            if self.now_s >= self.next_s:
                self._attempt()
            return
        trouble = self.health[self.at_site]
        if not self.is_active:
            self.found.append(Closed(self.now_s, *self._here()))
            self._lose()
        elif trouble == "kill":
            self._lose()
        elif trouble == "freeze":
            patience_s = self.notice_s
            if patience_s is not None and self.now_s - self.hurt_at_s > patience_s:
                self._lose()
        elif self.now_s % 1 == 0:
            self._publish()

    def _lose(self):
        self.at_site = None
        self.next_s = self.now_s + 1 + self.chance.random()

    def _attempt(self):
        site = self.answer
        self.found.append(Query(self.now_s, NAME, "A"))
        wait_s = self.chance.uniform(1, min(16, 2.0 ** (1 + self.failures)))
        self.failures += 1
        self.next_s = self.now_s + wait_s
        if self.health[site]:
            if self.health[site] == "freeze":
                self.found.append(Dial(self.now_s, site))
            return
        self.connection += 1
        here = (site, f"{site}/{self.connection}")
        at_s = self.now_s
        self.found += [
            Hello(at_s, *here, NAME, is_served=True),
            Shown(at_s, *here, "certificate"),
            Connected(at_s, *here, "oven-1", 5, 30, is_clean=True),
        ]
        if not self.is_active:
            self.found.append(Closed(at_s, *here))
            return
        self.failures, self.at_site = 0, site
        self.found += [
            Answered(at_s, *here, 0, is_session_present=False),
            Subscribed(at_s, *here, ("cmd/oven-1/#",)),
        ]

    def _publish(self):
        self.seq += 1
        self.unsent.append(self.seq)
        for seq in self.unsent if self.has_outbox else [self.seq]:
            message = (Message(EPOCH, seq, f"d{seq}"),)
            here = (self.now_s, *self._here())
            self.found.append(Published(*here, "dt/oven-1/telemetry", 1, message))
            self.found.append(Acknowledged(*here, message))
            self.stored[self.at_site].add(seq)
            other = B if self.at_site == A else A
            if not self.lag_s:
                self.stored[other].add(seq)
        self.unsent = self.unsent[-20:] if self.lag_s else []

    def _here(self):
        return self.at_site, f"{self.at_site}/{self.connection}"
