"""``ports.readiness.SiteQuotas``: what Service Quotas lists of AWS IoT Core."""

from collections.abc import Iterator
from typing import Any

from hotsite.adapters.aws.session import translated
from hotsite.core.headroom import Limit, Need, defaults

# The code of AWS IoT Core there ("aws service-quotas list-services").
SERVICE = "iotcore"


class ServiceQuotas:
    """Implements ``ports.readiness.SiteQuotas`` for one Region.

    Found by name, because the list's own codes differ from partition to partition;
    the code that comes with it is what a request for more names.
    """

    def __init__(self, quotas: Any, region: str) -> None:
        """Take a client of Service Quotas in the Region, and the Region."""
        self._quotas = quotas
        self._region = region

    def read(self) -> tuple[Limit, ...]:
        """Return every quota, AWS's default where the list has none."""
        with translated(f"read the quotas of {self._region}"):
            found = {one.need: one for one in self._listed()}
        return tuple(found.get(one.need, one) for one in defaults(self._region))

    def _listed(self) -> Iterator[Limit]:
        pages = self._quotas.get_paginator("list_service_quotas").paginate(
            ServiceCode=SERVICE
        )
        names = {need.value.lower(): need for need in Need}
        for page in pages:
            for quota in page["Quotas"]:
                need = names.get(quota["QuotaName"].lower())
                if need is not None and quota["Value"] > 0:
                    yield Limit(need, float(quota["Value"]), quota["QuotaCode"])
