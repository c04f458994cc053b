import random
import tracemalloc
from dataclasses import replace

import pytest
from tests.flows.test_capture import around
from tests.sample_registry import certificate

from hotsite.core.apis import calls_of_observation, default_limits
from hotsite.core.progress import Costs
from hotsite.core.registry import (
    CaCertificate,
    CertificateStatus,
    Key,
    Kind,
    Policy,
    Thing,
    ThingGroup,
    ThingType,
    thing_key,
)
from hotsite.core.seeding import Shard
from hotsite.core.sweeping import Mode
from hotsite.errors import InvalidInputError, UnreachableError
from hotsite.flows.replication import Site, apply, apply_all
from hotsite.flows.seed import SeedOptions, seed, seed_definitions
from hotsite.flows.sight import Intake
from hotsite.flows.sweep import SweepOptions, sweep
from hotsite.ports.unrecorded import NamePage, Unrecorded
from hotsite.sim.clock import SimClock
from hotsite.sim.deletions import SimDeletionLedger
from hotsite.sim.fleet_registry import (
    Fleet,
    FleetApplied,
    FleetRecords,
    FleetRegistry,
)
from hotsite.sim.registry import SimRegistry
from hotsite.sim.tables import SimAppliedRecords, SimCursors, SimTables, replicate


def intake_of(region="a", clock=None, **given):
    clock = clock or SimClock()
    registry = SimRegistry((), ())
    site = Site(SimTables(region, clock), SimAppliedRecords(), registry, clock)
    return Intake(site, SimCursors(), SimDeletionLedger(), **given)


def fleet_intake(count):
    fleet = Fleet(count)
    site = Site(
        FleetRecords(fleet), FleetApplied(fleet), FleetRegistry(fleet), SimClock()
    )
    return Intake(site, SimCursors(), SimDeletionLedger())


def existing(intake, count=10):
    """What somebody built with the console, without hotsite."""
    registry = intake.site.registry
    registry.types["press"] = ThingType("press", "presses", ("line",))
    registry.policies["tight"] = Policy("tight", '{"Statement":[]}')
    for name, parent in (("a", "site"), ("site", "works"), ("works", None)):
        registry.groups[name] = ThingGroup(name, parent, name, (), ("tight",))
    ca = certificate("ca")
    registry.cas[ca.certificate_id] = CaCertificate(ca.certificate_id, ca.pem)
    statuses = tuple(CertificateStatus)
    for number in range(count):
        name = f"press-{number:02d}"
        registry.things[name] = Thing(name, "press", (("n", str(number)),), ("a",))
        item = certificate(name, statuses[number % 3], ("tight",))
        registry.certificates[item.certificate_id] = item
        registry.attached[name] = {item.certificate_id}
        if number % 2:
            registry.shadows[name] = {"": '{"desired":{"on":true}}'}
    return registry


def run(intake, **given):
    *_, last = seed(intake, SeedOptions(**given))
    assert last.is_complete
    return last.report


def keys_of(tables):
    return [
        Key(Kind(kind), name)
        for kind, _, name in (text.partition("#") for text in tables.partitions)
    ]


def test_existing_registry_is_recorded_and_the_source_is_not_touched():
    a = intake_of()
    registry = existing(a)
    report = run(a)
    assert report.thing_done == report.thing_count == 10
    # 10 things, 5 with shadows, a type, a policy, 3 groups, a CA certificate.
    assert (report.written, report.known) == (21, 0)
    assert registry.calls == []
    outcomes = apply_all(keys_of(a.site.records), a.site)
    assert sum(outcome.call_count for outcome in outcomes) == 0
    *_, last = sweep(a, SweepOptions())
    assert last.report.is_equal


def test_seeded_registry_becomes_equal_in_the_other_region():
    clock = SimClock()
    a, b = intake_of("a", clock), intake_of("b", clock)
    source = existing(a)
    run(a)
    replicate(a.site.records, b.site.records, lag_s=0)
    apply_all(keys_of(b.site.records), b.site)
    replica = b.site.registry
    assert replica.things == source.things
    assert replica.groups == source.groups
    assert replica.types == source.types
    assert replica.policies == source.policies
    assert replica.shadows == source.shadows
    assert replica.certificates == source.certificates
    clock.sleep(31)
    *_, last = sweep(b, SweepOptions(Mode.REPORT))
    assert last.report.is_equal


def test_repeat_is_harmless_and_costs_no_look():
    a = intake_of()
    existing(a)
    run(a)
    outbox = len(a.site.records.outbox)
    a.site.clock.sleep(1)
    report = run(a)
    assert (report.written, report.known) == (0, 21)
    assert len(a.site.records.outbox) == outbox


def test_parents_are_recorded_before_their_children():
    a = intake_of()
    existing(a)
    run(a)
    order = [item.key[0] for item in a.site.records.outbox]
    assert order.index("group#works") < order.index("group#site")
    assert order.index("group#site") < order.index("group#a")


@pytest.mark.parametrize("rng_seed", range(8))
def test_seeding_that_is_killed_anywhere_goes_on_and_loses_nothing(rng_seed):
    a = intake_of()
    existing(a, 20)
    chance = random.Random(rng_seed)

    class KilledError(BaseException):
        pass

    class Dying:
        def __init__(self, port):
            self.port = port

        def __getattr__(self, name):
            found = getattr(self.port, name)
            if not callable(found):
                return found

            def call(*args, **given):
                if chance.random() < 0.02:
                    raise KilledError
                answer = found(*args, **given)
                if chance.random() < 0.02:
                    raise KilledError
                return answer

            return call

    site = a.site
    dying = replace(
        a,
        cursors=Dying(a.cursors),
        site=Site(
            Dying(site.records),
            Dying(site.applied),
            Dying(site.registry),
            site.clock,
        ),
    )
    for _ in range(400):
        try:
            run(dying)
        except KilledError:
            site.clock.sleep(20)
            continue
        break
    site.clock.sleep(100)
    run(a)
    *_, last = sweep(a, SweepOptions())
    assert last.report.is_equal, last.report
    assert all(
        thing_key(name) in keys_of(site.records) for name in site.registry.things
    )
    assert apply(thing_key("press-03"), site).call_count == 0


def test_steps_within_a_budget_are_one_seeding():
    a = intake_of()
    existing(a, 12)
    options = SeedOptions(budget_s=0.0)
    for _ in range(100):
        *_, last = seed(a, options)
        if last.is_complete:
            break
    assert last.is_complete
    assert last.report.thing_done == 12
    assert last.report.written == 24


def test_shards_divide_the_things_between_them():
    a = intake_of()
    existing(a, 40)
    reports = [run(a, shard=Shard(index, 3)) for index in range(3)]
    assert sum(report.written for report in reports) == 40 + 20 + 6
    assert sum(report.known for report in reports) == 0
    assert sum(report.thing_done for report in reports) == 40
    assert min(report.thing_done for report in reports) > 0
    assert len(a.site.applied.items) == 40 + 20 + 6
    with pytest.raises(InvalidInputError):
        Shard(3, 3)


def side_by_side(intake, count):
    """Seed as several workers do; return the sums of their counts."""
    shards = [Shard(index, count) for index in range(count)]
    for _ in seed_definitions(intake, SeedOptions(shard=shards[0])):
        intake.site.clock.sleep(1)
    left = {shard: seed(intake, SeedOptions(shard=shard)) for shard in shards}
    reports = {}
    while left:
        for shard, steps in tuple(left.items()):
            step = next(steps, None)
            if step is None:
                del left[shard]
            else:
                reports[shard] = step.report
    return {
        name: sum(getattr(report, name) for report in reports.values())
        for name in ("written", "known", "thing_done", "thing_count")
    }


@pytest.mark.parametrize("count", [1, 2, 4])
def test_name_counts_once_however_many_workers_there_are(count):
    a = intake_of()
    existing(a, 40)
    things = {"thing_done": 40, "thing_count": 40}
    assert side_by_side(a, count) == {"written": 66, "known": 0, **things}
    a.site.clock.sleep(1)
    assert side_by_side(a, count) == {"written": 0, "known": 66, **things}


def test_definition_that_cannot_be_recorded_is_told_once():
    class Newer(SimTables):
        def read(self, key):
            if key == Key(Kind.POLICY, "tight"):
                raise InvalidInputError("version 9 is not known")
            return super().read(key)

    a = intake_of()
    existing(a, 4)
    a = replace(a, site=replace(a.site, records=Newer("a", a.site.clock)))
    reports = [run(a, shard=Shard(index, 3)) for index in range(3)]
    told = [name for report in reports for name in report.failed.names]
    assert told == ["policy#tight: version 9 is not known"]


def test_no_thing_is_begun_before_what_it_needs_is_recorded():
    a = intake_of()
    existing(a, 40)
    for _ in seed_definitions(a, SeedOptions(shard=Shard(0, 4))):
        pass
    kinds = {key.kind for key in keys_of(a.site.records)}
    assert kinds == {
        Kind.THING_TYPE,
        Kind.POLICY,
        Kind.THING_GROUP,
        Kind.CA_CERTIFICATE,
    }


def test_what_is_not_brought_over_is_named():
    class Around:
        def things_of(self, certificate_id):
            if certificate_id == certificate("stray").certificate_id:
                return ()
            is_shared = certificate_id == certificate("press-00").certificate_id
            return ("press-00", "press-01") if is_shared else ("press-00",)

        def page(self, what, token=None):
            if what is Unrecorded.CERTIFICATE:
                labels = ("stray", "press-00", "press-01")
                return NamePage(tuple(certificate(x).certificate_id for x in labels))
            return NamePage((f"a {what.value}",))

    a = around(intake_of(), Around())
    existing(a, 3)
    report = run(a)
    assert report.shared.names == (certificate("press-00").certificate_id,)
    assert report.unattached.names == (certificate("stray").certificate_id,)
    assert report.dynamic_groups.count == report.billing_groups.count == 1
    assert a.site.records.read(thing_key("press-00")).certificates == ()
    # Its thing is known now; whose the certificate is, is asked all the same.
    assert run(a).shared == report.shared


def test_key_that_others_work_on_gets_a_second_look():
    a = intake_of()
    existing(a, 2)
    run(a)
    line = a.site.applied.read(thing_key("press-00"))
    half = replace(line, attempts=(line.record,), leased_until_s=1.0)
    a.site.applied.write(half, previous=line)
    report = run(a)
    assert report.pending.count == 0
    assert a.site.applied.read(thing_key("press-00")).attempts == ()


def test_region_that_does_not_answer_is_told_and_nothing_is_lost():
    a = intake_of()
    existing(a)
    a.site.registry.is_reachable = False
    with pytest.raises(UnreachableError):
        run(a)
    a.site.registry.is_reachable = True
    assert run(a).thing_done == 10


def test_time_that_is_left_comes_from_the_quotas():
    a = fleet_intake(1000)
    calls = calls_of_observation(Kind.THING, 1)
    costs = Costs(calls, default_limits("eu-central-1"))
    steps = seed(a, SeedOptions(costs=costs))
    for step in steps:
        if step.progress.total is not None:
            break
    # DescribeCertificate and ListAttachedPolicies: 10 and 15 a second.
    assert step.progress.api == "DescribeCertificate"
    assert step.progress.eta_s == pytest.approx(100)


@pytest.mark.no_cover
def test_large_fleet_needs_constant_memory_and_five_looks_a_thing():
    a = fleet_intake(2_500)
    tracemalloc.start()
    try:
        report = run(a)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report.thing_done == 2_500
    assert report.written == 2_500 + 50 + 10
    assert peak < 4_000_000
    calls = a.site.registry.calls
    assert calls["DescribeThing"] == calls["DescribeCertificate"] == 2_500
    assert calls["ListThings"] == 10 + 2_500 // 25
    assert a.site.applied.open_count == 0
