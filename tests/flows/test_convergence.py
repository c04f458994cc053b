"""Changes in both Regions at once, through hotsite and behind its back."""

import contextlib
import random
from dataclasses import replace

import pytest
from tests.sample_registry import certificate

from hotsite.core.registry import (
    CertificateStatus,
    Key,
    Kind,
    Policy,
    Thing,
    ThingGroup,
    thing_key,
)
from hotsite.core.sweeping import Mode
from hotsite.errors import HotsiteError, RetryableError
from hotsite.flows.capture import Intake, capture
from hotsite.flows.replication import Site, apply_all
from hotsite.flows.sweep import SweepOptions, sweep
from hotsite.sim.clock import SimClock
from hotsite.sim.deletions import SimDeletionLedger
from hotsite.sim.registry import SimRegistry
from hotsite.sim.tables import SimAppliedRecords, SimCursors, SimTables, replicate

ACTIVE, INACTIVE, REVOKED = CertificateStatus
NAMES = ("oven", "kettle", "press")
GROUPS = ("hall", "yard")
POLICIES = ("tight", "wide")


class Killed(BaseException):
    pass


class Dying:
    """A port whose worker is killed at a call, or just after it, sometimes."""

    def __init__(self, port, chance, share):
        self.port, self.chance, self.share = port, chance, share

    def __getattr__(self, name):
        found = getattr(self.port, name)
        if not callable(found):
            return found

        def call(*args, **given):
            if self.chance.random() < self.share:
                raise Killed
            answer = found(*args, **given)
            if self.chance.random() < self.share:
                raise Killed
            return answer

        return call


class World:
    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.clock = SimClock()
        self.regions = [self._region(name) for name in "ab"]
        self.revoked = set()
        self.made = 0

    def _region(self, name):
        tables = SimTables(name, self.clock)
        site = Site(tables, SimAppliedRecords(), SimRegistry((), ()), self.clock)
        return Intake(site, SimCursors(), SimDeletionLedger())

    def step(self):
        a = self.chance.choice(self.regions)
        act = self.chance.choice(
            (self.outside, self.wish, self.work, self.travel, self.sweep, self.wait)
        )
        act(a)

    def wait(self, a):
        self.clock.sleep(self.chance.choice((1, 10, 40, 100)))

    def travel(self, a):
        one, two = self.regions
        for source, replica in ((one, two), (two, one)):
            if self.chance.random() < 0.7:
                replicate(source.site.records, replica.site.records, lag_s=0)

    def work(self, a):
        keys, a.site.records.touched[:] = list(a.site.records.touched), []
        self.chance.shuffle(keys)
        self.survive(lambda: apply_all(keys, self.dying(a).site))

    def sweep(self, a):
        options = SweepOptions(Mode.ADOPT)
        self.survive(lambda: list(sweep(self.dying(a), options)))

    def dying(self, a, share=0.01):
        site = a.site
        ports = (
            Dying(port, self.chance, share)
            for port in (site.records, site.applied, site.registry)
        )
        return replace(a, site=Site(*ports, site.clock))

    def survive(self, act):
        with contextlib.suppress(Killed, HotsiteError):
            act()

    def key(self):
        kind = self.chance.choice((Kind.THING, Kind.THING_GROUP, Kind.POLICY))
        names = {
            Kind.THING: NAMES,
            Kind.THING_GROUP: GROUPS,
            Kind.POLICY: POLICIES,
        }[kind]
        return Key(kind, self.chance.choice(names))

    def body(self, key, groups, policies):
        pairs = (("n", str(self.chance.randrange(3))),)
        some = tuple(sorted(x for x in groups if self.chance.random() < 0.5))
        if key.kind is Kind.THING:
            return Thing(key.name, None, pairs, some)
        some = tuple(sorted(x for x in policies if self.chance.random() < 0.5))
        if key.kind is Kind.THING_GROUP:
            return ThingGroup(key.name, None, "", pairs, some)
        return Policy(key.name, f'{{"n":{self.chance.randrange(3)}}}')

    def wish(self, a):
        """Somebody changes the record through hotsite."""
        records, key = a.site.records, self.key()
        if key.kind is not Kind.THING:
            groups = POLICIES
        before = records.read(key)
        groups = [g for g in GROUPS if records.read(Key(Kind.THING_GROUP, g)).body]
        policies = [p for p in POLICIES if records.read(Key(Kind.POLICY, p)).body]
        draw = self.chance.random()
        if before.body is None:
            life = before.life + before.is_deleted
            body = self.body(key, groups, policies)
            items = (self.new(),) if key.kind is Kind.THING else ()
            wanted = replace(
                before, body=body, certificates=items, is_deleted=False, life=life
            )
        elif draw < 0.2 and before.certificates:
            item = self.chance.choice(before.certificates)
            records.write_revoked(key, item.certificate_id)
            self.revoked.add(item.certificate_id)
            return
        elif draw < 0.4 and key.kind is Kind.THING:
            wanted = replace(before, body=None, certificates=(), is_deleted=True)
        elif draw < 0.6 and key.kind is Kind.THING:
            items = sorted(
                (*before.certificates[1:], self.new()), key=lambda c: c.certificate_id
            )
            wanted = replace(before, certificates=tuple(items))
        else:
            wanted = replace(before, body=self.body(key, groups, policies))
        records.write(wanted, previous=before)

    def new(self):
        self.made += 1
        return certificate(f"c{self.made}")

    def outside(self, a):
        """Somebody changes IoT Core with the console."""
        registry, key = a.site.registry, self.key()
        groups, policies = tuple(registry.groups), tuple(registry.policies)
        if key.kind is Kind.THING:
            self.outside_thing(registry, key.name, groups)
        elif key.kind is Kind.THING_GROUP:
            registry.groups[key.name] = self.body(key, groups, policies)
            registry.bump(str(key))
        elif key.name in registry.policies:
            registry.policies[key.name] = self.body(key, groups, policies)
        if self.chance.random() < 0.5:
            self.survive(lambda: capture(key, self.dying(a)))

    def outside_thing(self, registry, name, groups):
        draw = self.chance.random()
        attached = registry.attached.get(name, set())
        if name in registry.things and draw < 0.2:
            del registry.things[name]
            for item in attached:
                del registry.certificates[item]
            registry.attached.pop(name, None)
        elif attached and draw < 0.4:
            certificate_id = self.chance.choice(sorted(attached))
            there = registry.certificates[certificate_id]
            status = self.chance.choice((INACTIVE, REVOKED, ACTIVE))
            if there.status is not REVOKED:
                there = replace(there, status=status)
                registry.certificates[certificate_id] = there
        elif name in registry.things and draw < 0.6:
            item = self.new()
            registry.certificates[item.certificate_id] = item
            registry.attached.setdefault(name, set()).add(item.certificate_id)
        else:
            registry.things[name] = self.body(thing_key(name), groups, ())
            registry.bump(f"thing#{name}")

    def settle(self):
        one, two = self.regions
        for _ in range(30):
            self.clock.sleep(100)
            for a in self.regions:
                list(sweep(a, SweepOptions(Mode.ADOPT)))
            replicate(one.site.records, two.site.records, lag_s=0)
            replicate(two.site.records, one.site.records, lag_s=0)
            for a in self.regions:
                keys = list(a.site.records.touched)
                a.site.records.touched.clear()
                apply_all(keys, a.site)
            self.clock.sleep(100)
            reports = [list(sweep(a, SweepOptions()))[-1].report for a in self.regions]
            if all(report.is_equal for report in reports):
                return reports
        raise AssertionError([report.findings for report in reports])


@pytest.mark.parametrize("seed", range(150))
def test_both_regions_end_equal_whatever_was_changed_where(seed):
    world = World(seed)
    for _ in range(40):
        try:
            world.step()
        except RetryableError:
            continue
    world.settle()
    one, two = (a.site.registry for a in world.regions)
    assert one.things == two.things
    assert one.groups == two.groups
    assert one.policies == two.policies
    for registry in (one, two):
        for item in world.revoked & set(registry.certificates):
            assert registry.certificates[item].status is REVOKED
    for name in one.things:
        ids = one.attached.get(name, set())
        assert ids == two.attached.get(name, set())
        for item in ids:
            assert one.certificates[item].status is two.certificates[item].status
