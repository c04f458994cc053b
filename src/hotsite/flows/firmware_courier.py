"""Firmware by a courier: the device says what it wants, and believes nothing.

Implements the PAN's ``firmware`` endpoint. After each file the walk through the
repository begins anew and stops at the first file that is not there: that is what the
device wants next. So the courier needs to know nothing of how a repository is made.
"""

import logging
from collections.abc import Callable, Mapping

from hotsite.core.firmware import FirmwareRefusedError, Image, Judgement, Reason
from hotsite.core.slots import State
from hotsite.errors import UnreachableError
from hotsite.flows import firmware
from hotsite.ports.firmware import FirmwareSource, Inbox, SlotStore

_LOG = logging.getLogger(__name__)
# Nothing newer, which is good news; every other reason but TAKEN is a refusal.
_CURRENT = {Reason.CURRENT, Reason.NOTHING, Reason.OLDER, Reason.BEHIND}


class Courier:
    """What a phone that brings firmware talks to."""

    def __init__(
        self,
        store: SlotStore,
        inbox: Inbox,
        source: FirmwareSource,
        clock: Callable[[], float],
    ) -> None:
        """Take the slots, and a source that reads out of the inbox.

        Args:
            store: The slots.
            inbox: Where files go.
            source: Trusts signatures only; fetches from ``inbox``.
            clock: What the device's clock says, in seconds since the epoch.
        """
        self._store, self._inbox, self._source = store, inbox, source
        self._clock = clock
        self._reason: Reason | None = None
        self._ready: Image | None = None
        self._has_begun = False

    def status(self) -> Mapping[str, object]:
        """Return ``state``, ``version``, ``counter``, ``wanted`` and ``reason``."""
        slots = firmware.read(self._store)
        if self._reason is None and not self._inbox.wanted:
            self._walk()
        running = firmware.running(slots)
        wanted = [self._inbox.wanted] if self._inbox.wanted else []
        if slots.is_unconfirmed:
            state, wanted = "applied", []
        elif wanted:
            state = "receiving" if self._has_begun else "idle"
        elif self._ready is not None:
            state = "ready"
        else:
            state = "current" if self._reason in _CURRENT else "refused"
        return {
            "state": state,
            "version": running.version,
            "counter": slots.counter_min,
            "wanted": wanted,
            "reason": self._reason.value if self._reason is not None else None,
        }

    def start(self) -> None:
        """Forget what was received, and begin anew."""
        self._inbox.clear()
        self._has_begun = False
        self._forget()

    def receive(self, name: str, data: bytes) -> None:
        """Take one file.

        Raises:
            FirmwareRefusedError: The name is none of a repository, or it is too much.
            UnreachableError: It could not be kept.
        """
        self._inbox.receive(name, data)
        self._has_begun = True
        self._forget()

    def absent(self, name: str) -> None:
        """Hear that the repository has no such file."""
        self._inbox.absent(name)
        self._has_begun = True
        self._forget()

    def apply(self) -> None:
        """Write what was verified to the other slot; the next start tries it.

        Raises:
            FirmwareRefusedError: Nothing is ready, or it is not what was signed.
            UnreachableError: It could not be written.
        """
        slots = firmware.read(self._store)
        if slots.is_unconfirmed:
            return
        if self._ready is None:
            self._walk()
        if self._ready is None:
            raise FirmwareRefusedError(
                self._reason or Reason.INCOMPLETE, "there is nothing to apply"
            )
        firmware.stage(self._store, self._source, self._ready)
        if firmware.read(self._store).state is State.STAGED:
            firmware.arm(self._store)
        self._inbox.clear()

    def _forget(self) -> None:
        self._reason, self._ready = None, None
        self._inbox.begin()

    def _walk(self) -> None:
        """Go through what is here, as far as it goes."""
        self._forget()
        if firmware.read(self._store).is_unconfirmed:
            return
        try:
            found = self._found()
        except FirmwareRefusedError as error:
            self._reason = error.reason
            _LOG.warning("courier refused", extra={"reason": str(error)})
        except UnreachableError:
            # Not brought yet: the inbox knows what. Anything else is a broken disk.
            if not self._inbox.wanted:
                raise
        else:
            self._reason = found.reason
            self._ready = found.image if found.reason is Reason.TAKEN else None
        if self._reason in _CURRENT:
            # Of no more use: another day's courier brings another day's files.
            self._inbox.clear()

    def _found(self) -> Judgement:
        found = firmware.check(self._store, self._source, self._clock())
        if found.reason is Reason.TAKEN and found.image is not None:
            # Checked as a whole before it says that it can be applied.
            for _ in self._source.fetch(found.image):
                pass
        return found
