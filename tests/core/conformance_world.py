"""Made-up sightings of a device: a good one, to be made worse."""

from dataclasses import replace

from hotsite.core.conformance import Kept, Phase, Subject
from hotsite.core.intervals import Intervals
from hotsite.core.sightings import (
    Acknowledged,
    Answered,
    Closed,
    Connected,
    Dial,
    Hello,
    Mark,
    Message,
    Published,
    Query,
    Shown,
    Subscribed,
    Switched,
)

A, B = "eu-central-1", "eu-west-1"
NAME, OWN_B = "iot.hotsite.test", "iot-b.hotsite.test"
SUBJECT = Subject("oven-1", (NAME, OWN_B), "cmd/oven-1/#", 10.0, 150.0)
EPOCH = 7
ALL = frozenset(Phase)


class Device:
    """Writes down what brokers and name server would see of it."""

    def __init__(self, **changes):
        self.seen = []
        self.given = {
            "keep_alive_s": 30,
            "server_name": NAME,
            "client_id": "oven-1",
            "filters": ("cmd/oven-1/#",),
            "qos": 1,
        } | changes
        self.number = 0

    def mark(self, at_s, name, site=""):
        self.seen.append(Mark(at_s, name, site))

    def attempt(self, at_s, site, *, is_accepted=True, closed_at_s=None):
        self.number += 1
        here = (site, f"{site}/{self.number}")
        given = self.given
        client = (given["client_id"], 5, given["keep_alive_s"], True)
        self.seen += [
            Query(at_s - 0.1, given["server_name"], "A"),
            Hello(at_s, *here, given["server_name"], is_served=True),
            Shown(at_s + 0.01, *here, "certificate"),
            Connected(at_s + 0.02, *here, *client),
        ]
        if is_accepted:
            self.seen.append(Answered(at_s + 0.03, *here, 0, is_session_present=False))
            if given["filters"]:
                self.seen.append(Subscribed(at_s + 0.04, *here, given["filters"]))
        if closed_at_s is not None:
            self.seen.append(Closed(closed_at_s, *here))

    def publish(self, at_s, site, *seqs, is_acknowledged=True, digest="d"):
        here = (site, f"{site}/{self.number}")
        messages = tuple(Message(EPOCH, seq, f"{digest}{seq}") for seq in seqs)
        topic = "dt/oven-1/telemetry"
        qos = self.given["qos"]
        self.seen.append(Published(at_s, *here, topic, qos, messages, 0))
        if is_acknowledged:
            self.seen.append(Acknowledged(at_s + 0.01, *here, messages))

    def refused(self, at_s, gaps, back_s):
        self.mark(at_s, "deactivated")
        for gap in (1.0, *gaps):
            at_s += gap
            self.attempt(at_s, A, is_accepted=False, closed_at_s=at_s + 0.05)
        self.mark(at_s + 1, "reactivated")
        if back_s is not None:
            self.attempt(at_s + 1 + back_s, A)

    def lose(self, kind, at_s, **times):
        """Lose Region a; DNS changes, the device comes to b and is heard."""
        self.mark(at_s, kind, A)
        if times.get("switch_s") is not None:
            self.seen.append(Switched(at_s + times["switch_s"], B))
        self.seen += [Dial(at_s + dial_s, A) for dial_s in times.get("dials", ())]
        arrive_s = times.get("arrive_s")
        if arrive_s is not None:
            for _ in range(times.get("connects", 1) - 1):
                self.attempt(at_s + arrive_s, B, is_accepted=False)
                arrive_s += 1.5
            self.attempt(at_s + arrive_s, B)
            self.publish(at_s + arrive_s + 0.5, B, times.get("seq", 3))
        self.mark(at_s + 120, "thaw" if kind == "freeze" else "stopped", A)


GAPS = (1.2, 1.6, 3.1, 5.2, 9.8), (1.1, 2.9, 1.9, 7.4, 14.0)
GOOD_FREEZE = {"switch_s": 29.0, "arrive_s": 31.0, "dials": (12.0, 20.0)}
GOOD_KILL = {"switch_s": 21.0, "arrive_s": 28.0, "seq": 4}


def device(*, gaps=GAPS, back_s=4.0, freeze=None, kill=None, **changes):
    """Return the sightings of a whole play."""
    made = Device(**changes)
    made.mark(0, "started")
    made.attempt(1, A)
    made.publish(2, A, 1)
    made.refused(20, gaps[0], back_s)
    made.publish(90, A, 2)
    made.lose("freeze", 100, **(GOOD_FREEZE if freeze is None else freeze))
    made.refused(300, gaps[1], back_s)
    made.lose("kill", 400, **(GOOD_KILL if kill is None else kill))
    return made


def kept(*pairs):
    return (Kept(EPOCH, Intervals(pairs or ((1, 4),))),)


def without(seen, kind):
    return [one for one in seen if not isinstance(one, kind)]


def changed(seen, kind, **values):
    return [replace(o, **values) if isinstance(o, kind) else o for o in seen]
