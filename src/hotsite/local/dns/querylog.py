"""Write down what the name server is asked: one JSON line for each question.

Off unless the process is told a file.
"""

import json
import os
import time
from pathlib import Path

from hotsite.core import sightings
from hotsite.errors import InvalidInputError
from hotsite.local.dns.wire import HEADER, read_request


class QueryLog:
    """The file that questions are added to."""

    def __init__(self, path: Path) -> None:
        """Open it."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._descriptor = os.open(path, flags, 0o600)

    def see(self, packet: bytes) -> None:
        """Write down the question of a message, if it has one that can be read."""
        if len(packet) < HEADER.size:
            return
        try:
            question = read_request(packet).question
        except InvalidInputError:
            return
        name = question.name.rstrip(".")
        seen = sightings.Query(time.time(), name, str(question.type))
        line = json.dumps(sightings.write(seen), separators=(",", ":"))
        os.write(self._descriptor, line.encode() + b"\n")
