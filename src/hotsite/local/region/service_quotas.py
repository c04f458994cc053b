"""Service Quotas of a Region, as far as hotsite reads it: what AWS IoT Core allows.

It lists what AWS gives an account in that Region by default, until somebody raises or
lowers it here. The codes are the local cloud's own: AWS's are of no use in it.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from hotsite.core.headroom import Limit, Need, defaults
from hotsite.errors import InvalidInputError

# botocore model of Service Quotas: ``targetPrefix``.
TARGET = b"ServiceQuotasV20190624."
_LIST = "ListServiceQuotas"
_SERVICE = "iotcore"
_NAMES = {need.value: need for need in Need}


@dataclass(slots=True)
class AccountQuotas:
    """What the account may do in this Region.

    Attributes:
        region: AWS Region.
        raised: What somebody set, by name.
    """

    region: str
    raised: dict[Need, float] = field(default_factory=dict)

    @property
    def limits(self) -> tuple[Limit, ...]:
        """Return all that is listed."""
        return tuple(
            Limit(one.need, self.raised.get(one.need, one.value), code_of(one.need))
            for one in defaults(self.region)
        )

    def change(self, document: object) -> None:
        """Set quotas.

        Args:
            document: What each is from now on, by the name that AWS lists it under.

        Raises:
            InvalidInputError: A name is unknown, or a value is not above 0.
        """
        if not isinstance(document, dict):
            raise InvalidInputError("quotas: not a JSON object")
        for name, value in document.items():
            is_number = isinstance(value, int | float) and not isinstance(value, bool)
            if name not in _NAMES or not is_number or value <= 0:
                raise InvalidInputError(f"quotas: {name!r}: {value!r}")
        self.raised |= {_NAMES[name]: float(v) for name, v in document.items()}

    def set(self, body: bytes) -> tuple[int, dict[str, Any]]:
        """Answer one request to `/_hotsite/account`, which sets quotas.

        Returns:
            The HTTP status and the JSON document.
        """
        try:
            self.change(json.loads(body or b"{}"))
        except (InvalidInputError, ValueError) as error:
            return 400, {"message": str(error)}
        return 200, {one.need.value: one.value for one in self.limits}

    def answer(self, target: bytes, body: bytes) -> tuple[int, dict[str, Any]]:
        """Answer one call of the API.

        Returns:
            The HTTP status and the JSON document.
        """
        operation = target.removeprefix(TARGET).decode("ascii", "replace")
        if operation != _LIST:
            return 400, {"__type": "UnknownOperationException", "Message": operation}
        service = json.loads(body or b"{}").get("ServiceCode")
        if service != _SERVICE:
            message = f"no quotas of {service} are here"
            return 400, {"__type": "NoSuchResourceException", "Message": message}
        return 200, {"Quotas": [self._quota(limit) for limit in self.limits]}

    def _quota(self, limit: Limit) -> dict[str, Any]:
        return {
            "ServiceCode": _SERVICE,
            "ServiceName": "AWS IoT Core",
            "QuotaCode": limit.code,
            "QuotaName": limit.need.value,
            "Value": limit.value,
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }


def code_of(need: Need) -> str:
    """Return the local cloud's own code of a quota."""
    return f"local-{need.name.lower()}"
