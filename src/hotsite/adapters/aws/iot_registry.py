"""``ports.Registry`` on AWS IoT Core of one Region."""

import base64
import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from hotsite.adapters.aws.session import translated
from hotsite.core.registry import Certificate, CertificateStatus, Thing
from hotsite.core.replication import Present, Step, Verb
from hotsite.errors import ConflictError, InvalidInputError, PermanentError

_PEM_BEGIN = "-----BEGIN CERTIFICATE-----"
_PEM_END = "-----END CERTIFICATE-----"


class IotRegistry:
    """Implements ``ports.Registry``; one boto3 call a step."""

    def __init__(
        self,
        iot: Any,
        *,
        account_id: str,
        region: str,
        check_csr: Callable[[str], None] | None = None,
    ) -> None:
        """Take a client, where its ARNs are, and how to check a CSR.

        Args:
            iot: A boto3 client of AWS IoT.
            account_id: 12 digits.
            region: The client's Region.
            check_csr: Raises ``InvalidInputError`` for a bad CSR. A function
                of its own, because only onboarding needs the library behind it.
        """
        self._iot = iot
        self._certificate_arn = f"arn:aws:iot:{region}:{account_id}:cert/"
        self._check_csr = check_csr
        self._calls: dict[Verb, Callable[[Step], None]] = {
            Verb.REGISTER_CERTIFICATE: self._register_certificate,
            Verb.UPDATE_CERTIFICATE: self._update_certificate,
            Verb.CREATE_THING: self._create_thing,
            Verb.UPDATE_THING: self._update_thing,
            Verb.ATTACH_CERTIFICATE: self._attach_certificate,
            Verb.DETACH_CERTIFICATE: self._detach_certificate,
            Verb.ADD_TO_GROUP: self._add_to_group,
            Verb.REMOVE_FROM_GROUP: self._remove_from_group,
            Verb.DELETE_CERTIFICATE: self._delete_certificate,
            Verb.DELETE_THING: self._delete_thing,
        }

    def issue(self, csr_pem: str) -> Certificate:
        """Issue an ACTIVE certificate for a signing request."""
        if self._check_csr is not None:
            self._check_csr(csr_pem)
        with translated("create a certificate"):
            answer = self._iot.create_certificate_from_csr(
                certificateSigningRequest=csr_pem, setAsActive=True
            )
        return Certificate(answer["certificateId"], answer["certificatePem"])

    def perform(self, step: Step) -> None:
        """Make one call."""
        with translated(f"{step.verb.value} of {step.thing.name}"):
            self._calls[step.verb](step)

    def observe(self, name: str, certificate_ids: Sequence[str]) -> Present:
        """Return what IoT Core holds of a name."""
        with translated(f"observe {name}"):
            thing = self._observed_thing(name)
            attached = self._attached_ids(name) if thing else ()
            ids = dict.fromkeys((*certificate_ids, *attached))
            found = [self._observed_certificate(item) for item in ids]
        return Present(
            thing, tuple(item for item in found if item), frozenset(attached)
        )

    def _observed_thing(self, name: str) -> Thing | None:
        try:
            thing = self._iot.describe_thing(thingName=name)
        except self._iot.exceptions.ResourceNotFoundException:
            return None
        groups: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = self._iot.list_thing_groups_for_thing(thingName=name, **token)
            groups += [group["groupName"] for group in page["thingGroups"]]
            if not page.get("nextToken"):
                break
            token = {"nextToken": page["nextToken"]}
        attributes = tuple(sorted(thing.get("attributes", {}).items()))
        return Thing(
            name, thing.get("thingTypeName"), attributes, tuple(sorted(groups))
        )

    def _attached_ids(self, name: str) -> tuple[str, ...]:
        principals: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = self._iot.list_thing_principals(thingName=name, **token)
            principals += page["principals"]
            if not page.get("nextToken"):
                return tuple(item.rpartition("/")[2] for item in principals)
            token = {"nextToken": page["nextToken"]}

    def _observed_certificate(self, certificate_id: str) -> Certificate | None:
        try:
            found = self._iot.describe_certificate(certificateId=certificate_id)
        except self._iot.exceptions.ResourceNotFoundException:
            return None
        seen = found["certificateDescription"]
        # Statuses that we never write (PENDING_ACTIVATION, REGISTER_INACTIVE…)
        # cannot connect either, so they compare as INACTIVE and are converged.
        known = {status.value: status for status in CertificateStatus}
        status = known.get(seen["status"], CertificateStatus.INACTIVE)
        return Certificate(certificate_id, seen["certificatePem"], status)

    def _register_certificate(self, step: Step) -> None:
        certificate = _certificate(step)
        _check_id(certificate)
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

    def _update_certificate(self, step: Step) -> None:
        certificate = _certificate(step)
        self._iot.update_certificate(
            certificateId=certificate.certificate_id,
            newStatus=certificate.status.value,
        )

    def _create_thing(self, step: Step) -> None:
        self._iot.create_thing(thingName=step.thing.name, **_thing_body(step.thing))

    def _update_thing(self, step: Step) -> None:
        # merge=False replaces all attributes, so those that left the record go.
        body = _thing_body(step.thing, is_whole=True)
        if step.thing.type_name is None:
            body["removeThingType"] = True
        self._iot.update_thing(thingName=step.thing.name, **body)

    def _attach_certificate(self, step: Step) -> None:
        self._iot.attach_thing_principal(
            thingName=step.thing.name, principal=self._arn(step)
        )

    def _detach_certificate(self, step: Step) -> None:
        try:
            self._iot.detach_thing_principal(
                thingName=step.thing.name, principal=self._arn(step)
            )
        except self._iot.exceptions.ResourceNotFoundException:
            return

    def _add_to_group(self, step: Step) -> None:
        self._iot.add_thing_to_thing_group(
            thingName=step.thing.name, thingGroupName=step.group
        )

    def _remove_from_group(self, step: Step) -> None:
        self._iot.remove_thing_from_thing_group(
            thingName=step.thing.name, thingGroupName=step.group
        )

    def _delete_certificate(self, step: Step) -> None:
        try:
            self._iot.delete_certificate(
                certificateId=_certificate(step).certificate_id
            )
        except self._iot.exceptions.ResourceNotFoundException:
            return

    def _delete_thing(self, step: Step) -> None:
        # The documentation promises success for a thing that is gone, the error
        # list has ResourceNotFound all the same: both are success here.
        try:
            self._iot.delete_thing(thingName=step.thing.name)
        except self._iot.exceptions.ResourceNotFoundException:
            return
        except self._iot.exceptions.InvalidRequestException as error:
            # "Cannot delete. Thing … is still attached to one or more principals":
            # not the caller's mistake, because DetachThingPrincipal takes "several
            # seconds" to propagate (botocore model of AWS IoT).
            raise ConflictError(f"{step.thing.name} cannot go yet: {error}") from error

    def _arn(self, step: Step) -> str:
        return self._certificate_arn + _certificate(step).certificate_id


def _certificate(step: Step) -> Certificate:
    assert step.certificate is not None  # noqa: S101 - the planner's own rule
    return step.certificate


def _thing_body(thing: Thing, *, is_whole: bool = False) -> dict[str, Any]:
    body: dict[str, Any] = {
        "attributePayload": {"attributes": dict(thing.attributes), "merge": False}
    }
    if not is_whole:
        body["attributePayload"].pop("merge")
    if thing.type_name is not None:
        body["thingTypeName"] = thing.type_name
    return body


def _check_id(certificate: Certificate) -> None:
    body = certificate.pem.partition(_PEM_BEGIN)[2].partition(_PEM_END)[0]
    try:
        der = base64.b64decode("".join(body.split()), validate=True)
    except ValueError as error:
        raise InvalidInputError("the record's certificate is not PEM") from error
    if hashlib.sha256(der).hexdigest() != certificate.certificate_id:
        raise InvalidInputError(
            f"certificate {certificate.certificate_id} is not the SHA-256 of its PEM"
        )
