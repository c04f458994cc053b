"""The front of the IoT control plane: count, check, correct, page, report.

Calls that ministack makes within itself (CloudFormation, fleet provisioning) go past
it: they are not counted, not limited and not reported.
"""

import functools
import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hotsite.local.region.registry import certificates, groups, policies, things
from hotsite.local.region.registry.answers import Answer, invalid, refused
from hotsite.local.region.registry.operations import Call, Operations, Request
from hotsite.local.region.registry.paging import page
from hotsite.local.region.registry.quotas import Limits
from hotsite.local.region.registry.trail import Trail

Correction = Callable[[Any, Call], Answer | Awaitable[Answer] | None]
Route = Callable[..., Awaitable[Answer]]

CORRECTIONS: Mapping[str, Correction] = {
    "CreateThing": things.create_thing,
    "UpdateThing": things.update_thing,
    "ListThings": things.list_things,
    "UpdateThingType": things.update_thing_type,
    "ListThingTypes": things.list_thing_types,
    "CreateThingGroup": groups.create_thing_group,
    "DescribeThingGroup": groups.describe_thing_group,
    "UpdateThingGroup": groups.update_thing_group,
    "DeleteThingGroup": groups.delete_thing_group,
    "ListThingGroups": groups.list_thing_groups,
    "ListBillingGroups": groups.list_billing_groups,
    "ListThingsInThingGroup": groups.list_things_in_thing_group,
    "AddThingToThingGroup": groups.add_thing_to_thing_group,
    "UpdateThingGroupsForThing": groups.update_thing_groups_for_thing,
    "CreatePolicy": policies.create_policy,
    "CreatePolicyVersion": policies.create_policy_version,
    "AttachPolicy": policies.attach_policy,
    "ListAttachedPolicies": policies.list_attached_policies,
    "RegisterCertificateWithoutCA": certificates.register_certificate_without_ca,
    "UpdateCertificate": certificates.update_certificate,
    "DescribeCertificate": certificates.describe_certificate,
    "AttachThingPrincipal": certificates.attach_thing_principal,
    "ListThingPrincipalsV2": certificates.list_thing_principals_v2,
    "ListPrincipalThingsV2": certificates.list_principal_things_v2,
}


class Front:
    """Answers control-plane requests, with ministack's router behind it."""

    def __init__(self, iot: Any, limits: Limits, trail: Trail) -> None:
        self._iot = iot
        self._limits = limits
        self._trail = trail
        self._operations = Operations("iot")

    def route(self, original: Route) -> Route:
        """Return the router with every correction before it."""

        async def route(*details: Any) -> Answer:
            call = self._operations.recognise(Request(*details))
            if call is None:
                return await original(*details)
            answer = await self._answer(call, functools.partial(original, *details))
            self._trail.record(call, answer)
            return page(call, answer)

        return route

    async def _answer(self, call: Call, behind: Route) -> Answer:
        if not self._limits.admit(call.operation):
            return refused("ThrottlingException", "Rate exceeded")
        broken = self._operations.violation(call)
        if broken is not None:
            return invalid(broken)
        answer: Any = None
        if call.operation == "DeleteThingType":
            wait_s = self._limits.thing_type_deletion_wait_s
            answer = things.delete_thing_type(
                self._iot, call, now_s=time.time(), wait_s=wait_s
            )
        elif call.operation in CORRECTIONS:
            answer = CORRECTIONS[call.operation](self._iot, call)
        if inspect.isawaitable(answer):
            answer = await answer
        corrected: Answer = await behind() if answer is None else answer
        return corrected
