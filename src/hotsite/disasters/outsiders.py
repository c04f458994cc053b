"""What people change behind hotsite's back: in the console, by scripts of their own.

They call IoT Core of one Region and nothing else. A Region that is down has no
console; what it refuses stays undone.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

from hotsite.core.registry import (
    Certificate,
    CertificateStatus,
    Key,
    Kind,
    Policy,
    Thing,
    ThingGroup,
    thing_key,
)
from hotsite.core.replication import Step, Verb
from hotsite.core.replication.shadows import canonical, patch
from hotsite.disasters.estate import FLEET_GROUP, FLEET_TYPE
from hotsite.disasters.operators import GROUPS, POLICIES, SHADOWS, Hand

# A person at a console is not faster than this, and not slower in a hurry.
_BETWEEN_S = 0.3


def _call(hand: Hand, verb: Verb, step: Step) -> None:
    """Make one call, as soon as a person can."""
    hand.region.scheduler.sleep(hand.chance.random() * _BETWEEN_S)
    hand.region.registry.perform(replace(step, verb=verb))


def _thing_step(hand: Hand, name: str) -> Step | None:
    there = hand.region.registry.things.get(name)
    return None if there is None else Step(Verb.UPDATE_THING, thing_key(name), there)


def _alter(hand: Hand) -> None:
    name = hand.thing()
    step = _thing_step(hand, name)
    if step is not None and isinstance(step.body, Thing):
        with hand.wishes.effort(name):
            body = replace(step.body, attributes=hand.attributes())
            _call(hand, Verb.UPDATE_THING, replace(step, body=body))


def _move(hand: Hand) -> None:
    """Put a thing into the group that has no hierarchy, or take it out."""
    name = hand.thing()
    step = _thing_step(hand, name)
    if step is None or not isinstance(step.body, Thing):
        return
    is_in = "yard" in step.body.groups
    verb = Verb.REMOVE_FROM_GROUP if is_in else Verb.ADD_TO_GROUP
    with hand.wishes.effort(name):
        _call(hand, verb, replace(step, target="yard"))


def _make(hand: Hand) -> None:
    """Make a device by hand, or one that was deleted again."""
    name = hand.thing()
    if name in hand.region.registry.things:
        return
    body = Thing(name, FLEET_TYPE, hand.attributes())
    step = Step(Verb.CREATE_THING, thing_key(name), body, hand.certificate())
    with hand.wishes.effort(name):
        _call(hand, Verb.CREATE_THING, step)
        _call(hand, Verb.ADD_TO_GROUP, replace(step, target=FLEET_GROUP))
        _call(hand, Verb.REGISTER_CERTIFICATE, step)
        _call(hand, Verb.ATTACH_CERTIFICATE, step)


def _add(hand: Hand) -> None:
    """Give a device one more certificate."""
    name = hand.thing()
    step = _thing_step(hand, name)
    if step is None:
        return
    step = replace(step, certificate=hand.certificate())
    with hand.wishes.effort(name):
        _call(hand, Verb.REGISTER_CERTIFICATE, step)
        _call(hand, Verb.ATTACH_CERTIFICATE, step)
        assert step.certificate is not None  # noqa: S101 - set above
        hand.wishes.certificates[step.certificate.certificate_id] = name


def _chosen(hand: Hand, name: str) -> Certificate | None:
    """Choose a certificate of a thing, one that lets somebody in or would."""
    registry = hand.region.registry
    ids = sorted(registry.attached.get(name, ()))
    return registry.certificates[hand.chance.choice(ids)] if ids else None


def _switch(hand: Hand) -> None:
    status = hand.chance.choice((CertificateStatus.ACTIVE, CertificateStatus.INACTIVE))
    _set_status(hand, status)


def _revoke(hand: Hand) -> None:
    _set_status(hand, CertificateStatus.REVOKED)


def _set_status(hand: Hand, status: CertificateStatus) -> None:
    name = hand.thing()
    step, there = _thing_step(hand, name), _chosen(hand, name)
    if step is None or there is None:
        return
    if there.status in {status, CertificateStatus.REVOKED}:
        return
    certificate_id = there.certificate_id
    with hand.wishes.effort(name):
        if status is not CertificateStatus.ACTIVE:
            hand.wishes.doubtful.add(certificate_id)
        step = replace(step, certificate=replace(there, status=status))
        _call(hand, Verb.UPDATE_CERTIFICATE, step)
        if status is CertificateStatus.REVOKED:
            hand.wishes.revoked.add(certificate_id)


def _reopen(hand: Hand) -> None:
    """Make a revoked certificate ACTIVE: the console lets one do it."""
    region = hand.region
    for name in hand.names:
        step, there = _thing_step(hand, name), _chosen(hand, name)
        if step is None or there is None:
            continue
        if there.status is CertificateStatus.REVOKED:
            region.reopened.add(there.certificate_id)
            if there.certificate_id not in region.tables.peek(step.key).revoked:
                # Undone before it was recorded: nobody can know that it was.
                hand.wishes.revoked.discard(there.certificate_id)
            active = replace(there, status=CertificateStatus.ACTIVE)
            step = replace(step, certificate=active)
            _call(hand, Verb.UPDATE_CERTIFICATE, step)
            return


def _take(hand: Hand) -> None:
    """Take one of several certificates away from a thing."""
    name = hand.thing()
    step, there = _thing_step(hand, name), _chosen(hand, name)
    if step is None or there is None:
        return
    if len(hand.region.registry.attached[name]) > 1:
        with hand.wishes.effort(name):
            hand.wishes.doubtful.add(there.certificate_id)
            step = replace(step, certificate=there)
            _call(hand, Verb.DETACH_CERTIFICATE, step)


def _delete(hand: Hand, name: str | None = None) -> None:
    """Delete a device as the console makes one do it, one call after the other."""
    name = name or hand.thing()
    step, registry = _thing_step(hand, name), hand.region.registry
    if step is None:
        return
    hand.wishes.endangered.add(name)
    with hand.wishes.effort(name):
        for certificate_id in sorted(registry.attached.get(name, ())):
            there = registry.certificates[certificate_id]
            hand.wishes.doubtful.add(certificate_id)
            closed = replace(there, status=CertificateStatus.INACTIVE)
            if there.status is CertificateStatus.ACTIVE:
                one = replace(step, certificate=closed)
                _call(hand, Verb.UPDATE_CERTIFICATE, one)
            for policy in there.policies:
                one = replace(step, certificate=closed, target=policy)
                _call(hand, Verb.DETACH_POLICY, one)
            _call(hand, Verb.DETACH_CERTIFICATE, replace(step, certificate=closed))
        hand.region.scheduler.sleep(10.0)
        _call(hand, Verb.DELETE_THING, step)


def _wipe(hand: Hand) -> None:
    """Delete every device of a Region, as a wrong script does."""
    for name in hand.names:
        registry = hand.region.registry
        step = _thing_step(hand, name)
        if step is None:
            continue
        hand.wishes.endangered.add(name)
        with hand.wishes.effort(name):
            for certificate_id in sorted(registry.attached.get(name, ())):
                one = replace(step, certificate=registry.certificates[certificate_id])
                hand.wishes.doubtful.add(certificate_id)
                hand.region.registry.perform(replace(one, verb=Verb.DETACH_CERTIFICATE))
    hand.region.scheduler.sleep(10.0)
    for name in hand.names:
        step = _thing_step(hand, name)
        if step is not None:
            with hand.wishes.effort(name):
                _call(hand, Verb.DELETE_THING, step)


def _group(hand: Hand) -> None:
    key = Key(Kind.THING_GROUP, hand.chance.choice(GROUPS))
    there = hand.region.registry.groups.get(key.name)
    policies = [p for p in POLICIES if p in hand.region.registry.policies]
    if there is None:
        return
    if policies and hand.chance.random() < 0.5:  # noqa: PLR2004 - half of them
        policy = hand.chance.choice(policies)
        is_held = policy in there.policies
        verb = Verb.DETACH_POLICY if is_held else Verb.ATTACH_POLICY
        _call(hand, verb, Step(verb, key, there, target=policy))
        return
    body: ThingGroup = replace(there, attributes=hand.attributes())
    step = Step(Verb.UPDATE_THING_GROUP, key, body)
    _call(hand, Verb.UPDATE_THING_GROUP, step)


def _policy(hand: Hand) -> None:
    key = Key(Kind.POLICY, hand.chance.choice(POLICIES))
    if key.name not in hand.region.registry.policies:
        return
    document = canonical({"Statement": [], "Version": str(hand.chance.randrange(100))})
    for version in hand.region.registry.peek(key).versions[3:]:
        step = Step(Verb.DELETE_POLICY_VERSION, key, Policy(key.name, ""))
        _call(hand, Verb.DELETE_POLICY_VERSION, replace(step, target=version))
    step = Step(Verb.CREATE_POLICY_VERSION, key, Policy(key.name, document))
    _call(hand, Verb.CREATE_POLICY_VERSION, step)


def _shadow(hand: Hand) -> None:
    """Let a device report, or somebody delete, a shadow."""
    name, shadow = hand.thing(), hand.chance.choice(SHADOWS)
    registry = hand.region.registry
    step = _thing_step(hand, name)
    if step is None:
        return
    key = Key(Kind.SHADOWS, name)
    there = registry.shadows.get(name, {}).get(shadow)
    if there is not None and hand.chance.random() < 0.2:  # noqa: PLR2004 - a few
        _call(hand, Verb.DELETE_SHADOW, replace(step, key=key, target=shadow))
        return
    wanted = canonical({"reported": {"n": hand.chance.randrange(100)}})
    step = replace(step, key=key, target=shadow, document=patch("{}", wanted))
    _call(hand, Verb.UPDATE_SHADOW, step)


ACTS: Mapping[str, Callable[[Hand], None]] = {
    "alter outside": _alter,
    "move outside": _move,
    "make outside": _make,
    "add outside": _add,
    "switch outside": _switch,
    "revoke outside": _revoke,
    "reopen outside": _reopen,
    "take outside": _take,
    "delete outside": _delete,
    "wipe outside": _wipe,
    "group outside": _group,
    "policy outside": _policy,
    "shadow outside": _shadow,
}
