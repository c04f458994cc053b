"""``ports.operations.Compute`` of a pilot light: its canary's clock and its meter.

What costs while nobody is there is off: a canary every minute, and a function for
each batch of the hot table's stream. All that devices and apps call costs nothing
until it is called, and is always on. Both calls go to the Region's own EventBridge
and Lambda, neither to AWS IoT nor to Route 53.
"""

from typing import Any

from hotsite.adapters.aws.session import translated
from hotsite.errors import NotFoundError

CANARY, METER = "canary", "meter"
# Lambda API reference, EventSourceMappingConfiguration, ``State``.
_ON = frozenset({"Creating", "Enabling", "Enabled", "Updating"})


class AwsCompute:
    """Implements ``ports.operations.Compute``."""

    def __init__(self, events: Any, lambdas: Any, prefix: str) -> None:
        """Take two clients of the Region, and the prefix of all names."""
        self._events = events
        self._lambdas = lambdas
        self._rule = f"{prefix}-canary"
        self._function = f"{prefix}-meter"

    def off(self) -> tuple[str, ...]:
        """Return what is off; the canary first, because it has to prove health."""
        found = []
        with translated(f"look at the rule {self._rule}"):
            rule = self._events.describe_rule(Name=self._rule)
        if rule["State"] == "DISABLED":
            found.append(CANARY)
        if any(one["State"] not in _ON for one in self._mappings()):
            found.append(METER)
        return tuple(found)

    def on(self) -> tuple[str, ...]:
        """Return what is on, the canary last, as it is switched on first."""
        off = self.off()
        return tuple(name for name in (METER, CANARY) if name not in off)

    def switch_on(self, name: str) -> None:
        """Switch one of them on; what is on already stays so."""
        self._switch(name, is_on=True)

    def switch_off(self, name: str) -> None:
        """Switch one of them off; what is off already stays so."""
        self._switch(name, is_on=False)

    def _switch(self, name: str, *, is_on: bool) -> None:
        what = "on" if is_on else "off"
        if name == CANARY:
            switch = self._events.enable_rule if is_on else self._events.disable_rule
            with translated(f"switch the rule {self._rule} {what}"):
                switch(Name=self._rule)
            return
        if name != METER:
            raise NotFoundError(f"there is no {name} to switch {what}")
        for one in self._mappings():
            if (one["State"] in _ON) is not is_on:
                with translated(f"switch an event source of {self._function} {what}"):
                    self._lambdas.update_event_source_mapping(
                        UUID=one["UUID"], Enabled=is_on
                    )

    def _mappings(self) -> list[dict[str, Any]]:
        with translated(f"list the event sources of {self._function}"):
            pages = self._lambdas.get_paginator("list_event_source_mappings")
            return [
                one
                for page in pages.paginate(FunctionName=self._function)
                for one in page["EventSourceMappings"]
            ]
