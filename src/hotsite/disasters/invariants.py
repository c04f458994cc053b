"""What must hold once a disaster is over, whatever happened in it."""

from collections.abc import Iterator, Mapping

from hotsite.core.registry import CertificateStatus, Key, Kind, Shadows
from hotsite.disasters.estate import FLEET_GROUP, Estate, SimRegion
from hotsite.disasters.wishes import Wishes

# Calls to IoT Core for each time that a name was worked on: an observation of a
# device is a handful, a plan is short, and what fails is tried again.
CALLS_PER_ROUND_MAX = 24
_CANARY = "hotsite-canary-"


def broken(estate: Estate, wishes: Wishes) -> Iterator[str]:
    """Yield each invariant that does not hold, in words."""
    one, two = estate.regions.values()
    yield from _records(estate)
    yield from _registries(one, two)
    for region in (one, two):
        yield from _devices(region, wishes)
        yield from _calls(region)


def _records(estate: Estate) -> Iterator[str]:
    one, two = (region.tables for region in estate.regions.values())
    for partition in sorted({*one.partitions, *two.partitions}):
        if one.partitions.get(partition) != two.partitions.get(partition):
            yield f"the records of {partition} differ"


def _registries(one: SimRegion, two: SimRegion) -> Iterator[str]:
    for noun in ("things", "groups", "policies", "shadows"):
        here, there = (_told(region, noun) for region in (one, two))
        for name in sorted({*here, *there}):
            if here.get(name) != there.get(name):
                yield f"{noun} {name}: {here.get(name)} or {there.get(name)}"
    for name in sorted({*one.registry.things, *two.registry.things}):
        held, other = (_certificates(region, name) for region in (one, two))
        if held != other:
            yield f"the certificates of {name}: {held} or {other}"


def _told(region: SimRegion, noun: str) -> Mapping[str, object]:
    if noun == "shadows":
        kept: dict[str, object] = {}
        for name in region.registry.shadows:
            body = region.registry.peek(Key(Kind.SHADOWS, name)).body
            if isinstance(body, Shadows) and body.documents:
                kept[name] = body
        return kept
    found = getattr(region.registry, noun)
    return {
        name: region.registry.peek(Key(_KINDS[noun], name)).body
        for name in found
        if not name.startswith(_CANARY)
    }


_KINDS = {
    "things": Kind.THING,
    "groups": Kind.THING_GROUP,
    "policies": Kind.POLICY,
}


def _certificates(region: SimRegion, name: str) -> dict[str, tuple[str, object]]:
    registry = region.registry
    found = (registry.certificates[one] for one in registry.attached.get(name, ()))
    return {
        one.certificate_id[:8]: (one.status.value, tuple(sorted(one.policies)))
        for one in found
    }


def _devices(region: SimRegion, wishes: Wishes) -> Iterator[str]:
    registry = region.registry
    for name in sorted(wishes.standing):
        if name not in registry.things:
            yield f"{name} is lost in {region.name}"
    for name in sorted(wishes.buried):
        if name in registry.things:
            yield f"{name} was deleted and is back in {region.name}"
    for name, certificate_id in wishes.open_certificates():
        if not _lets_in(region, name, certificate_id):
            yield f"{name} cannot connect to {region.name} by {certificate_id[:8]}"
    for certificate_id in sorted(wishes.revoked):
        there = registry.certificates.get(certificate_id)
        if there is not None and there.status is not CertificateStatus.REVOKED:
            short = certificate_id[:8]
            yield f"revoked {short} is {there.status.value} in {region.name}"


def _lets_in(region: SimRegion, name: str, certificate_id: str) -> bool:
    registry = region.registry
    thing = registry.things.get(name)
    there = registry.certificates.get(certificate_id)
    return (
        thing is not None
        and FLEET_GROUP in thing.groups
        and certificate_id in registry.attached.get(name, ())
        and there is not None
        and there.status is CertificateStatus.ACTIVE
    )


def _calls(region: SimRegion) -> Iterator[str]:
    sweeps = region.rounds.get(None, 0)
    for key, calls in region.gate.calls.items():
        rounds = region.rounds.get(key, 0) + sweeps
        if key.kind is Kind.THING:
            rounds += region.rounds.get(Key(Kind.SHADOWS, key.name), 0)
        if calls > CALLS_PER_ROUND_MAX * (rounds + 1):
            yield f"{calls} calls for {key} in {rounds} rounds in {region.name}"
