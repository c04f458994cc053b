"""What people change through hotsite, in a Region, while everything breaks.

Each act reads the record and writes it, as the commands of hotsite do. What fails
is tried again a few times by a patient person, and then left.
"""

import base64
import hashlib
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from hotsite.core.onboarding import Claim, Entry, Names, Request
from hotsite.core.registry import (
    Certificate,
    CertificateStatus,
    Key,
    Kind,
    Policy,
    Record,
    Shadows,
    Thing,
    ThingGroup,
    ThingType,
    thing_key,
)
from hotsite.core.replication.shadows import canonical
from hotsite.disasters.estate import FLEET_GROUP, FLEET_TYPE, Estate, SimRegion
from hotsite.disasters.wishes import Wishes
from hotsite.errors import PermanentError, RetryableError
from hotsite.flows.onboarding import Desk, onboard

GROUPS = ("hall", "hall-east", "yard")
PARENTS = {"hall-east": "hall"}
POLICIES = ("tight", "wide")
SPARE_GROUP = Key(Kind.THING_GROUP, "attic")
SPARE_POLICY = Key(Kind.POLICY, "old")
SPARE_TYPE = Key(Kind.THING_TYPE, "kettle")
SHADOWS = ("", "config")
# One in each hierarchy at most: these are three.
_MEMBERSHIPS = ((), ("hall",), ("hall-east",), ("yard",), ("hall", "yard"))
_NAMES = Names(("iot.hotsite.test",), "api.hotsite.test", 8883)
_TRIES_MAX = 4
_PATIENCE_S = 5.0


def fleet_names(count: int) -> tuple[str, ...]:
    """Return the names of so many devices."""
    return tuple(f"d{number:02d}" for number in range(count))


@dataclass(frozen=True, slots=True)
class Hand:
    """One person at work in one Region.

    Attributes:
        estate: Both Regions.
        region: Where this is.
        chance: The luck of this act alone.
        wishes: What is told of it.
        names: Devices to choose from.
    """

    estate: Estate
    region: SimRegion
    chance: random.Random
    wishes: Wishes
    names: tuple[str, ...]

    def thing(self) -> str:
        """Return one of the devices."""
        return self.chance.choice(self.names)

    def certificate(self) -> Certificate:
        """Return a new certificate."""
        der = f"certificate {self.chance.random()}".encode()
        body = base64.encodebytes(der).decode()
        pem = f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"
        return Certificate(hashlib.sha256(der).hexdigest(), pem)

    def attributes(self) -> tuple[tuple[str, str], ...]:
        """Return some attributes."""
        chance = self.chance
        some = [name for name in ("at", "by", "of") if chance.random() < 0.6]  # noqa: PLR2004 - about half
        return tuple((name, str(chance.randrange(100))) for name in some)

    def memberships(self) -> tuple[str, ...]:
        """Return groups that a thing can be in at once, the fleet's with them."""
        return tuple(sorted((FLEET_GROUP, *self.chance.choice(_MEMBERSHIPS[:4]))))

    def change(self, key: Key, wish: Callable[[Record], Record | None]) -> bool:
        """Read a record, change it, write it; say whether that was confirmed."""
        records = self.region.site.records
        for _ in range(_TRIES_MAX):
            try:
                before = records.read(key)
                after = wish(before)
                if after is None:
                    return False
                records.write(after, previous=before)
            except RetryableError:
                self.region.scheduler.sleep(_PATIENCE_S)
            else:
                return True
        return False


def claim_of(name: str) -> Claim:
    """Return the claim of a device."""
    return Claim(name, f"secret of {name}")


def entry_of(name: str) -> Entry:
    """Return the unused line of a device's claim."""
    return Entry.of(claim_of(name), {"made": "here"})


def enroll(hand: Hand, name: str | None = None) -> None:
    """Onboard a device; it asks again until it is answered."""
    name = name or hand.thing()
    desk = Desk(
        hand.region.claims,
        hand.region.site,
        _NAMES,
        "the CA's PEM",
        FLEET_TYPE,
        FLEET_GROUP,
    )
    request = Request(claim_of(name), f"CERTIFICATE REQUEST of {name}")
    with hand.wishes.effort(name):
        for _ in range(_TRIES_MAX):
            try:
                answer = onboard(request, desk)
            except RetryableError:
                hand.region.scheduler.sleep(_PATIENCE_S)
                continue
            hand.wishes.alive.add(name)
            certificate_id = answer.certificate.certificate_id
            hand.wishes.certificates[certificate_id] = name
            return


def _alter(hand: Hand) -> None:
    name, attributes = hand.thing(), hand.attributes()
    groups = hand.memberships()
    is_of_groups = hand.chance.random() < 0.5  # noqa: PLR2004 - half of them

    def wish(record: Record) -> Record | None:
        if record.thing is None:
            return None
        body = replace(record.thing, attributes=attributes)
        return replace(
            record, body=replace(body, groups=groups) if is_of_groups else body
        )

    with hand.wishes.effort(name):
        hand.change(thing_key(name), wish)


def _rotate(hand: Hand) -> None:
    name, new = hand.thing(), hand.certificate()

    def wish(record: Record) -> Record | None:
        if record.thing is None:
            return None
        found = sorted((*record.certificates, new), key=lambda c: c.certificate_id)
        return replace(record, certificates=tuple(found))

    with hand.wishes.effort(name):
        if hand.change(thing_key(name), wish):
            hand.wishes.certificates[new.certificate_id] = name


def _retire(hand: Hand) -> None:
    name, pick = hand.thing(), hand.chance.random()

    def wish(record: Record) -> Record | None:
        if record.thing is None or len(record.certificates) < 2:  # noqa: PLR2004 - one stays
            return None
        old = record.certificates[int(pick * len(record.certificates))]
        hand.wishes.doubtful.add(old.certificate_id)
        left = (c for c in record.certificates if c != old)
        return replace(
            record,
            certificates=tuple(left),
            gone=tuple(sorted({*record.gone, old.certificate_id})),
        )

    with hand.wishes.effort(name):
        hand.change(thing_key(name), wish)


def _switch(hand: Hand) -> None:
    """Make a certificate INACTIVE or ACTIVE, and change who may use it how."""
    name, pick = hand.thing(), hand.chance.random()
    status = hand.chance.choice((CertificateStatus.ACTIVE, CertificateStatus.INACTIVE))
    policies = hand.chance.choice(((), ("tight",), POLICIES))

    def wish(record: Record) -> Record | None:
        if record.thing is None or not record.certificates:
            return None
        old = record.certificates[int(pick * len(record.certificates))]
        if old.status is CertificateStatus.REVOKED:
            return None
        if status is not CertificateStatus.ACTIVE:
            hand.wishes.doubtful.add(old.certificate_id)
        new = replace(old, status=status, policies=policies)
        found = (new if c == old else c for c in record.certificates)
        return replace(record, certificates=tuple(found))

    with hand.wishes.effort(name):
        hand.change(thing_key(name), wish)


def _revoke(hand: Hand) -> None:
    name, pick = hand.thing(), hand.chance.random()
    records = hand.region.site.records
    with hand.wishes.effort(name):
        for _ in range(_TRIES_MAX):
            with suppress(RetryableError):
                record = records.read(thing_key(name))
                if not record.certificates:
                    return
                chosen = record.certificates[int(pick * len(record.certificates))]
                hand.wishes.doubtful.add(chosen.certificate_id)
                records.write_revoked(thing_key(name), chosen.certificate_id)
                hand.wishes.revoked.add(chosen.certificate_id)
                return
            hand.region.scheduler.sleep(_PATIENCE_S)


def _delete(hand: Hand) -> None:
    name, wishes = hand.thing(), hand.wishes
    with wishes.effort(name):
        is_sure = wishes.is_alone(name) and hand.estate.is_calm(name)
        efforts = wishes.efforts[name]

        def wish(record: Record) -> Record | None:
            if record.thing is None:
                return None
            wishes.endangered.add(name)
            return replace(record, body=None, certificates=(), is_deleted=True)

        is_done = hand.change(thing_key(name), wish)
        hand.change(Key(Kind.SHADOWS, name), _emptied)
        if is_done and is_sure and wishes.efforts[name] == efforts:
            wishes.buried.add(name)


def _emptied(record: Record) -> Record | None:
    if not isinstance(record.body, Shadows) or not record.body.documents:
        return None
    return replace(record, body=Shadows(record.name))


def _recreate(hand: Hand) -> None:
    name, new = hand.thing(), hand.certificate()
    body = Thing(name, FLEET_TYPE, hand.attributes(), (FLEET_GROUP,))

    def wish(record: Record) -> Record | None:
        if not record.is_deleted:
            return None
        return replace(
            record,
            body=body,
            certificates=(new,),
            is_deleted=False,
            life=record.life + 1,
        )

    with hand.wishes.effort(name):
        hand.change(thing_key(name), wish)


def _shadow(hand: Hand) -> None:
    name, shadow = hand.thing(), hand.chance.choice(SHADOWS)
    document = canonical({"desired": {"n": hand.chance.randrange(100)}})
    is_kept = hand.chance.random() < 0.8  # noqa: PLR2004 - the others are deleted

    def wish(record: Record) -> Record | None:
        there = record.body if isinstance(record.body, Shadows) else Shadows(name)
        documents = dict(there.documents)
        documents.pop(shadow, None)
        if is_kept:
            documents[shadow] = document
        body = Shadows(name, tuple(sorted(documents.items())))
        return None if body == there else replace(record, body=body)

    with hand.wishes.effort(name):
        if hand.region.tables.peek(thing_key(name)).thing is not None:
            hand.change(Key(Kind.SHADOWS, name), wish)


def group(hand: Hand, name: str | None = None) -> None:
    """Make a group, or change it."""
    name = name or hand.chance.choice(GROUPS)
    policies = tuple(p for p in POLICIES if hand.chance.random() < 0.4)  # noqa: PLR2004 - some
    body = ThingGroup(name, PARENTS.get(name), "", hand.attributes(), policies)
    hand.change(Key(Kind.THING_GROUP, name), lambda record: _made(record, body))


def policy(hand: Hand, name: str | None = None) -> None:
    """Make a policy, or change it."""
    name = name or hand.chance.choice(POLICIES)
    document = canonical({"Statement": [], "Version": str(hand.chance.randrange(100))})
    key = Key(Kind.POLICY, name)
    hand.change(key, lambda record: _made(record, Policy(name, document)))


def _spare(hand: Hand) -> None:
    """Make, or delete, what no other record speaks of."""
    key, body = hand.chance.choice(
        (
            (SPARE_GROUP, ThingGroup(SPARE_GROUP.name, None, "", hand.attributes())),
            (SPARE_POLICY, Policy(SPARE_POLICY.name, canonical({"Statement": []}))),
            (SPARE_TYPE, ThingType(SPARE_TYPE.name)),
        )
    )

    def wish(record: Record) -> Record | None:
        if record.body is None:
            return _made(record, body)
        return replace(record, body=None, is_deleted=True)

    hand.change(key, wish)


def _made(record: Record, body: ThingGroup | Policy | ThingType) -> Record | None:
    if record.body == body:
        return None
    life = record.life + 1 if record.is_deleted else record.life
    return replace(record, body=body, is_deleted=False, life=life)


def _enroll_one(hand: Hand) -> None:
    with suppress(PermanentError):
        enroll(hand)


ACTS: Mapping[str, Callable[[Hand], None]] = {
    "enroll": _enroll_one,
    "alter": _alter,
    "rotate": _rotate,
    "retire": _retire,
    "switch": _switch,
    "revoke": _revoke,
    "delete": _delete,
    "recreate": _recreate,
    "shadow": _shadow,
    "group": group,
    "policy": policy,
    "spare": _spare,
}
