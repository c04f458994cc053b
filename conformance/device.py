"""What both reference devices share: numbers, messages, what they are told.

A device of the field has more; these have just what telemetry needs: a key of epoch
and sequence number in each message, and both on disk.
"""

import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

INTERVAL_S = 1.0


@dataclass(frozen=True)
class Told:
    """What `hotsite conformance` tells a device."""

    thing: str
    endpoint: str
    port: int
    certificate: str
    private_key: str
    ca: str
    topic: str
    command_filter: str


def told():
    """Read the environment."""
    given = os.environ
    return Told(
        thing=given["HOTSITE_THING"],
        endpoint=given["HOTSITE_ENDPOINT"],
        port=int(given["HOTSITE_PORT"]),
        certificate=given["HOTSITE_CERTIFICATE"],
        private_key=given["HOTSITE_PRIVATE_KEY"],
        ca=given["HOTSITE_CA"],
        topic=given["HOTSITE_TELEMETRY_TOPIC"],
        command_filter=given["HOTSITE_COMMAND_FILTER"],
    )


def messages(state: Path):
    """Yield messages, one at a time; the epoch counts starts, the number goes on."""
    epoch = int(state.read_text()) + 1 if state.exists() else int(time.time())
    state.write_text(str(epoch))
    seq = 0
    while True:
        seq += 1
        body = {
            "sk": f"{epoch:010d}#{seq:012d}",
            "epoch": epoch,
            "seq": seq,
            "published_at_s": round(time.time(), 6),
            "data": {"temperature_c": 20.5},
        }
        yield json.dumps(body)
