"""``ports.Surroundings`` on AWS IoT Core: what the record does not keep."""

from typing import Any

from hotsite.adapters.aws.session import translated
from hotsite.core.policies import Place
from hotsite.errors import NotFoundError
from hotsite.ports.unrecorded import NamePage, Unrecorded

# The most that ListCertificates gives; the other lists take it as well.
_PAGE_MAX = 250


class IotSurroundings:
    """Implements ``ports.Surroundings``."""

    def __init__(self, iot: Any, place: Place) -> None:
        """Take the client, and where its ARNs are.

        Args:
            iot: A boto3 client of AWS IoT.
            place: The client's Region and account.
        """
        self._iot = iot
        self._place = place

    def things_of(self, certificate_id: str) -> tuple[str, ...]:
        """Return the names of the things that a certificate is attached to.

        One page: more than one thing is all that anybody asks about.
        """
        account = f"{self._place.region}:{self._place.account_id}"
        principal = f"arn:aws:iot:{account}:cert/{certificate_id}"
        try:
            with translated(f"list the things of certificate {certificate_id}"):
                answer = self._iot.list_principal_things(principal=principal)
        except NotFoundError:
            return ()
        return tuple(answer.get("things", ()))

    def page(self, what: Unrecorded, token: str | None = None) -> NamePage:
        """Return some names; of certificates all there are, attached or not."""
        with translated(f"list {what.value}s"):
            if what is Unrecorded.CERTIFICATE:
                return self._certificates(token)
            if what is Unrecorded.DYNAMIC_GROUP:
                return self._dynamic_groups(token)
            return self._billing_groups(token)

    def _certificates(self, token: str | None) -> NamePage:
        more = {"marker": token} if token else {}
        answer = self._iot.list_certificates(pageSize=_PAGE_MAX, **more)
        names = tuple(item["certificateId"] for item in answer["certificates"])
        return NamePage(names, answer.get("nextMarker") or None)

    def _dynamic_groups(self, token: str | None) -> NamePage:
        more = {"nextToken": token} if token else {}
        answer = self._iot.list_thing_groups(maxResults=_PAGE_MAX, **more)
        names = (item["groupName"] for item in answer["thingGroups"])
        dynamic = tuple(name for name in names if self._is_dynamic(name))
        return NamePage(dynamic, answer.get("nextToken") or None)

    def _is_dynamic(self, name: str) -> bool:
        """Tell whether a group has a query (``DescribeThingGroup``)."""
        try:
            group = self._iot.describe_thing_group(thingGroupName=name)
        except self._iot.exceptions.ResourceNotFoundException:
            return False
        return bool(group.get("queryString"))

    def _billing_groups(self, token: str | None) -> NamePage:
        more = {"nextToken": token} if token else {}
        answer = self._iot.list_billing_groups(maxResults=_PAGE_MAX, **more)
        names = tuple(item["groupName"] for item in answer["billingGroups"])
        return NamePage(names, answer.get("nextToken") or None)
