"""Calls to AWS IoT about types, groups, policies and CA certificates."""

from collections.abc import Callable
from typing import Any, TypeVar

from hotsite.adapters.aws.iot_things import certificate_arn
from hotsite.core.policies import Place, localised
from hotsite.core.registry import CaCertificate, Policy, ThingGroup, ThingType
from hotsite.core.replication import Step, Verb
from hotsite.errors import ConflictError, NotFoundError, PermanentError

_Kind = TypeVar("_Kind")


def definition_calls(iot: Any, place: Place) -> dict[Verb, Callable[[Step], None]]:
    """Return what performs each step of what things share.

    Args:
        iot: A boto3 client of AWS IoT.
        place: Its Region and account.
    """
    groups, others = _Groups(iot), _Definitions(iot, place)
    return {
        Verb.CREATE_THING_GROUP: groups.create,
        Verb.UPDATE_THING_GROUP: groups.update,
        Verb.DELETE_THING_GROUP: groups.delete,
        Verb.CREATE_THING_TYPE: others.create_type,
        Verb.DEPRECATE_THING_TYPE: others.deprecate_type,
        Verb.DELETE_THING_TYPE: others.delete_type,
        Verb.CREATE_POLICY: others.create_policy,
        Verb.CREATE_POLICY_VERSION: others.create_policy_version,
        Verb.DELETE_POLICY_VERSION: others.delete_policy_version,
        Verb.DELETE_POLICY: others.delete_policy,
        Verb.ATTACH_POLICY: others.attach_policy,
        Verb.DETACH_POLICY: others.detach_policy,
        Verb.REGISTER_CA_CERTIFICATE: others.register_ca,
        Verb.UPDATE_CA_CERTIFICATE: others.update_ca,
        Verb.DELETE_CA_CERTIFICATE: others.delete_ca,
    }


def group_arn(place: Place, name: str) -> str:
    """Return the ARN of a thing group in a Region."""
    return f"arn:aws:iot:{place.region}:{place.account_id}:thinggroup/{name}"


class _Groups:
    def __init__(self, iot: Any) -> None:
        self._iot = iot

    def create(self, step: Step) -> None:
        group = _body(step, ThingGroup)
        more = {"parentGroupName": group.parent} if group.parent else {}
        try:
            self._iot.create_thing_group(
                thingGroupName=group.name,
                thingGroupProperties=_group_properties(group),
                **more,
            )
        except self._iot.exceptions.InvalidRequestException:
            # Which error a missing parent gives is not documented.
            if group.parent and not self._is_there(group.parent):
                raise NotFoundError(f"no thing group {group.parent}") from None
            raise

    def update(self, step: Step) -> None:
        group = _body(step, ThingGroup)
        properties = _group_properties(group)
        properties["attributePayload"]["merge"] = False
        self._iot.update_thing_group(
            thingGroupName=group.name,
            thingGroupProperties=properties,
            **_expected(step),
        )

    def delete(self, step: Step) -> None:
        try:
            self._iot.delete_thing_group(
                thingGroupName=step.key.name, **_expected(step)
            )
        except self._iot.exceptions.InvalidRequestException as error:
            # It still has children, which go in their own time.
            raise ConflictError(f"{step.key} cannot go yet: {error}") from error

    def _is_there(self, name: str) -> bool:
        try:
            self._iot.describe_thing_group(thingGroupName=name)
        except self._iot.exceptions.ResourceNotFoundException:
            return False
        return True


class _Definitions:
    def __init__(self, iot: Any, place: Place) -> None:
        self._iot = iot
        self._place = place

    def create_type(self, step: Step) -> None:
        wanted = _body(step, ThingType)
        self._iot.create_thing_type(
            thingTypeName=wanted.name,
            thingTypeProperties={
                "thingTypeDescription": wanted.description,
                "searchableAttributes": list(wanted.searchable),
            },
        )

    def deprecate_type(self, step: Step) -> None:
        wanted = _body(step, ThingType)
        self._iot.deprecate_thing_type(
            thingTypeName=wanted.name, undoDeprecate=not wanted.is_deprecated
        )

    def delete_type(self, step: Step) -> None:
        try:
            self._iot.delete_thing_type(thingTypeName=step.key.name)
        except self._iot.exceptions.ResourceNotFoundException:
            return
        except self._iot.exceptions.InvalidRequestException as error:
            # Still used, or deprecated less than five minutes ago.
            raise ConflictError(f"{step.key} cannot go yet: {error}") from error

    def create_policy(self, step: Step) -> None:
        self._iot.create_policy(
            policyName=step.key.name, policyDocument=self._document(step)
        )

    def create_policy_version(self, step: Step) -> None:
        self._iot.create_policy_version(
            policyName=step.key.name,
            policyDocument=self._document(step),
            setAsDefault=True,
        )

    def delete_policy_version(self, step: Step) -> None:
        try:
            self._iot.delete_policy_version(
                policyName=step.key.name, policyVersionId=step.target
            )
        except self._iot.exceptions.ResourceNotFoundException:
            return

    def delete_policy(self, step: Step) -> None:
        try:
            self._iot.delete_policy(policyName=step.key.name)
        except self._iot.exceptions.ResourceNotFoundException:
            return

    def attach_policy(self, step: Step) -> None:
        self._iot.attach_policy(policyName=step.target, target=self._target(step))

    def detach_policy(self, step: Step) -> None:
        try:
            self._iot.detach_policy(policyName=step.target, target=self._target(step))
        except self._iot.exceptions.ResourceNotFoundException:
            return

    def register_ca(self, step: Step) -> None:
        wanted = _body(step, CaCertificate)
        answer = self._iot.register_ca_certificate(
            caCertificate=wanted.pem,
            setAsActive=wanted.is_active,
            allowAutoRegistration=wanted.registers_devices,
            certificateMode="SNI_ONLY",
        )
        if answer["certificateId"] != wanted.name:
            raise PermanentError(
                f"the Region gave {answer['certificateId']} for the CA certificate "
                f"{wanted.name}"
            )

    def update_ca(self, step: Step) -> None:
        wanted = _body(step, CaCertificate)
        registers = "ENABLE" if wanted.registers_devices else "DISABLE"
        self._iot.update_ca_certificate(
            certificateId=wanted.name,
            newStatus="ACTIVE" if wanted.is_active else "INACTIVE",
            newAutoRegistrationStatus=registers,
        )

    def delete_ca(self, step: Step) -> None:
        try:
            self._iot.delete_ca_certificate(certificateId=step.key.name)
        except self._iot.exceptions.ResourceNotFoundException:
            return

    def _document(self, step: Step) -> str:
        return localised(_body(step, Policy).document, self._place)

    def _target(self, step: Step) -> str:
        if step.certificate is None:
            return group_arn(self._place, step.key.name)
        return certificate_arn(self._place, step.certificate.certificate_id)


def _group_properties(group: ThingGroup) -> dict[str, Any]:
    return {
        "thingGroupDescription": group.description,
        "attributePayload": {"attributes": dict(group.attributes)},
    }


def _expected(step: Step) -> dict[str, int]:
    version = step.expected_version
    return {} if version is None else {"expectedVersion": version}


def _body(step: Step, kind: type[_Kind]) -> _Kind:
    assert isinstance(step.body, kind)  # noqa: S101 - the planner's own rule
    return step.body
