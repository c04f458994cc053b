"""The vocabulary of a plan: one step is one call to IoT Core."""

from dataclasses import dataclass
from enum import Enum

from hotsite.core.registry import Body, Certificate, Key


class Verb(Enum):
    """One kind of call to IoT Core; the order here is the order of a plan.

    What a device needs to connect comes first: with the policy on the thing
    group and policy variables of the thing, that is all four calls of a new
    device (certificate, thing, attachment, group). Leaving a group comes before
    joining one, because a thing is in one group of a hierarchy at most (AWS IoT
    developer guide, "Static thing groups").
    """

    REGISTER_CERTIFICATE = "register-certificate"
    UPDATE_CERTIFICATE = "update-certificate"
    CREATE_THING_TYPE = "create-thing-type"
    DEPRECATE_THING_TYPE = "deprecate-thing-type"
    CREATE_THING_GROUP = "create-thing-group"
    UPDATE_THING_GROUP = "update-thing-group"
    CREATE_POLICY = "create-policy"
    DELETE_POLICY_VERSION = "delete-policy-version"
    CREATE_POLICY_VERSION = "create-policy-version"
    REGISTER_CA_CERTIFICATE = "register-ca-certificate"
    UPDATE_CA_CERTIFICATE = "update-ca-certificate"
    ATTACH_POLICY = "attach-policy"
    CREATE_THING = "create-thing"
    UPDATE_THING = "update-thing"
    ATTACH_CERTIFICATE = "attach-certificate"
    REMOVE_FROM_GROUP = "remove-from-group"
    ADD_TO_GROUP = "add-to-group"
    UPDATE_SHADOW = "update-shadow"
    DETACH_POLICY = "detach-policy"
    DETACH_CERTIFICATE = "detach-certificate"
    DELETE_CERTIFICATE = "delete-certificate"
    DELETE_SHADOW = "delete-shadow"
    DELETE_THING = "delete-thing"
    DELETE_CA_CERTIFICATE = "delete-ca-certificate"
    DELETE_THING_GROUP = "delete-thing-group"
    DELETE_POLICY = "delete-policy"
    DELETE_THING_TYPE = "delete-thing-type"


@dataclass(frozen=True, slots=True)
class Step:
    """One call.

    Attributes:
        verb: What to call.
        key: Whose record it comes from.
        body: What it concerns, as wished; of a deletion, as it was.
        certificate: The certificate it concerns; a policy is attached to it
            where there is one, and to the thing group ``key`` otherwise.
        target: The thing group, the policy, the policy's version or the shadow
            that it concerns, by name.
        document: JSON of a shadow's update: what to set, and null for what to
            remove (AWS IoT developer guide, "Device Shadow service documents").
        expected_version: Version of the thing or group in *this* Region that
            the step was planned for; nothing when it was not looked at.
    """

    verb: Verb
    key: Key
    body: Body
    certificate: Certificate | None = None
    target: str | None = None
    document: str | None = None
    expected_version: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """What to call, in order, and why."""

    steps: tuple[Step, ...]
    reason: str
