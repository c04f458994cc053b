"""Every correction of ministack 1.5.33, each with the behaviour it corrects.

Nothing else in hotsite changes ministack. When the installed version or a patched
symbol differs, `install` refuses to start: a silently missing patch would let a
device in that AWS keeps out.
"""
# ruff: noqa: SLF001 - ministack offers no public look-ups; install() checks the version.

import asyncio
import functools
import hashlib
import importlib
import importlib.metadata
import json
from collections.abc import Callable
from typing import Any

from hotsite.errors import PermanentError
from hotsite.local.region import (
    callers,
    cors,
    formation,
    later,
    models,
    nursery,
    sql,
    workers,
)
from hotsite.local.region.authorization import Authorization, remember_more
from hotsite.local.region.config import RegionConfig
from hotsite.local.region.connections import Connections
from hotsite.local.region.delivery import Deliveries
from hotsite.local.region.faults import Faults, RegionFaults
from hotsite.local.region.invocations import Invoker
from hotsite.local.region.mqtt import Listener
from hotsite.local.region.patch import Function, Patch
from hotsite.local.region.registry import certificates
from hotsite.local.region.registry.front import Front
from hotsite.local.region.registry.quotas import Limits
from hotsite.local.region.registry.shadows import Shadows, merge
from hotsite.local.region.registry.trail import Trail
from hotsite.local.region.streams import StreamPoller

VERSION = "1.5.33"


class UnknownMinistackError(PermanentError):
    """The installed ministack is not the one that the patches were written for."""


class Region:
    """ministack inside this process, corrected.

    Attributes:
        config: what this Region was told.
        on_write: called for each write to a table with its name and the item,
            whether or not the table has a stream.
        emit: ministack's own emitter of stream records, without replication.
        listener: the TLS front of the broker; None until it is bound.
        limits: how often each IoT operation may be called; off at first.
        deliveries: what Firehose collects and delivers; started by the server.
        faults: what fails or hangs on purpose; nothing at first.
    """

    def __init__(
        self, config: RegionConfig, on_write: Callable[[str, dict[str, Any]], None]
    ) -> None:
        self.config = config
        self.on_write = on_write
        self.emit: Function = _not_installed
        self.listener: Listener | None = None
        self.limits = Limits()
        self.deliveries = Deliveries(config)
        self.faults = Faults(config.state_dir)
        self._iot: Any = None
        self._authorization: Authorization
        self._front: Front
        self._shadows: Shadows

    def install(self) -> None:
        """Import ministack and replace what is listed in `patches`.

        The environment must be set before: ministack reads it when imported.

        Raises:
            UnknownMinistackError: another version, or a symbol is missing.
        """
        found = importlib.metadata.version("ministack")
        if found != VERSION:
            raise UnknownMinistackError(
                f"ministack {found} is installed, the patches need {VERSION}"
            )
        later.install()
        self._iot = importlib.import_module("ministack.services.iot")
        self._authorization = Authorization(self._iot, self.config)
        self._front = Front(self._iot, self.limits, Trail(self.config))
        self._shadows = Shadows(self._iot, self.limits)
        for patch in self.patches():
            module_name, name = patch.target
            module = importlib.import_module(module_name)
            original = getattr(module, name, None)
            if original is None:
                raise UnknownMinistackError(f"ministack {found} has no {patch.symbol}")
            setattr(module, name, patch.replace(original))

    def patches(self) -> tuple[Patch, ...]:
        """List every patch."""
        return (
            *self._broker_patches(),
            *self._registry_patches(),
            *self._endpoint_patches(),
            *self._delivery_patches(),
            *sql.patches(self._iot),
            *models.patches(importlib.import_module("ministack.core.responses")),
            *cors.patches(),
            *self._lambda_patches(),
            *self._other(),
            *formation.patches(self.config),
        )

    def _broker_patches(self) -> tuple[Patch, ...]:
        return (
            Patch(
                "services.iot:_mtls_start_locked",
                "Binds 0.0.0.0, makes the client certificate optional, ignores the"
                " server name and loads every certificate as a trust anchor"
                " (78 connects/s at 10,600 certificates).",
                lambda _original: self._start_mqtt,
            ),
            Patch(
                "services.iot:_mtls_resolve_identity",
                "Walks all certificates of all Regions at each connect and serves a"
                " client without a certificate.",
                self._resolve_identity,
            ),
            Patch(
                "services.iot:_mqtt_policy_allows",
                "Sees policies attached to the certificate only; AWS also evaluates"
                " those of the thing's groups and their parents when the client"
                " identifier is the name of a thing of this certificate (Developer"
                " Guide, 'Thing policy variables' and 'Static thing groups').",
                self._authorization.policy_allows,
            ),
            Patch(
                "services.iot:_parsed_iot_policy",
                "Remembers 1,024 parsed policies, one for each client identifier: a"
                " larger fleet parses its policy at every message.",
                remember_more,
            ),
        )

    def _registry_patches(self) -> tuple[Patch, ...]:
        return (
            Patch(
                "services.iot:_route_request",
                "Checks few constraints of the API's model, lists without pages, has"
                " no quotas, no versions to expect, no limits of groups and policies"
                " and no CloudTrail events: see the package `registry`.",
                self._front.route,
            ),
            Patch(
                "services.iot:_validate_name",
                "Holds policy names to the pattern of thing names; the model's is"
                " [\\w+=,.@-]+. The front checks every name by the model.",
                lambda _original: lambda _name, _field: None,
            ),
            Patch(
                "services.iot_data:handle_request",
                "Has no DeleteConnection: nobody could be told to go elsewhere.",
                Connections(self._iot, self.config).handle,
            ),
            Patch(
                "services.iot_data:handle_request",
                "Has no ListNamedShadowsForThing, no quotas, no names to check.",
                self._shadows.handle,
            ),
            Patch(
                "services.iot:update_thing_shadow",
                "Takes shadows of any size and depth, and sections of any kind.",
                self._shadows.update,
            ),
            Patch(
                "core.iam_actions:extract_iam_action",
                "Invents actions for ListThingPrincipalsV2 and ListPrincipalThingsV2;"
                " AWS asks for those of the first versions (the API's reference).",
                certificates.first_version_action,
            ),
            Patch(
                "services.iot:_deep_merge",
                "Keeps a null inside an object that is new.",
                lambda _original: merge,
            ),
        )

    def _endpoint_patches(self) -> tuple[Patch, ...]:
        return (
            Patch(
                "services.iot:_endpoint_prefix",
                "Derives the endpoint from the account alone, the same in each Region.",
                lambda _original: lambda _account_id: self.config.endpoint_prefix,
            ),
            Patch(
                "services.iot:_describe_endpoint",
                "Answers <prefix>-ats.iot.<region>.<emulator host>:<port>.",
                self._describe_endpoint,
            ),
            Patch(
                "services.iot:_endpoint_address",
                "The same in ListDomainConfigurations.",
                lambda original: lambda kind: self._aws_shaped(original(kind)),
            ),
        )

    def _delivery_patches(self) -> tuple[Patch, ...]:
        return (
            Patch(
                "services.iot:_dispatch_rule_action",
                "Passes over actions for Firehose, and logs that at most.",
                self.deliveries.dispatch,
            ),
            Patch(
                "services.iot:_dispatch_rule_action",
                "Reaches every destination always; ours may be made to fail.",
                self.faults.dispatch,
            ),
            Patch(
                "services.firehose:_deliver_records_to_s3",
                "Writes an object a record, at once; Firehose buffers (Developer"
                " Guide, 'Configure buffering hints').",
                self.deliveries.accept,
            ),
        )

    def _lambda_patches(self) -> tuple[Patch, ...]:
        return (
            Patch(
                "services.iot:_dispatch_rule_to_lambda",
                "Runs the function once, in a process of its own for each event; a"
                " rule invokes it asynchronously, with its retries and its destination"
                " for failures (Lambda Developer Guide, 'Asynchronous invocation').",
                self._invoke,
            ),
            *workers.patches(),
            *nursery.patches(nursery.Nursery()),
        )

    def _other(self) -> tuple[Patch, ...]:
        return (
            Patch(
                "services.dynamodb:_emit_stream_event",
                "Replicates a global table only within its own process, and at once.",
                self._record_write,
            ),
            Patch(
                "services.lambda_svc:_poll_dynamodb_streams",
                "Ignores ReportBatchItemFailures, BisectBatchOnFunctionError,"
                " MaximumRetryAttempts and S3 as failure destination, and lets a slow"
                " function hold up every other stream.",
                self._poll_streams,
            ),
            Patch(
                "services.lambda_svc:_esm_response",
                "Shows an event source that a stack made with Enabled false, and that"
                " is not polled, as Enabled.",
                _with_state,
            ),
            Patch(
                "services.apigateway:_validate_jwt_authorizer",
                "Accepts a token that never expires; API Gateway requires 'exp'"
                " (Developer Guide, 'Control access to HTTP APIs with JWT"
                " authorizers').",
                _require_expiry,
            ),
            *callers.patches(),
        )

    def suffer(self, wanted: RegionFaults) -> None:
        """Suffer exactly these faults from now on."""
        self.faults.set(wanted)
        if self.listener is not None:
            self.listener.suffer()

    def is_active(self, certificate_id: str) -> bool:
        """Say whether a certificate may hold a session now."""
        record = self._authorization.certificate(certificate_id)
        if record is not None:
            return bool(record.get("status") == "ACTIVE")
        return self._iot._mtls_claim_scope(certificate_id) is not None

    async def _start_mqtt(self) -> None:
        iot = self._iot
        if iot._mtls_server is not None:
            return
        listener = Listener.from_config(
            self.config,
            iot._mtls_handle_conn,
            iot._mtls_server_names,
            self.faults,
        )
        iot._mtls_server = await listener.start(
            self.config.address, self.config.mqtt_port
        )
        iot._mtls_loop = asyncio.get_running_loop()
        self.listener = listener

    def _resolve_identity(self, _original: Function) -> Function:
        def resolve(der: bytes | None) -> tuple[str, str, str | None] | None:
            if not der:
                return None
            certificate_id = hashlib.sha256(der).hexdigest()
            record = self._authorization.certificate(certificate_id)
            if record is None:
                claim: tuple[str, str, str] | None
                claim = self._iot._mtls_claim_scope(certificate_id)
                return claim
            if record.get("status") != "ACTIVE":
                return None
            return self.config.account_id, self.config.region, None

        return resolve

    def _describe_endpoint(self, original: Function) -> Function:
        def describe(query: dict[str, Any]) -> tuple[Any, ...]:
            status, headers, body = original(query)
            answer = json.loads(body)
            if "endpointAddress" in answer:
                answer["endpointAddress"] = self._aws_shaped(answer["endpointAddress"])
            return status, headers, json.dumps(answer).encode()

        return describe

    def _aws_shaped(self, host: str) -> str:
        emulator = f".{self.config.address}:{self.config.gateway_port}"
        return host.removesuffix(emulator) + ".amazonaws.com"

    def _poll_streams(self, _original: Function) -> Function:
        lambdas = importlib.import_module("ministack.services.lambda_svc")
        return StreamPoller(self.config, lambdas, self.faults).poll

    def _invoke(self, _original: Function) -> Function:
        lambdas = importlib.import_module("ministack.services.lambda_svc")
        return Invoker(lambdas).call

    def _record_write(self, original: Function) -> Function:
        self.emit = functools.partial(original, replicate=False)

        def emit(
            table: str,
            event: str,
            old: dict[str, Any] | None,
            new: dict[str, Any] | None,
            **_options: bool,
        ) -> None:
            self.emit(table, event, old, new)
            # A 12-digit access key of another account has tables of its own.
            is_ours = self._iot.get_account_id() == self.config.account_id
            if is_ours and not (event == "MODIFY" and old == new):
                self.on_write(table, new or old or {})

        return emit


def _with_state(original: Function) -> Function:
    def respond(mapping: dict[str, Any]) -> Any:
        # Lambda API reference, EventSourceMappingConfiguration, "State".
        is_on = mapping.get("Enabled", True)
        shown = {**mapping, "State": mapping["State"] if is_on else "Disabled"}
        return original(shown)

    return respond


def _require_expiry(original: Function) -> Function:
    async def validate(*details: Any) -> Any:
        claims, scopes, refusal = await original(*details)
        if refusal is None and not isinstance(claims.get("exp"), int | float):
            body = json.dumps({"message": "Unauthorized"}).encode()
            refusal = (401, {"Content-Type": "application/json"}, body)
            return None, None, refusal
        return claims, scopes, refusal

    return validate


def _not_installed(*_details: Any, **_options: Any) -> None:
    raise AssertionError("install() comes first")
