"""Watch a device from outside: what brokers and name server wrote, what TCP shows.

A frozen broker writes nothing, but the system's kernel still takes connections for
it: those are found in ``/proc/net/tcp``.
"""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from hotsite.core import sightings
from hotsite.core.sightings import Dial, Sighting, Switched
from hotsite.errors import HotsiteError, UnreachableError
from hotsite.local.client import LocalCloud

_LOOK_EVERY_S = 0.05
# The kernel's tcp_states.h: ESTABLISHED and SYN_SENT.
_LIVE = {"01", "02"}
_STATE_COLUMN = 3


class Watch:
    """Everything that is seen of a cloud's clients, from now on."""

    def __init__(self, cloud: LocalCloud) -> None:
        """Begin to watch; `close` ends it."""
        self._cloud = cloud
        self._files = sorted(cloud.folder.glob("sightings-*.jsonl"))
        self._offsets = {path: path.stat().st_size for path in self._files}
        self._seen: list[Sighting] = []
        self._noticed: list[Sighting] = []
        self._frozen: str | None = None
        self._is_over = threading.Event()
        self._trouble = ""
        self._events = cloud.dns.events()
        self._threads = [
            threading.Thread(target=work, daemon=True)
            for work in (self._follow_dns, self._follow_dials)
        ]
        for thread in self._threads:
            thread.start()

    def seen(self) -> tuple[Sighting, ...]:
        """Return all that was seen so far, of all clients, in no order.

        Raises:
            UnreachableError: The name server has died.
        """
        if self._trouble:
            raise UnreachableError(self._trouble)
        for path in self._files:
            self._seen += self._news(path)
        return (*self._seen, *self._noticed)

    def expect_dials(self, site: str | None) -> None:
        """Look for connections to a site that is frozen; to none with None."""
        self._frozen = site

    def close(self) -> None:
        """Stop watching."""
        self._is_over.set()
        self._events.close()
        for thread in self._threads:
            thread.join()

    def _news(self, path: Path) -> Iterator[Sighting]:
        with path.open("rb") as file:
            file.seek(self._offsets[path])
            text = file.read()
        # A line that is being written is read the next time.
        whole = text[: text.rfind(b"\n") + 1]
        self._offsets[path] += len(whole)
        for line in whole.splitlines():
            yield sightings.read(json.loads(line), where=path.name)

    def _follow_dns(self) -> None:
        name = f"iot.{self._cloud.state.domain}"
        try:
            for event in self._events:
                facts = event.facts
                is_ours = str(facts.get("name", "")).rstrip(".") == name
                if event.kind == "dns_switched" and is_ours:
                    site = str(facts["set_identifier"])
                    self._noticed.append(Switched(event.world_s, site))
        except HotsiteError as error:
            if not self._is_over.is_set():
                self._trouble = str(error)

    def _follow_dials(self) -> None:
        site: str | None = None
        known: set[str] = set()
        while not self._is_over.wait(_LOOK_EVERY_S):
            wanted = self._frozen
            if wanted is None:
                site = None
                continue
            there = set(self._sockets(wanted))
            if site == wanted:
                now_s = time.time()
                self._noticed += [Dial(now_s, wanted) for _ in there - known]
            # A number that was seen once is never a new connection again.
            known = known | there if site == wanted else there
            site = wanted

    def _sockets(self, site: str) -> Iterator[str]:
        """Yield the client's end of each connection to a site's broker."""
        address = self._cloud.address(site).split(".")
        port = self._cloud.state.mqtt_port
        # The kernel writes an address as one number in the machine's byte order.
        wanted = "".join(f"{int(part):02X}" for part in reversed(address))
        for line in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]:
            fields = line.split()
            is_there = fields[2] == f"{wanted}:{port:04X}"
            if is_there and fields[_STATE_COLUMN] in _LIVE:
                yield fields[1]
