"""What is looked at, and that nothing which is silent hides the rest."""

from dataclasses import dataclass, replace

import pytest
from tests.sample_registry import certificate

from hotsite.core.epoch import FIRST
from hotsite.core.headroom import Fleet, Limit, Need
from hotsite.core.health import HealthVerdict
from hotsite.core.operations import Action, Look
from hotsite.core.registry import (
    CertificateStatus,
    Key,
    Kind,
    Policy,
    Record,
    Thing,
    ThingGroup,
    thing_key,
)
from hotsite.core.sampling import Sample
from hotsite.core.site_facts import Unknown
from hotsite.core.site_readiness import ReadinessPolicy
from hotsite.core.takeover import SiteSeen
from hotsite.errors import RefusedError, UnreachableError
from hotsite.flows.readiness import Depth, Post, connected, look, proven
from hotsite.flows.readiness_sweep import Peer, sweep
from hotsite.flows.replication import Site, apply
from hotsite.flows.sight import Intake
from hotsite.sim.clock import SimClock
from hotsite.sim.deletions import SimDeletionLedger
from hotsite.sim.operations import SimOperations
from hotsite.sim.readiness import SimDoors, SimKeys, SimSiteQuotas
from hotsite.sim.region_tables import (
    SimAppliedRecords,
    SimCursors,
    SimHealthVerdicts,
)
from hotsite.sim.registry import SimRegistry
from hotsite.sim.tables import SimTables

DOMAIN = "fleet.example.com"
DAY_S = 86_400.0
GROUP = Key(Kind.THING_GROUP, "fleet")


def post(things=3, *, policies=("ovens",)):
    """A site with devices that are let in through their group."""
    clock = SimClock()
    registry = SimRegistry()
    site = Site(SimTables("b", clock), SimAppliedRecords(), registry, clock)
    ovens = Policy("ovens", '{"Statement":[],"Version":"2012-10-17"}')
    write(site, Record(Key(Kind.POLICY, "ovens"), ovens))
    write(site, Record(GROUP, ThingGroup("fleet", policies=policies)))
    for number in range(things):
        name = f"oven-{number}"
        write(site, record(name))
    verdicts = SimHealthVerdicts()
    came = HealthVerdict(is_healthy=True, reason="came", seen_at_s=clock.now_s())
    verdicts.write(came)
    operations = SimOperations("b", clock)
    seen = Look("b", FIRST, clock.now_s(), clock.now_s(), 0.0, Action.STAND_BY, "")
    operations.write(seen, previous=None)
    return Post(
        "b",
        "eu-west-1",
        DOMAIN,
        Intake(site, SimCursors(), SimDeletionLedger()),
        verdicts,
        operations,
        SimSiteQuotas("eu-west-1"),
        SimDoors(clock.now_s() + 80 * DAY_S),
    )


def record(name):
    thing = Thing(name, groups=("fleet",))
    return Record(thing_key(name), thing, (certificate(name),))


def write(site, wish):
    site.records.write(wish, previous=site.records.read(wish.key))
    outcome = apply(wish.key, site)
    assert outcome.failure is None, outcome


DEPTH = Depth(sample=Sample(20))


def test_site_that_answers_is_looked_at_in_each_part():
    found = look(post(), DEPTH)
    assert found.silence is None
    assert found.verdict.is_healthy
    assert found.book.look("b").heard == FIRST
    assert (found.replication.names, found.replication.applied) == (5, 5)
    assert len(found.limits) == len(Need)
    assert [door.name for door in found.doors] == [
        f"iot.{DOMAIN}",
        f"iot-b.{DOMAIN}",
        f"api.{DOMAIN}",
        f"api-b.{DOMAIN}",
    ]
    assert (found.registered.looked_at, found.registered.good) == (3, 3)
    assert found.registered.is_all
    assert found.things == 3


@pytest.mark.parametrize("part", ["verdicts", "operations", "quotas"])
def test_part_that_is_silent_hides_no_other(part):
    b = post()
    getattr(b, part).is_reachable = False
    found = look(b, DEPTH)
    told = {
        "verdicts": found.verdict,
        "operations": found.book,
        "quotas": found.limits,
    }
    unknown = {name for name, one in told.items() if isinstance(one, Unknown)}
    assert unknown == {part}
    assert found.registered.good == 3


def test_dead_region_is_silent_and_raises_nothing():
    b = post()
    for port in (
        b.verdicts,
        b.operations,
        b.quotas,
        b.intake.site.records,
        b.intake.site.applied,
        b.intake.cursors,
    ):
        port.is_reachable = False
    b.doors.silent |= {f"iot-b.{DOMAIN}", f"api-b.{DOMAIN}"}
    found = look(b, DEPTH)
    assert found.silence
    assert all(door.is_silent for door in found.doors)
    assert found.registered is None


def problems(b):
    found = look(b, DEPTH).registered
    assert found.good == found.looked_at - len(found.problems)
    return found.problems


def test_device_without_any_policy_is_not_let_in():
    assert problems(post(1, policies=())) == (
        "oven-0: no policy, neither of its own nor through a group",
    )


def test_policy_of_the_group_above_counts():
    b = post(1, policies=())
    site = b.intake.site
    write(
        site,
        Record(Key(Kind.THING_GROUP, "all"), ThingGroup("all", policies=("ovens",))),
    )
    below = ThingGroup("hall", parent="all")
    write(site, Record(Key(Kind.THING_GROUP, "hall"), below))
    thing = Thing("oven-0", groups=("hall",))
    wish = record("oven-0")
    write(site, replace(wish, body=thing))
    assert problems(b) == ()


def test_certificate_that_somebody_made_inactive_does_not_let_in():
    b = post(2)
    there, digest = b.intake.site.registry.certificates, certificate("oven-1")
    changed = replace(digest, status=CertificateStatus.INACTIVE)
    there[digest.certificate_id] = changed
    assert problems(b) == ("oven-1: its certificate is INACTIVE",)


def test_thing_without_a_certificate_is_no_device():
    b = post(2)
    write(b.intake.site, Record(thing_key("shelf"), Thing("shelf")))
    found = look(b, DEPTH).registered
    assert (found.looked_at, found.good, found.population) == (2, 2, 3)


def test_draw_from_the_first_names_says_so():
    found = look(post(9), Depth(names_max=4, sample=Sample(2))).registered
    assert not found.is_all
    assert found.drawn_from.startswith("the first ")
    assert found.population is None


def test_devices_with_keys_connect_for_real_and_the_refused_one_is_named():
    keys = SimKeys(tuple(f"d{number}" for number in range(30)), refused={"d7"})
    every = proven(keys, "iot-b.x", Sample(30))
    assert (every.looked_at, every.good, every.is_all) == (30, 29, True)
    assert every.problems == ("d7: iot-b.x refused the CONNECT: code 135",)
    some = proven(keys, "iot-b.x", Sample(5, seed=1))
    assert (some.looked_at, some.is_all) == (5, False)
    assert proven(keys, "iot-b.x", Sample(5, seed=1)) == some


@dataclass
class Canary:
    """A canary that looks each ten seconds, and who connects in its name."""

    b: Post
    busy_s: float = 4.0
    began_s: float = 0.0
    met: bool = False

    def connect(self):
        seen_s = self.b.verdicts.verdict.seen_at_s
        self.met = not seen_s <= self.b.intake.site.clock.now_s() <= seen_s + 10
        return 0.02


def test_canarys_connection_comes_right_after_its_own_message():
    b = post()
    clock, canary = b.intake.site.clock, Canary(b)
    clock.sleep(9.0)
    before = clock.now_s()

    class Verdicts:
        def read(self):
            if clock.now_s() - before > 3:
                late = replace(b.verdicts.verdict, seen_at_s=before + 3)
                b.verdicts.write(late)
            return b.verdicts.read()

    found = connected(canary.connect, Verdicts(), clock)
    assert found.took_s == 0.02
    assert clock.now_s() - before >= 3
    assert not canary.met


def test_dead_canary_is_not_waited_for_for_ever_and_a_refusal_is_told():
    b = post()
    clock = b.intake.site.clock
    clock.sleep(1000)

    def refused():
        raise RefusedError("code 135")

    found = connected(refused, b.verdicts, clock)
    assert (found.took_s, found.problem) == (None, "code 135")


# The sweep.


POLICY = ReadinessPolicy(Fleet(50))


class Sites:
    """The other site, as it is asked over HTTPS."""

    def __init__(self, *, is_healthy=True, is_silent=False):
        self.is_healthy, self.is_silent = is_healthy, is_silent

    def see(self, site):
        if self.is_silent:
            raise UnreachableError(f"api-{site} does not answer")
        return SiteSeen(
            FIRST, is_on=True, is_healthy=self.is_healthy, reason="came", now_s=0.0
        )


def peer(**says):
    quotas = SimSiteQuotas("eu-central-1")
    return Peer("eu-central-1", quotas, Sites(**says))


def test_sweep_of_a_ready_site_writes_nothing():
    b = post()
    found = sweep(b, peer(), Depth(), POLICY)
    assert found.not_ready == ()
    assert b.operations.entries() == ()


def test_sweep_notes_each_change_once():
    b = post()
    b.doors.problems[f"iot.{DOMAIN}"] = "its certificate is not believed: expired"
    for expected in (True, False, False):
        assert sweep(b, peer(), Depth(), POLICY).is_noted is expected
    (line,) = b.operations.entries()
    assert (line.by, line.what) == ("readiness of b", "not ready: name")
    assert "expired" in line.reason
    del b.doors.problems[f"iot.{DOMAIN}"]
    assert sweep(b, peer(), Depth(), POLICY).is_noted
    assert b.operations.entries()[-1].what == "ready"


@pytest.mark.parametrize("says", [{"is_healthy": False}, {"is_silent": True}])
def test_sweep_tells_of_a_sick_or_silent_peer(says):
    found = sweep(post(), peer(**says), Depth(), POLICY)
    assert [one.noun for one in found.not_ready] == ["peer"]


def test_sweep_compares_quotas_and_goes_on_without_the_others():
    b = post()
    b.quotas.limits = (Limit(Need.CONNECTS, 10.0, "L-7"),)
    policy = ReadinessPolicy(Fleet(6000))
    found = sweep(b, peer(), Depth(), policy)
    told = [one.text for one in found.not_ready]
    assert any("raise to 100" in text for text in told)
    assert any("eu-central-1 has 3,000" in text for text in told)
    away = replace(peer(), quotas=SimSiteQuotas("eu-central-1", is_reachable=False))
    found = sweep(b, away, Depth(), policy)
    assert len(found.not_ready) == 1


def test_sweep_whose_own_table_is_silent_cannot_note_and_says_so():
    b = post()
    b.doors.problems[f"iot.{DOMAIN}"] = "expired"
    b.operations.is_reachable = False
    with pytest.raises(UnreachableError):
        sweep(b, peer(), Depth(), POLICY)


def test_sweep_looks_at_each_other_site_by_its_letter():
    asked = replace(peer(is_silent=True), others=("a", "c"))
    found = sweep(post(), asked, Depth(), POLICY)
    assert [one.noun for one in found.not_ready] == ["peer", "peer"]
    assert [one.text[:3] for one in found.not_ready] == ["a: ", "c: "]
