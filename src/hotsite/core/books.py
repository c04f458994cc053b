"""The books of a drill: what stores held, and what devices say of their messages."""

from dataclasses import dataclass
from enum import StrEnum

from hotsite.core.intervals import Intervals


class Moment(StrEnum):
    """When a store was read.

    Right after the fault, at the end, or after the dead Region had returned.
    """

    AFTER_FAULT = "after_fault"
    END = "end"
    AFTER_RETURN = "after_return"


@dataclass(frozen=True, slots=True)
class StoreHeld:
    """What one site's store held of one device's messages of one epoch.

    A device whose store is empty is written too, with no interval, no rows and
    epoch 0: a store that nobody read is not an empty store. A later line about
    the same region, moment, device and epoch replaces an earlier one.

    Attributes:
        region: AWS Region of the store.
        moment: When the store was read.
        thing: The device.
        epoch: The device's counter of restarts of its numbering.
        held: Sequence numbers in the store.
        rows: Rows in the store; more rows than numbers are duplicates.
        digest: Of all that a query would show of them, in any order; empty if
            it was not read.
    """

    region: str
    moment: Moment
    thing: str
    epoch: int
    held: Intervals
    rows: int
    digest: str = ""


@dataclass(frozen=True, slots=True)
class DeviceReported:
    """What one device knows of its own messages of one epoch, at the end.

    Attributes:
        thing: The device.
        epoch: The device's counter of restarts of its numbering.
        published: Sequence numbers that it gave to messages.
        acknowledged: Those of them that were acknowledged (MQTT PUBACK).
        acknowledged_before_fault: Those acknowledged before the fault.
        dropped: Messages that it gave up because its outbox was full.
    """

    thing: str
    epoch: int
    published: Intervals
    acknowledged: Intervals
    acknowledged_before_fault: Intervals
    dropped: int
