"""``ports.ChurnWorld`` on this machine: two real registries and brokers.

A change is made the way it is made in earnest: through the onboarding API, into
hotsite's record, or with boto3 behind hotsite's back.
"""

import hashlib
import json
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any

from hotsite.adapters import device_key
from hotsite.adapters.aws.session import translated
from hotsite.core.churn import (
    Action,
    CertificateTried,
    Change,
    DeviceFound,
    Outcome,
    RegionSwept,
    Way,
)
from hotsite.core.registry import (
    Certificate,
    CertificateStatus,
    Key,
    Kind,
    Record,
    Shadows,
    Thing,
    thing_key,
)
from hotsite.core.scenario import FaultKind
from hotsite.core.sweeping import Mode
from hotsite.errors import (
    HotsiteError,
    NotFoundError,
    NotReadyError,
    RefusedError,
    RetryableError,
)
from hotsite.flows.sight import Intake
from hotsite.flows.sweep import SweepOptions, sweep
from hotsite.local.client import LocalCloud
from hotsite.local.regions import OnLocalWorld
from hotsite.local.world import LocalWorld

_GROUP, _TYPE = "hotsite-fleet", "hotsite-device"
_UPDATE, _SHADOW = "update", "change"
_AT_A_TIME = 6
_TRIES_MAX = 20
_RETRY_EVERY_S = 0.25
_SHOWN_MAX = 10

_Edit = Callable[[Record], Record]


class LocalChurnWorld(OnLocalWorld):
    """Implements ``ports.ChurnWorld`` on a running local cloud."""

    def __init__(
        self, world: LocalWorld, cloud: LocalCloud, intakes: Mapping[str, Intake]
    ) -> None:
        """Take the drill's world, its cloud, and hotsite's ports by Region."""
        super().__init__(world)
        self._intakes = intakes
        self._iot = {name: cloud.client("iot", name) for name in intakes}
        self._data = {name: cloud.client("iot-data", name) for name in intakes}

    def inject(self, fault: FaultKind, *, region: str) -> float:
        """Hurt a Region's whole process group; return when it was done."""
        return self._world.inject(fault, region=region)

    def restore(self, region: str) -> None:
        """Let a killed Region return."""
        self._world.restore(region)

    def change(self, change: Change) -> None:
        """Make one change; it is done once this returns."""
        if change.way is Way.API:
            list(self._world.onboard((change.thing,), region=change.region))
        elif change.way is Way.OUTSIDE:
            with translated(f"{change.action.value} {change.thing}"):
                self._outside(change)
        else:
            self._record(change)

    def sweep(self, region: str, *, is_repair: bool) -> RegionSwept:
        """Compare all of the record with all of a Region, as ``verify`` does."""
        mode = Mode.ADOPT if is_repair else Mode.REPORT
        # Report by report: the last one is of the whole pass.
        *_, last = sweep(self._intakes[region], SweepOptions(mode=mode))
        report = last.report
        texts = (*(item.text for item in report.findings), *report.refused)
        return RegionSwept(
            region=region,
            is_repair=is_repair,
            names=report.looked_at,
            drift=report.drift_count + len(report.refused),
            pending=report.pending,
            adopted=report.adopted,
            applied=report.applied,
            findings=texts[:_SHOWN_MAX],
        )

    def look_for(self, things: Sequence[str], *, region: str) -> Iterator[DeviceFound]:
        """Ask a Region's registry for each device."""
        for thing in things:
            try:
                with translated(f"look for {thing}"):
                    found = self._iot[region].describe_thing(thingName=thing)
            except NotFoundError:
                yield DeviceFound(thing, region, is_there=False, update=0, shadow=0)
                continue
            update = int(found["attributes"].get(_UPDATE, 0))
            shadow = _shadow_change(self._data[region], thing)
            yield DeviceFound(
                thing, region, is_there=True, update=update, shadow=shadow
            )

    def try_certificates(
        self, certificates: Sequence[tuple[str, int]], *, region: str
    ) -> Iterator[CertificateTried]:
        """Connect to a Region with each certificate; several at a time."""
        with ThreadPoolExecutor(max_workers=_AT_A_TIME) as pool:
            yield from pool.map(partial(self._try, region), certificates)

    def _try(self, region: str, certificate: tuple[str, int]) -> CertificateTried:
        thing, number = certificate
        try:
            self._world.connect(region, self._world.member(thing, number))
        except RefusedError as error:
            outcome, reason = Outcome.REFUSED, str(error)
        except HotsiteError as error:
            outcome, reason = Outcome.UNREACHABLE, str(error)
        else:
            outcome, reason = Outcome.ACCEPTED, ""
        return CertificateTried(thing, number, region, outcome, reason)

    def _record(self, change: Change) -> None:
        """Write into the record of a Region, as hotsite's own commands do."""
        key, region = thing_key(change.thing), change.region
        records = self._intakes[region].site.records
        if change.action is Action.REVOKE:
            for number in change.certificates:
                records.write_revoked(key, self._certificate_id(change.thing, number))
            return
        if change.action is Action.SHADOW:
            self._edit(region, Key(Kind.SHADOWS, change.thing), _shadowed(change))
            return
        if change.action is Action.DELETE:
            shadows = Key(Kind.SHADOWS, change.thing)
            if not records.read(shadows).is_absent:
                self._edit(region, shadows, _without_shadows)
        self._edit(region, key, self._edited(change))

    def _edited(self, change: Change) -> _Edit:
        match change.action:
            case Action.UPDATE:
                return partial(_updated, change.number)
            case Action.ROTATE:
                (number,) = change.certificates
                registry = self._intakes[change.region].site.registry
                issued = registry.issue(self._fresh_csr(change.thing, number))
                self._keep(change.thing, number, issued.pem)
                return partial(_with, issued)
            case Action.RETIRE:
                (number,) = change.certificates
                retired = self._certificate_id(change.thing, number)
                # The one half is closed, the other one taken away.
                return partial(_without if change.number % 2 else _closed, retired)
            case _:
                return _deleted

    def _edit(self, region: str, key: Key, edit: _Edit) -> None:
        records = self._intakes[region].site.records
        for _ in range(_TRIES_MAX):
            before = records.read(key)
            try:
                records.write(edit(before), previous=before)
            except RetryableError:
                # The record of the other Region, or its last change, comes in.
                time.sleep(_RETRY_EVERY_S)
            else:
                return
        raise NotReadyError(f"{key} could not be written in {region}")

    def _outside(self, change: Change) -> None:
        """Work in IoT Core of a Region as if there were no hotsite."""
        thing, iot = change.thing, self._iot[change.region]
        match change.action:
            case Action.CREATE:
                iot.create_thing(thingName=thing, thingTypeName=_TYPE)
                iot.add_thing_to_thing_group(thingGroupName=_GROUP, thingName=thing)
                self._attach(iot, thing, 1)
            case Action.ROTATE:
                self._attach(iot, thing, change.certificates[0])
            case Action.UPDATE:
                attributes = {_UPDATE: str(change.number)}
                payload = {"attributes": attributes, "merge": True}
                iot.update_thing(thingName=thing, attributePayload=payload)
            case Action.SHADOW:
                document = json.dumps({"state": _state(change.number)})
                data = self._data[change.region]
                data.update_thing_shadow(thingName=thing, payload=document)
            case Action.DELETE:
                _delete(iot, thing)
            case Action.RETIRE | Action.REVOKE:
                is_retired = change.action is Action.RETIRE
                status = "INACTIVE" if is_retired else "REVOKED"
                for number in change.certificates:
                    name = self._certificate_id(thing, number)
                    iot.update_certificate(certificateId=name, newStatus=status)

    def _attach(self, iot: Any, thing: str, number: int) -> None:
        answer = iot.create_certificate_from_csr(
            certificateSigningRequest=self._fresh_csr(thing, number), setAsActive=True
        )
        iot.attach_thing_principal(thingName=thing, principal=answer["certificateArn"])
        self._keep(thing, number, answer["certificatePem"])

    def _fresh_csr(self, thing: str, number: int) -> str:
        key = device_key.make(thing)
        key.save(self._world.member(thing, number).private_key)
        return key.csr_pem

    def _keep(self, thing: str, number: int, pem: str) -> None:
        self._world.member(thing, number).certificate.write_text(pem)

    def _certificate_id(self, thing: str, number: int) -> str:
        pem = self._world.member(thing, number).certificate.read_text()
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def _delete(iot: Any, thing: str) -> None:
    """Delete a thing; its certificates stay, attached to nothing."""
    for principal in iot.list_thing_principals(thingName=thing)["principals"]:
        iot.detach_thing_principal(thingName=thing, principal=principal)
    iot.delete_thing(thingName=thing)


def _shadow_change(data: Any, thing: str) -> int:
    try:
        with translated(f"look for the shadow of {thing}"):
            answer = data.get_thing_shadow(thingName=thing)
            document = json.load(answer["payload"])
    except NotFoundError:
        return 0
    return int(document["state"].get("desired", {}).get(_SHADOW, 0))


def _state(number: int) -> dict[str, dict[str, int]]:
    return {"desired": {_SHADOW: number}}


def _shadowed(change: Change) -> _Edit:
    text = json.dumps(_state(change.number), sort_keys=True, separators=(",", ":"))
    body = Shadows(change.thing, (("", text),))
    return lambda record: replace(record, body=body)


def _without_shadows(record: Record) -> Record:
    return replace(record, body=Shadows(record.name, ()))


def _thing_of(record: Record) -> Thing:
    if record.thing is None:
        raise NotReadyError(f"{record.key} has not arrived yet")
    return record.thing


def _updated(number: int, record: Record) -> Record:
    thing = _thing_of(record)
    attributes = {**dict(thing.attributes), _UPDATE: str(number)}
    pairs = tuple(sorted(attributes.items()))
    return replace(record, body=replace(thing, attributes=pairs))


def _with(certificate: Certificate, record: Record) -> Record:
    _thing_of(record)
    several = {one.certificate_id: one for one in (*record.certificates, certificate)}
    return replace(record, certificates=tuple(several[id_] for id_ in sorted(several)))


def _closed(certificate_id: str, record: Record) -> Record:
    _check_known(certificate_id, record)
    return replace(
        record,
        certificates=tuple(
            replace(one, status=CertificateStatus.INACTIVE)
            if one.certificate_id == certificate_id
            else one
            for one in record.certificates
        ),
    )


def _without(certificate_id: str, record: Record) -> Record:
    _check_known(certificate_id, record)
    rest = (one for one in record.certificates if one.certificate_id != certificate_id)
    return replace(record, certificates=tuple(rest))


def _check_known(certificate_id: str, record: Record) -> None:
    if certificate_id not in {one.certificate_id for one in record.certificates}:
        raise NotReadyError(f"{record.key}: its certificate has not arrived yet")


def _deleted(record: Record) -> Record:
    _thing_of(record)
    return replace(record, body=None, certificates=(), is_deleted=True)
