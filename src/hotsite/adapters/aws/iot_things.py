"""Calls to AWS IoT about things and their certificates, one a step."""

from collections.abc import Callable
from typing import Any

from hotsite.core.policies import Place
from hotsite.core.registry import Certificate, Thing
from hotsite.core.replication import Step, Verb
from hotsite.core.validity import certificate_id_of
from hotsite.errors import ConflictError, InvalidInputError, PermanentError


def thing_calls(iot: Any, place: Place) -> dict[Verb, Callable[[Step], None]]:
    """Return what performs each step of a thing.

    Args:
        iot: A boto3 client of AWS IoT.
        place: Its Region and account.
    """
    calls = _Things(iot, place)
    return {
        Verb.REGISTER_CERTIFICATE: calls.register_certificate,
        Verb.UPDATE_CERTIFICATE: calls.update_certificate,
        Verb.CREATE_THING: calls.create_thing,
        Verb.UPDATE_THING: calls.update_thing,
        Verb.ATTACH_CERTIFICATE: calls.attach_certificate,
        Verb.DETACH_CERTIFICATE: calls.detach_certificate,
        Verb.ADD_TO_GROUP: calls.add_to_group,
        Verb.REMOVE_FROM_GROUP: calls.remove_from_group,
        Verb.DELETE_CERTIFICATE: calls.delete_certificate,
        Verb.DELETE_THING: calls.delete_thing,
    }


def certificate_arn(place: Place, certificate_id: str) -> str:
    """Return the ARN of a certificate in a Region."""
    return f"arn:aws:iot:{place.region}:{place.account_id}:cert/{certificate_id}"


class _Things:
    def __init__(self, iot: Any, place: Place) -> None:
        self._iot = iot
        self._place = place

    def register_certificate(self, step: Step) -> None:
        certificate = _certificate(step)
        if certificate_id_of(certificate.pem) != certificate.certificate_id:
            raise InvalidInputError(
                f"certificate {certificate.certificate_id} is not the SHA-256 of its "
                f"PEM"
            )
        answer = self._iot.register_certificate_without_ca(
            certificatePem=certificate.pem, status=certificate.status.value
        )
        if answer["certificateId"] != certificate.certificate_id:
            # No AWS document states that the id is the SHA-256 of the DER form;
            # everything rests on it, so it is asserted at each call.
            raise PermanentError(
                f"the Region gave {answer['certificateId']} for the certificate "
                f"{certificate.certificate_id}"
            )

    def update_certificate(self, step: Step) -> None:
        certificate = _certificate(step)
        self._iot.update_certificate(
            certificateId=certificate.certificate_id,
            newStatus=certificate.status.value,
        )

    def create_thing(self, step: Step) -> None:
        thing = _thing(step)
        more = {"thingTypeName": thing.type_name} if thing.type_name else {}
        self._iot.create_thing(
            thingName=thing.name,
            attributePayload={"attributes": dict(thing.attributes)},
            **more,
        )

    def update_thing(self, step: Step) -> None:
        thing = _thing(step)
        more: dict[str, Any] = {"removeThingType": True}
        if thing.type_name is not None:
            more = {"thingTypeName": thing.type_name}
        if step.expected_version is not None:
            more["expectedVersion"] = step.expected_version
        # merge=False replaces all attributes, so those that left the record go.
        self._iot.update_thing(
            thingName=thing.name,
            attributePayload={"attributes": dict(thing.attributes), "merge": False},
            **more,
        )

    def attach_certificate(self, step: Step) -> None:
        self._iot.attach_thing_principal(
            thingName=step.key.name, principal=self._arn(step)
        )

    def detach_certificate(self, step: Step) -> None:
        try:
            self._iot.detach_thing_principal(
                thingName=step.key.name, principal=self._arn(step)
            )
        except self._iot.exceptions.ResourceNotFoundException:
            return

    def add_to_group(self, step: Step) -> None:
        self._iot.add_thing_to_thing_group(
            thingName=step.key.name, thingGroupName=step.target
        )

    def remove_from_group(self, step: Step) -> None:
        self._iot.remove_thing_from_thing_group(
            thingName=step.key.name, thingGroupName=step.target
        )

    def delete_certificate(self, step: Step) -> None:
        try:
            self._iot.delete_certificate(
                certificateId=_certificate(step).certificate_id
            )
        except self._iot.exceptions.ResourceNotFoundException:
            return

    def delete_thing(self, step: Step) -> None:
        # The documentation promises success for a thing that is gone, the error
        # list has ResourceNotFound all the same: both are success here.
        try:
            self._iot.delete_thing(thingName=step.key.name)
        except self._iot.exceptions.ResourceNotFoundException:
            return
        except self._iot.exceptions.InvalidRequestException as error:
            # "Cannot delete. Thing … is still attached to one or more principals":
            # not the caller's mistake, because DetachThingPrincipal takes "several
            # seconds" to propagate (botocore model of AWS IoT).
            raise ConflictError(f"{step.key} cannot go yet: {error}") from error

    def _arn(self, step: Step) -> str:
        return certificate_arn(self._place, _certificate(step).certificate_id)


def _certificate(step: Step) -> Certificate:
    assert step.certificate is not None  # noqa: S101 - the planner's own rule
    return step.certificate


def _thing(step: Step) -> Thing:
    assert isinstance(step.body, Thing)  # noqa: S101 - the planner's own rule
    return step.body
