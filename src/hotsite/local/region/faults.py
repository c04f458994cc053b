"""What a Region suffers on purpose: what fails, what hangs, what is served.

The cloud's supervisor says the whole of it each time. Decides only; the listeners
and the patches act on it.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from hotsite.errors import UnreachableError
from hotsite.local.region.patch import Function

# IAM User Guide, "AWS Signature Version 4": the credential scope.
CREDENTIAL = re.compile(rb"Credential=[^/,]+/\d{8}/([^/]+)/([^/]+)/aws4_request")
# DynamoDB Developer Guide, "Programmatic errors": HTTP 500, to be tried again.
TABLES_ERROR = "com.amazonaws.dynamodb.v20120810#InternalServerError"
# Every address that the Region's functions cannot reach, one a line.
UNREACHABLE_FILE = "unreachable"
# Where the control planes of global services are ("Global services", AWS Fault
# Isolation Boundaries whitepaper).
_GLOBAL_REGION = "us-east-1"
# A brown-out is seen where devices and canaries put their messages.
_DELIVERIES = frozenset({"dynamoDBv2", "lambda"})


@dataclass(frozen=True, slots=True)
class RegionFaults:
    """Everything that is wrong with one Region.

    Attributes:
        is_broker_silent: MQTT connections are accepted by TCP, and never answered.
        are_tables_failing: DynamoDB answers InternalServerError to everybody.
        is_registry_silent: AWS IoT's control plane never answers.
        are_globals_silent: neither do the services whose control plane is in
            us-east-1, Route 53 among them.
        share: of CONNECTs, requests at API names and deliveries by topic rules
            that fail or hang, 0 to 1.
        seed: of the draws of that share.
        unreachable: addresses that the Region's functions cannot reach.
    """

    is_broker_silent: bool = False
    are_tables_failing: bool = False
    is_registry_silent: bool = False
    are_globals_silent: bool = False
    share: float = 0.0
    seed: int = 0
    unreachable: tuple[str, ...] = ()


class Fate(Enum):
    """What becomes of a call."""

    SERVE = "serve"
    FAIL = "fail"
    HANG = "hang"


class Faults:
    """The faults of this Region, as they are now.

    Args:
        folder: where its functions find what they cannot reach; None for nowhere.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.now = RegionFaults()
        self._draws: dict[str, random.Random] = {}
        self._unreachable = None if folder is None else folder / UNREACHABLE_FILE
        self.set(self.now)

    def set(self, wanted: RegionFaults) -> None:
        """Suffer exactly this from now on."""
        if (wanted.share, wanted.seed) != (self.now.share, self.now.seed):
            self._draws.clear()
        self.now = wanted
        if self._unreachable is None:
            return
        if wanted.unreachable:
            scratch = self._unreachable.with_suffix(".new")
            scratch.write_text("\n".join(wanted.unreachable))
            scratch.replace(self._unreachable)
        else:
            self._unreachable.unlink(missing_ok=True)

    def of_connection(self) -> Fate:
        """Decide about one connection to the broker."""
        return Fate.HANG if self.now.is_broker_silent else self._drawn("connection")

    def of_request(self, scope: Mapping[str, Any]) -> Fate:
        """Decide about one HTTP request.

        Args:
            scope: as ASGI has it.
        """
        if scope["scheme"] == "https":
            return self._drawn("request")
        if self.now == RegionFaults():
            return Fate.SERVE
        if scope["path"].startswith("/_hotsite/tables/"):
            return Fate.FAIL if self.now.are_tables_failing else Fate.SERVE
        region, service = _signed_for(scope)
        if service == "dynamodb" and self.now.are_tables_failing:
            return Fate.FAIL
        is_silent = (self.now.is_registry_silent and service == "iot") or (
            self.now.are_globals_silent
            and (region == _GLOBAL_REGION or service == "route53")
        )
        return Fate.HANG if is_silent else Fate.SERVE

    def dispatch(self, original: Function) -> Function:
        """Return what runs a rule's action, or lets it fail."""

        async def run(
            account: str, region: str, rule: str, action: Any, event: Any
        ) -> None:
            self._check_delivery(action)
            await original(account, region, rule, action, event)

        return run

    def _check_delivery(self, action: Mapping[str, Any]) -> None:
        if self.now.are_tables_failing and "dynamoDBv2" in action:
            raise UnreachableError(f"PutItem: {TABLES_ERROR}")
        if _DELIVERIES & set(action) and self._drawn("delivery") is not Fate.SERVE:
            raise UnreachableError("the destination did not answer")

    def _drawn(self, what: str) -> Fate:
        if not self.now.share:
            return Fate.SERVE
        # A row of draws for each, so that a busy one does not shift the others.
        draws = self._draws.setdefault(what, random.Random(f"{self.now.seed} {what}"))  # noqa: S311 - faults
        draw = draws.random()
        if draw >= self.now.share:
            return Fate.SERVE
        return Fate.FAIL if draw < self.now.share / 2 else Fate.HANG


def _signed_for(scope: Mapping[str, Any]) -> tuple[str, str]:
    """Return Region and service of a request's signature, or empty texts."""
    for name, value in scope["headers"]:
        if name == b"authorization" and (match := CREDENTIAL.search(value)):
            return match[1].decode(), match[2].decode()
    return "", ""
