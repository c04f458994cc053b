"""``ports.adoption.Inventory``: what AWS IoT Core of a Region holds. Reads alone."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from hotsite.adapters.aws.session import translated
from hotsite.core.adoption import Domain, Fleet, Rule
from hotsite.errors import HotsiteError

_Found = TypeVar("_Found")
_Names = tuple[str, ...]
# ListThings: 10 calls a second of 250 things each (AWS IoT Core quotas).
_PAGE = 250


class IotInventory:
    """Implements ``ports.adoption.Inventory`` for one Region.

    Args:
        iot: A client of AWS IoT.
        region: AWS Region.
        things_max: How many things to count before it is enough.
    """

    def __init__(self, iot: Any, region: str, *, things_max: int) -> None:
        self._iot = iot
        self._region = region
        self._things_max = things_max
        self._unread: list[str] = []

    def read(self) -> Fleet:
        """Return what there is; what could not be read is named."""
        self._unread.clear()
        things, is_more = self._ask("things", self._things, (0, False))
        none: tuple[_Names, _Names] = ((), ())
        static, dynamic = self._ask("thing groups", self._groups, none)
        return Fleet(
            region=self._region,
            things=things,
            is_more=is_more,
            types=self._named("list_thing_types", "thingTypes", "thingTypeName"),
            groups=static,
            dynamic_groups=dynamic,
            policies=self._named("list_policies", "policies", "policyName"),
            cas=len(
                self._named("list_ca_certificates", "certificates", "certificateId")
            ),
            templates=self._named(
                "list_provisioning_templates", "templates", "templateName"
            ),
            billing_groups=self._named(
                "list_billing_groups", "billingGroups", "groupName"
            ),
            authorizers=self._named(
                "list_authorizers", "authorizers", "authorizerName"
            ),
            rules=self._ask("topic rules", lambda: tuple(self._rules()), ()),
            domains=self._ask("domains", lambda: tuple(self._domains()), ()),
            unread=tuple(self._unread),
        )

    def _ask(self, what: str, ask: Callable[[], _Found], other: _Found) -> _Found:
        try:
            with translated(f"read {what} in {self._region}"):
                return ask()
        except HotsiteError as error:
            self._unread.append(f"could not {error}")
            return other

    def _named(self, operation: str, key: str, name: str) -> tuple[str, ...]:
        def ask() -> tuple[str, ...]:
            return tuple(one[name] for one in self._pages(operation, key))

        return self._ask(operation.removeprefix("list_").replace("_", " "), ask, ())

    def _pages(self, operation: str, key: str, **more: Any) -> Iterator[Any]:
        pages = self._iot.get_paginator(operation).paginate(**more)
        for page in pages:
            yield from page.get(key, ())

    def _things(self) -> tuple[int, bool]:
        count = 0
        pages = self._iot.get_paginator("list_things").paginate(
            PaginationConfig={"PageSize": _PAGE}
        )
        for page in pages:
            count += len(page["things"])
            if count >= self._things_max:
                return count, bool(page.get("nextToken"))
        return count, False

    def _groups(self) -> tuple[_Names, _Names]:
        static: list[str] = []
        dynamic: list[str] = []
        for one in self._pages("list_thing_groups", "thingGroups"):
            name = one["groupName"]
            found = self._iot.describe_thing_group(thingGroupName=name)
            (dynamic if found.get("queryString") else static).append(name)
        return tuple(static), tuple(dynamic)

    def _rules(self) -> Iterator[Rule]:
        for one in self._pages("list_topic_rules", "rules"):
            name = one["ruleName"]
            found = self._iot.get_topic_rule(ruleName=name)["rule"]
            yield Rule(name, found["sql"], not found.get("ruleDisabled", False))

    def _domains(self) -> Iterator[Domain]:
        for one in self._pages("list_domain_configurations", "domainConfigurations"):
            name = one["domainConfigurationName"]
            found = self._iot.describe_domain_configuration(
                domainConfigurationName=name
            )
            is_theirs = found.get("domainType") == "CUSTOMER_MANAGED"
            domain = found.get("domainName", "") if is_theirs else ""
            yield Domain(name, domain, found["domainConfigurationStatus"] == "ENABLED")
