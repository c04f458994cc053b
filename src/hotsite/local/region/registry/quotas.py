"""How often each operation may be called a second, as AWS IoT Core limits it.

Off until somebody turns it on: a test of behaviour need not wait for quotas.
"""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hotsite.errors import InvalidInputError

# AWS General Reference, "AWS IoT Core endpoints and quotas": "AWS IoT Core API
# throttling limits", default values of a large Region, calls a second.
DEFAULTS: Mapping[str, float] = {
    "AddThingToThingGroup": 100,
    "AttachPolicy": 15,
    "AttachThingPrincipal": 100,
    "CreateCertificateFromCsr": 15,
    "CreateKeysAndCertificate": 10,
    "CreatePolicy": 10,
    "CreatePolicyVersion": 10,
    "CreateThing": 100,
    "CreateThingGroup": 25,
    "CreateThingType": 15,
    "DeleteCertificate": 10,
    "DeleteThing": 100,
    "DeleteThingGroup": 15,
    "DescribeCertificate": 10,
    "DescribeEndpoint": 10,
    "DescribeThing": 350,
    "DescribeThingGroup": 100,
    "DescribeThingType": 100,
    "DetachPolicy": 15,
    "DetachThingPrincipal": 100,
    "GetPolicy": 10,
    "ListAttachedPolicies": 15,
    "ListCertificates": 10,
    "ListPrincipalThings": 10,
    "ListPrincipalThingsV2": 10,
    "ListThingGroups": 10,
    "ListThingGroupsForThing": 100,
    "ListThingPrincipals": 20,
    "ListThingPrincipalsV2": 20,
    "ListThings": 10,
    "ListThingsInThingGroup": 25,
    "RegisterCertificate": 10,
    "RegisterCertificateWithoutCA": 10,
    "RemoveThingFromThingGroup": 100,
    "UpdateCertificate": 10,
    "UpdateThing": 100,
    "UpdateThingGroup": 15,
    "UpdateThingGroupsForThing": 10,
    # The same page, "AWS IoT Device Shadow service": an account's requests, and
    # those of one thing.
    "ShadowRequests": 4000,
    "ShadowRequestsPerThing": 20,
}
BUCKETS_MAX = 100_000


@dataclass(slots=True)
class Limits:
    """The quotas in force and what was counted under them.

    Attributes:
        calls_per_s: by operation; an absent one is not limited.
        thing_type_deletion_wait_s: from deprecation to deletion; 300 on AWS.
        clock: seconds that only grow.
    """

    calls_per_s: dict[str, float] = field(default_factory=dict)
    thing_type_deletion_wait_s: float = 0.0
    clock: Callable[[], float] = time.monotonic
    _buckets: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    _calls: Counter[str] = field(default_factory=Counter)
    _throttled: Counter[str] = field(default_factory=Counter)

    def admit(self, operation: str, key: str = "") -> bool:
        """Count a call and say whether it is within its quota.

        Args:
            operation: as `DEFAULTS` names it.
            key: tells buckets of one operation apart, such as a thing's name.

        Returns:
            False when the bucket, one second deep, is empty.
        """
        self._calls[operation] += 1
        rate = self.calls_per_s.get(operation)
        if rate is None:
            return True
        now_s, depth = self.clock(), max(rate, 1.0)
        left, since_s = self._buckets.get((operation, key), (depth, now_s))
        left = min(depth, left + (now_s - since_s) * rate)
        is_within = left >= 1.0
        if len(self._buckets) >= BUCKETS_MAX:
            self._buckets.clear()
        self._buckets[operation, key] = (left - is_within, now_s)
        self._throttled[operation] += not is_within
        return is_within

    def describe(self) -> dict[str, Any]:
        """Return the settings and the counts as a JSON document."""
        return {
            "calls_per_s": dict(self.calls_per_s),
            "thing_type_deletion_wait_s": self.thing_type_deletion_wait_s,
            "calls": dict(self._calls),
            "throttled": dict(+self._throttled),
        }

    def change(self, document: Any) -> None:
        """Set what a document names and count from zero.

        Args:
            document: `quotas` ("default", "off" or calls a second by operation)
                and `thing_type_deletion_wait_s`, both optional.

        Raises:
            InvalidInputError: a value is of the wrong kind; nothing is changed.
        """
        if not isinstance(document, dict):
            raise InvalidInputError("limits: not a JSON object")
        wait_s = document.get(
            "thing_type_deletion_wait_s", self.thing_type_deletion_wait_s
        )
        if not _is_number(wait_s):
            raise InvalidInputError("thing_type_deletion_wait_s: not a number")
        quotas = document.get("quotas", self.calls_per_s)
        if quotas in ("default", "off"):
            quotas = DEFAULTS if quotas == "default" else {}
        if not isinstance(quotas, Mapping) or not all(map(_is_rate, quotas.values())):
            raise InvalidInputError("quotas: neither default, off nor rates above 0")
        self.calls_per_s = dict(quotas)
        self.thing_type_deletion_wait_s = wait_s
        for counted in (self._buckets, self._calls, self._throttled):
            counted.clear()

    def answer(self, method: str, body: bytes) -> tuple[int, dict[str, Any]]:
        """Answer one request to `/_hotsite/limits`.

        Returns:
            The HTTP status and the JSON document.
        """
        if method not in ("GET", "PUT"):
            return 405, {"message": "GET or PUT"}
        if method == "PUT":
            try:
                self.change(json.loads(body))
            except (InvalidInputError, ValueError) as error:
                return 400, {"message": str(error)}
        return 200, self.describe()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _is_rate(value: object) -> bool:
    return _is_number(value) and bool(value)
