"""One correction of ministack, with the behaviour that it corrects."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Function = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Patch:
    """One replaced function, or a module as another one sees it.

    Attributes:
        symbol: `module:name` inside ministack.
        corrects: what upstream does, and why that is not good enough.
        replace: takes the original and returns its replacement.
    """

    symbol: str
    corrects: str
    replace: Callable[[Any], Any]

    @property
    def target(self) -> tuple[str, str]:
        """The module and the name in it."""
        module, _, name = self.symbol.partition(":")
        return f"ministack.{module}", name
