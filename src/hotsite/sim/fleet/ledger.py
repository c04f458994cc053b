"""What a fleet really made and was told: the truth that stores are compared with."""

from collections import Counter
from dataclasses import dataclass, field

from hotsite.core.outbox import Key


@dataclass(slots=True)
class Account:
    """The truth about one device.

    Attributes:
        made: The text of each message that was ever made, by key.
        durable: Keys of those that were told to be durable.
        acknowledged: Which sites acknowledged a key, and when first.
        dropped: Keys that the outbox dropped by policy, to make room.
        problems: What must never happen, and did.
        counts: How often what happened.
        live_s_max: Longest time from durable to PUBACK, of a message that was
            alone, on a connection that nothing disturbed, in seconds.
    """

    made: dict[Key, bytes] = field(default_factory=dict)
    durable: set[Key] = field(default_factory=set)
    acknowledged: dict[Key, dict[str, float]] = field(default_factory=dict)
    dropped: set[Key] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    live_s_max: float = 0.0

    def make(self, key: Key, payload: bytes) -> None:
        """Note a message that was made."""
        if self.made.setdefault(key, payload) != payload:
            self.problems.append(f"the key {key.epoch}.{key.seq} was used twice")

    def acknowledge(self, key: Key, site: str, at_s: float) -> None:
        """Note that a site's broker took a message."""
        self.acknowledged.setdefault(key, {}).setdefault(site, at_s)
