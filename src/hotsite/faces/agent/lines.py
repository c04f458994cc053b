"""Write what happens as lines: JSON for programs, words for people."""

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict

from hotsite.core.device_values import (
    Acknowledged,
    Delivered,
    Failed,
    Joined,
    Left,
    Output,
    Refused,
)
from hotsite.core.outbox import EpochReport
from hotsite.faces.agent.crew import Sample

Event = dict[str, object]


def device_event(thing: str, output: Output) -> Event | None:
    """Return what an output says to the outside, or None."""
    match output:
        case Joined(site, address, replay_count):
            said: Event = {"site": site, "address": address, "replaying": replay_count}
            return {"kind": "device_connected", "thing": thing, **said}
        case Left(_site, reason):
            return {"kind": "device_disconnected", "thing": thing, "reason": reason}
        case Failed(reason):
            return {"kind": "device_attempt_failed", "thing": thing, "reason": reason}
        case Refused(key, code):
            refused: Event = {"seq": key.seq if key else None, "reason_code": code}
            return {"kind": "device_refused", "thing": thing, **refused}
        case Delivered(publish):
            # The topic only: a payload may hold what a log must not.
            return {"kind": "device_commanded", "thing": thing, "topic": publish.topic}
    return None


def message_event(thing: str, output: Output) -> Event | None:
    """Return the line about one acknowledged message; a fleet has too many."""
    if not isinstance(output, Acknowledged):
        return None
    key, site = output.key, output.acknowledgement.site
    told: Event = {"epoch": key.epoch, "seq": key.seq, "site": site}
    return {"kind": "message_acknowledged", "thing": thing, **told}


def sample_event(sample: Sample) -> Event:
    """Return the line about the whole fleet."""
    return {"kind": "fleet_sample", **asdict(sample)}


def report_event(thing: str, report: EpochReport, *, has_before: bool) -> Event:
    """Return the line about one device and epoch.

    Args:
        thing: The device.
        report: What its outbox knows.
        has_before: Whether ``acknowledged_before`` was asked for and is exact.
    """
    before = [list(pair) for pair in report.acknowledged_before.pairs]
    return {
        "kind": "device_reported",
        "thing": thing,
        "epoch": report.epoch,
        "published": [list(pair) for pair in report.published.pairs],
        "acknowledged": [list(pair) for pair in report.acknowledged.pairs],
        "acknowledged_before_fault": before if has_before else None,
        "dropped": report.dropped,
    }


def write_json(event: Mapping[str, object], *, at_s: float) -> None:
    """Write an event to stdout as one line of JSON."""
    line = json.dumps({**event, "at_s": round(at_s, 6)}, separators=(",", ":"))
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def write_words(event: Mapping[str, object], *, at_s: float) -> None:
    """Write an event to stderr as one line for a person."""
    words = " ".join(f"{k}={v}" for k, v in event.items() if k != "kind")
    sys.stderr.write(f"{at_s:.3f} {str(event['kind']).replace('_', ' ')}: {words}\n")
    sys.stderr.flush()
