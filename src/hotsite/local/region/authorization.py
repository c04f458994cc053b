"""What a connected device may do, evaluated as AWS IoT Core does it.

ministack sees the policies attached to the certificate only; AWS also evaluates
those of the thing's groups and their parents when the client identifier is the name
of a thing of this certificate (Developer Guide, "Thing policy variables" and "Static
thing groups").
"""
# ruff: noqa: SLF001 - ministack offers no public look-ups; install() checks the version.

import functools
import time
from collections.abc import Callable
from typing import Any

from hotsite.local.region.config import RegionConfig

# How long a thing's group policies are remembered. AWS IoT Core itself caches
# policies for minutes (Developer Guide, "AWS IoT Core policies").
GROUP_POLICIES_S_MAX = 1.0
GROUPS_REMEMBERED_MAX = 10_000
GROUP_DEPTH_MAX = 7  # AWS IoT Core quota "Maximum depth of a thing group hierarchy".
PARSED_POLICIES_MAX = 65_536

Function = Callable[..., Any]


class Authorization:
    """The policies in force for a client, from ministack's registry."""

    def __init__(self, iot: Any, config: RegionConfig) -> None:
        self._iot = iot
        self._config = config
        self._group_documents: dict[tuple[str, ...], tuple[float, list[str]]] = {}

    def certificate(self, certificate_id: str) -> dict[str, Any] | None:
        """Return a certificate's record, or None when this Region has none."""
        return self._scoped("_certificates", certificate_id)

    def policy_allows(self, original: Function) -> Function:
        """Return the evaluation with the groups' policies in it."""
        # Upstream reads the documents from the certificate's record, so the
        # groups' policies are evaluated by the same code on a second record.
        evaluate = self._iot.evaluate
        context_of = self._iot.EvalContext

        def allows(
            account_id: str,
            region: str,
            certificate_id: str,
            context: dict[str, str],
            *request: str | None,
        ) -> bool:
            if len(request) > 2 and request[2] is not None:  # noqa: PLR2004 - a claim certificate: its template's policy alone
                return bool(
                    original(account_id, region, certificate_id, context, *request)
                )
            action, resource = request[0], request[1]
            variables = tuple(sorted(context.items()))
            decision = evaluate(
                context_of(
                    principal_arn=f"arn:aws:iot:{region}:{account_id}:cert/{certificate_id}",
                    principal_type="Certificate",
                    principal_account=account_id,
                    action=action,
                    resource_arn=f"arn:aws:iot:{region}:{account_id}:{resource}",
                    region=region,
                    service_context=context,
                ),
                [
                    self._iot._parsed_iot_policy(document, variables)
                    for document in self._documents(certificate_id, context)
                ],
            )
            return bool(decision.decision == "Allow")

        return allows

    def _documents(self, certificate_id: str, context: dict[str, str]) -> list[str]:
        record = self.certificate(certificate_id) or {}
        documents = self._policy_documents(tuple(record.get("attachedPolicies", ())))
        if context.get("iot:connection.thing.isattached") != "true":
            return documents
        thing = self._scoped("_things", context["iot:clientid"]) or {}
        groups = tuple(thing.get("thingGroupNames", ()))
        now_s = time.monotonic()
        until_s, remembered = self._group_documents.get(groups, (0.0, []))
        if until_s <= now_s:
            remembered = self._policy_documents(self._policies_of_groups(groups))
            if len(self._group_documents) >= GROUPS_REMEMBERED_MAX:
                self._group_documents.clear()
            self._group_documents[groups] = (now_s + GROUP_POLICIES_S_MAX, remembered)
        return documents + remembered

    def _policies_of_groups(self, groups: tuple[str, ...]) -> tuple[str, ...]:
        arns: set[str] = set()
        for name in groups:
            ancestor: str | None = name
            for _level in range(GROUP_DEPTH_MAX):
                group = self._scoped("_thing_groups", ancestor) if ancestor else None
                if group is None:
                    break
                arns.add(group["thingGroupArn"])
                metadata = group.get("thingGroupMetadata") or {}
                ancestor = metadata.get("parentGroupName")
        store = self._iot._policies
        return tuple(
            name
            for (account_id, region, name), policy in store.all_items()
            if (account_id, region) == (self._config.account_id, self._config.region)
            and not arns.isdisjoint(policy.get("targets", ()))
        )

    def _policy_documents(self, names: tuple[str, ...]) -> list[str]:
        policies = [self._scoped("_policies", name) for name in names]
        return [
            policy["versions"][policy["defaultVersionId"]]["document"]
            for policy in policies
            if policy
        ]

    def _scoped(self, store: str, key: str) -> dict[str, Any] | None:
        value: dict[str, Any] | None = getattr(self._iot, store).get_scoped(
            self._config.account_id, self._config.region, key
        )
        return value


def remember_more(original: Function) -> Function:
    """Return the parser with a memory for a whole fleet's policies."""
    unwrapped: Function = getattr(original, "__wrapped__", original)
    return functools.lru_cache(maxsize=PARSED_POLICIES_MAX)(unwrapped)
