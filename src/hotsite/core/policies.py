"""Policy documents without a Region: one text for all of them.

The ARNs in an IoT policy name a Region and an account (AWS IoT developer guide,
"AWS IoT Core policy resources"), so the same policy reads differently in two
Regions. The record keeps the neutral form; each Region gets its own.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from hotsite.errors import InvalidInputError

# Not a policy variable: those are written ${…}, and AWS refuses unknown ones.
REGION_MARK, ACCOUNT_MARK = "{{region}}", "{{account}}"
# "Maximum policy document size": 2,048 characters without white space (AWS
# General Reference, AWS IoT Core endpoints and quotas).
CHARACTERS_MAX = 2048
_ARN = re.compile(r"^(arn:[a-z0-9*-]+:[a-z0-9*-]+):([^:]*):([^:]*):(.*)$", re.DOTALL)
_SPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Place:
    """What ARNs of one Region name.

    Attributes:
        region: AWS Region code.
        account_id: 12 digits.
    """

    region: str
    account_id: str


def neutral(document: str, place: Place) -> str:
    """Return the document as the record keeps it.

    Args:
        document: JSON as a Region gave it.
        place: That Region; other Regions and accounts in it are left alone.

    Returns:
        Canonical JSON, so that spaces and the order of keys make no difference.

    Raises:
        InvalidInputError: It is not a JSON object.
    """
    marks = {place.region: REGION_MARK}, {place.account_id: ACCOUNT_MARK}
    return _rewritten(document, *marks)


def localised(document: str, place: Place) -> str:
    """Return the document as a Region must get it.

    Args:
        document: As the record keeps it.
        place: The Region that gets it.

    Returns:
        Canonical JSON.

    Raises:
        InvalidInputError: It is not a JSON object.
    """
    marks = {REGION_MARK: place.region}, {ACCOUNT_MARK: place.account_id}
    return _rewritten(document, *marks)


def size(document: str) -> int:
    """Return how many characters AWS counts: all but white space."""
    return len(_SPACE.sub("", document))


def _rewritten(document: str, regions: dict[str, str], accounts: dict[str, str]) -> str:
    try:
        value = json.loads(document)
    except ValueError as error:
        raise InvalidInputError(f"the policy is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidInputError("the policy is not a JSON object")

    def walk(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: walk(item) for name, item in part.items()}
        if isinstance(part, list):
            return [walk(item) for item in part]
        found = _ARN.match(part) if isinstance(part, str) else None
        if found is None:
            return part
        head, region, account, rest = found.groups()
        region = regions.get(region, region)
        return f"{head}:{region}:{accounts.get(account, account)}:{rest}"

    return json.dumps(walk(value), sort_keys=True, separators=(",", ":"))
