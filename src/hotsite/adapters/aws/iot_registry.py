"""``ports.Registry`` on AWS IoT Core of one Region."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hotsite.adapters.aws.iot_definitions import definition_calls
from hotsite.adapters.aws.iot_observation import Observer
from hotsite.adapters.aws.iot_shadows import Shadowing, shadow_calls
from hotsite.adapters.aws.iot_things import thing_calls
from hotsite.adapters.aws.session import translated
from hotsite.core.policies import Place
from hotsite.core.registry import Certificate, Key, Kind
from hotsite.core.replication import Present, Step, Verb
from hotsite.errors import ConflictError, NotFoundError, RefusedError
from hotsite.ports import KeyPage


class IotRegistry:
    """Implements ``ports.Registry``; one boto3 call a step."""

    def __init__(
        self,
        iot: Any,
        place: Place,
        *,
        data: Any = None,
        check_csr: Callable[[str], None] | None = None,
    ) -> None:
        """Take the clients, where their ARNs are, and how to check a CSR.

        Args:
            iot: A boto3 client of AWS IoT.
            place: The client's Region and account.
            data: A boto3 client of the AWS IoT data plane, for shadows.
            check_csr: Raises ``InvalidInputError`` for a bad CSR. A function
                of its own, because only onboarding needs the library behind it.
        """
        self._iot = iot
        self._check_csr = check_csr
        self._observer = Observer(iot, place)
        self._shadows = None if data is None else Shadowing(data)
        self._calls: Mapping[Verb, Callable[[Step], None]] = {
            **thing_calls(iot, place),
            **definition_calls(iot, place),
            **({} if self._shadows is None else shadow_calls(self._shadows)),
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
        call = self._calls.get(step.verb)
        if call is None:
            raise RefusedError(f"{step.key}: shadows are not for this function")
        with translated(f"{step.verb.value} of {step.key}"):
            call(step)

    def observe(self, key: Key, certificate_ids: Sequence[str] = ()) -> Present:
        """Return what IoT Core holds of a key, whole."""
        if key.kind is Kind.SHADOWS and self._shadows is None:
            raise RefusedError(f"{key}: shadows are not for this function")
        try:
            with translated(f"observe {key}"):
                if self._shadows is not None and key.kind is Kind.SHADOWS:
                    return self._shadows.observe(key)
                return self._observer.observe(key, certificate_ids)
        except NotFoundError as error:
            # What is not there is an answer; this went between two calls.
            raise ConflictError(f"{key} changed while it was observed") from error

    def page(self, kind: Kind, token: str | None = None) -> KeyPage:
        """Return some of the names of a kind that IoT Core holds."""
        with translated(f"list {kind.value}s"):
            return self._observer.page(kind, token)
