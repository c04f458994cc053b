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
    Moved,
    Output,
    Refused,
    Resumed,
    Standby,
    Stayed,
)
from hotsite.core.outbox_report import EpochReport
from hotsite.faces.agent.crew import Sample

Event = dict[str, object]


def device_event(thing: str, output: Output) -> Event | None:
    """Return what an output says to the outside, or None."""
    said: Event
    match output:
        case Joined(site, address, replay_count):
            kind = "connected"
            said = {"site": site, "address": address, "replaying": replay_count}
        case Resumed(site, vouched, _by, missing_count, reason):
            kind = "resumed"
            counts: Event = {"vouched": len(vouched), "missing": missing_count}
            said = {"site": site, **counts, "reason": reason}
        case Standby(site, reason):
            kind, said = "standby", {"site": site, "reason": reason}
        case Moved(name, site):
            kind, said = "moved", {"endpoint": name, "site": site}
        case Stayed(reason):
            kind, said = "stayed", {"reason": reason}
        case Left(_site, reason):
            kind, said = "disconnected", {"reason": reason}
        case Failed(reason):
            kind, said = "attempt_failed", {"reason": reason}
        case Refused(key, code):
            kind, said = "refused", {"seq": key and key.seq, "reason_code": code}
        case Delivered(publish):
            # The topic only: a payload may hold what a log must not.
            kind, said = "commanded", {"topic": publish.topic}
        case _:
            return None
    return {"kind": f"device_{kind}", "thing": thing, **said}


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
