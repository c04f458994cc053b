"""Pages of what AWS IoT lists; ministack answers everything at once.

A page continues after the last entry of the one before, so what is deleted in
between does not shift it.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hotsite.local.region.registry.answers import OK, Answer, answered, invalid
from hotsite.local.region.registry.operations import Call

# The model states 25 for certificates ("default page size of 25") and nothing for
# the rest; 25 everywhere also catches a caller who forgets to page.
PAGE_SIZE_DEFAULT = 25


@dataclass(frozen=True, slots=True)
class Listing:
    """How one operation is paged, from botocore's model.

    Attributes:
        entries: the answer's member that holds the list.
        identity: the entries' member that tells them apart; None for plain text.
        is_marked: `marker`, `pageSize` and `nextMarker` instead of `nextToken` and
            `maxResults`.
        is_dated: ordered by creation date, the newest first by default.
    """

    entries: str
    identity: str | None
    is_marked: bool = False
    is_dated: bool = False

    @property
    def names(self) -> tuple[str, str, str]:
        """The parameters for the size and the place, and the answer's next place."""
        if self.is_marked:
            return "pageSize", "marker", "nextMarker"
        return "maxResults", "nextToken", "nextToken"

    def order(self, entry: Any) -> list[Any]:
        """Return the entry's place among the others."""
        identity = entry if self.identity is None else entry[self.identity]
        return (
            [entry.get("creationDate") or 0, identity] if self.is_dated else [identity]
        )


LISTINGS: Mapping[str, Listing] = {
    "ListThings": Listing("things", "thingName"),
    "ListThingTypes": Listing("thingTypes", "thingTypeName"),
    "ListThingGroups": Listing("thingGroups", "groupName"),
    "ListThingGroupsForThing": Listing("thingGroups", "groupName"),
    "ListThingsInThingGroup": Listing("things", None),
    "ListThingPrincipals": Listing("principals", None),
    "ListThingPrincipalsV2": Listing("thingPrincipalObjects", "principal"),
    "ListPrincipalThings": Listing("things", None),
    "ListPrincipalThingsV2": Listing("principalThingObjects", "thingName"),
    "ListPolicies": Listing("policies", "policyName", is_marked=True),
    "ListAttachedPolicies": Listing("policies", "policyName", is_marked=True),
    "ListPrincipalPolicies": Listing("policies", "policyName", is_marked=True),
    "ListTargetsForPolicy": Listing("targets", None, is_marked=True),
    "ListPolicyPrincipals": Listing("principals", None, is_marked=True),
    "ListCertificates": Listing(
        "certificates", "certificateId", is_marked=True, is_dated=True
    ),
    "ListCACertificates": Listing(
        "certificates", "certificateId", is_marked=True, is_dated=True
    ),
}


def page(call: Call, answer: Answer) -> Answer:
    """Return one page of an answer that lists everything."""
    listing = LISTINGS.get(call.operation)
    if listing is None or answer[0] != OK:
        return answer
    size_name, place_name, next_name = listing.names
    document = json.loads(answer[2])
    is_descending = listing.is_dated and not call.parameters.get("ascendingOrder")
    entries = sorted(document[listing.entries], key=listing.order)
    if is_descending:
        entries.reverse()
    token = call.parameters.get(place_name)
    if token is not None:
        place = _place(token)
        if place is None:
            return invalid(f"{place_name} is not valid")
        entries = [
            entry
            for entry in entries
            if (
                listing.order(entry) < place
                if is_descending
                else listing.order(entry) > place
            )
        ]
    size = call.parameters.get(size_name) or PAGE_SIZE_DEFAULT
    document[listing.entries] = entries[:size]
    document.pop(next_name, None)
    if len(entries) > size:
        document[next_name] = _token(listing.order(entries[size - 1]))
    return answered(document)


def _token(place: list[Any]) -> str:
    return base64.b64encode(json.dumps(place).encode()).decode()


def _place(token: str) -> list[Any] | None:
    try:
        place = json.loads(base64.b64decode(token, validate=True))
    except (binascii.Error, ValueError):
        return None
    return place if isinstance(place, list) else None
