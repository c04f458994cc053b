"""The SQL of topic rules: functions that the emulator lacks, and less parsing.

Only what hotsite's own rules need is here; the developer guide's list of functions
is much longer.
"""
# ruff: noqa: SLF001 - ministack offers no public look-ups; `patches` checks the version.

import functools
import json
from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]
# Rules are few, and each has few parts.
_REMEMBERED_MAX = 4096


def remember(original: Function) -> Function:
    """Return a pure function of text that parses each text once."""
    return functools.lru_cache(maxsize=_REMEMBERED_MAX)(original)


def more_functions(iot: Any) -> Callable[[Function], Function]:
    """Return what adds functions to the emulator's evaluator.

    Args:
        iot: Its module of AWS IoT.
    """

    def replace(original: Function) -> Function:
        def evaluate(name: str, args: list[str], *message: Any) -> Any:
            found = _FUNCTIONS.get(name)
            if found is None or len(args) != 1:
                return original(name, args, *message)
            value = iot._eval_select_expr(args[0], *message)
            return found(value, iot._MISSING)

        return evaluate

    return replace


def _is_null(value: Any, _undefined: object) -> bool:
    return value is None


def _bytes_of(value: Any, undefined: object) -> Any:
    if value is None or value is undefined:
        return undefined
    text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    return len(text.encode())


# Developer guide, "SQL reference: Functions".
_FUNCTIONS: dict[str, Callable[[Any, object], Any]] = {
    "isnull": _is_null,
    "numbytes": _bytes_of,
}
