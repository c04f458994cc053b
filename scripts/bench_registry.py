"""How fast the registry is replicated: the engine alone, and within the quotas.

The quotas are emulated in virtual time, so those figures are arithmetic of the
real code and not of this machine: the same on each run.
"""

import base64
import hashlib
import itertools
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from benchmark import ROUNDS, Rates, Result, details_of, rate

from hotsite.core.apis import API_OF, default_limits
from hotsite.core.quota import SHARE, Slots, eta
from hotsite.core.registry import Certificate, Key, Kind, Record, Thing, thing_key
from hotsite.core.replication import NOTHING, Present, Step, Verb
from hotsite.flows.pacing import PacedRegistry
from hotsite.flows.replication import Site, apply, apply_all
from hotsite.ports import KeyPage
from hotsite.sim.clock import SimClock
from hotsite.sim.quota import LimitedRegistry, SimQuota
from hotsite.sim.scheduler import Scheduler, Worker
from hotsite.sim.tables import SimAppliedRecords, SimTables

# As many names as one Lambda invocation gets at most from the stream.
BATCH = 100
PER_S_MIN = 1000.0
CALLS_NEW_MAX, CALLS_CHANGE_MAX, CALLS_DUPLICATE_MAX = 4.0, 2.0, 0.0
CEILING_PERCENT_MIN = 95.0
# A call to IoT Core and a write to DynamoDB of the same Region, both ways. Their
# mean is a guess; the quota decides, so the result hardly depends on them.
CALL_S = (0.02, 0.06)
WRITE_S = 0.005
DAY_S = 86_400.0
REGISTER = API_OF[Verb.REGISTER_CERTIFICATE]
CALLS_EACH = dict.fromkeys(
    (
        REGISTER,
        API_OF[Verb.CREATE_THING],
        API_OF[Verb.ATTACH_CERTIFICATE],
        API_OF[Verb.ADD_TO_GROUP],
    ),
    1,
)
# What awslabs/disaster-recovery-for-aws-iot does for a new thing with a type, a
# certificate and a policy that are there already: create_thing_with_cert_and_policy
# in source/lambda/iot-dr-layer/device_replication.py at 2914655, called with
# retries=3 and wait=2, so both of its pauses last 4 s. "<" is a call to the source.
PEER_SEQUENCE = (
    "<DescribeThing",
    "<DescribeThing",
    ">DescribeThing",
    ">DescribeThingType",
    ">CreateThing",
    "<ListThingPrincipals",
    "4",
    "<DescribeCertificate",
    ">DescribeCertificate",
    f">{REGISTER}",
    "<ListAttachedPolicies",
    "4",
    ">GetPolicy",
    ">AttachPolicy",
    ">AttachThingPrincipal",
)


class OpenRegistry:
    """Takes every call at once, and counts them."""

    def __init__(self) -> None:
        self.call_count = 0

    def issue(self, csr_pem: str) -> Certificate:
        """Issue nothing: no benchmark asks for it."""
        raise NotImplementedError(csr_pem)

    def perform(self, step: Step) -> None:  # noqa: ARG002 - all steps are equal
        """Take the call."""
        self.call_count += 1

    def observe(
        self,
        key: Key,  # noqa: ARG002 - nothing is there of any key
        certificate_ids: Iterable[str] = (),  # noqa: ARG002
    ) -> Present:
        """Find nothing."""
        self.call_count += 1
        return NOTHING

    def page(self, kind: Kind, token: str | None = None) -> KeyPage:
        """List nothing: no benchmark asks for it."""
        raise NotImplementedError(kind, token)


class RemoteQuota:
    """The shared quota at the distance of a table."""

    def __init__(self, quota: SimQuota, turns: Scheduler) -> None:
        self._quota = quota
        self._turns = turns

    def take(self, api: str, count: int = 1, *, wait_s_max: float) -> Slots:
        """Take slots half way through the time that a write lasts."""
        self._turns.sleep(WRITE_S / 2)
        slots = self._quota.take(api, count, wait_s_max=wait_s_max)
        self._turns.sleep(WRITE_S / 2)
        return slots

    def throttled(self, api: str) -> None:
        """Note a refusal."""
        self._turns.sleep(WRITE_S)
        self._quota.throttled(api)


@dataclass(frozen=True)
class Run:
    """What came of a piece of work under quotas."""

    devices_per_s: float
    refused_count: int
    quota_writes_per_call: float


def device(number: int) -> Record:
    """Return the record of a device; its certificate is named by its hash."""
    der = f"device {number}".encode()
    body = base64.encodebytes(der).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----\n"
    certificate = Certificate(hashlib.sha256(der).hexdigest(), pem)
    name = f"device-{number}"
    thing = Thing(name, "hotsite-device", (("model", "x1"),), ("fleet",))
    return Record(thing_key(name), thing, (certificate,))


def new_site(count: int) -> tuple[list[Key], Site, OpenRegistry]:
    """Return a Region whose table has new devices that IoT Core has not."""
    clock, registry = SimClock(), OpenRegistry()
    tables = SimTables("here", clock)
    keys = []
    for number in range(count):
        record = device(number)
        tables.write(record, previous=tables.read(record.key))
        keys.append(record.key)
    return keys, Site(tables, SimAppliedRecords(), registry, clock), registry


def change(keys: Iterable[Key], site: Site) -> None:
    """Give each device another attribute."""
    for key in keys:
        before = site.records.read(key)
        assert before.thing is not None  # noqa: S101 - new_site's own
        thing = replace(before.thing, attributes=(("model", "x2"), ("site", "1")))
        site.records.write(replace(before, body=thing), previous=before)


def replication() -> Iterator[Result]:
    """Apply new devices, the same names again, and then changed ones."""
    news: list[float] = []
    duplicates: list[float] = []
    calls = [0.0, 0.0, 0.0]
    for _ in range(ROUNDS):
        keys, site, registry = new_site(BATCH)
        counts = [0]
        news.append(rate(BATCH, partial(apply_all, keys, site)))
        counts.append(registry.call_count)
        duplicates.append(rate(BATCH, partial(apply_all, keys, site)))
        counts.append(registry.call_count)
        change(keys, site)
        apply_all(keys, site)
        counts.append(registry.call_count)
        calls = [(b - a) / BATCH for a, b in itertools.pairwise(counts)]
    new, again = Rates.of(news), Rates.of(duplicates)
    unit = "devices/s"
    yield Result(
        "replication-engine", new.median, unit, PER_S_MIN, details=details_of(new)
    )
    yield Result(
        "replication-duplicates", again.median, unit, details=details_of(again)
    )
    bounds = (CALLS_NEW_MAX, CALLS_DUPLICATE_MAX, CALLS_CHANGE_MAX)
    for name, value, bound in zip(
        ("new-device", "duplicate", "attribute-change"), calls, bounds, strict=True
    ):
        yield Result(
            f"iot-calls-per-{name}", value, "IoT calls", bound, is_upper_bound=True
        )


def quotas() -> Iterator[Result]:
    """Fill an empty Region within its quotas, as AWS sets them and one raised."""
    usual = default_limits("eu-central-1")
    raised = usual | {REGISTER: 100.0}
    for limit_per_s, limits, worker_count, count in (
        (10, usual, 8, 600),
        (100, raised, 40, 6000),
    ):
        ours = fill(limits, worker_count, count)
        peer = fill_as_peer(limits, worker_count, max(120, 6 * worker_count))
        percent = 100 / limit_per_s
        yield Result(
            f"quota-used-at-{limit_per_s}-tps",
            ours.devices_per_s * percent,
            "% of quota",
            CEILING_PERCENT_MIN,
            peer="awslabs sequence, paced, same workers",
            peer_value=peer.devices_per_s * percent,
            details={
                "devices_per_s": ours.devices_per_s,
                "workers": worker_count,
                "raised_quotas": float(limits is raised),
                "share": SHARE,
                "quota_writes_per_call": ours.quota_writes_per_call,
                "million_devices_h": 1e6 / ours.devices_per_s / 3600,
                **peer_details(peer, limits),
            },
        )
        yield Result(
            f"refused-calls-at-{limit_per_s}-tps",
            ours.refused_count,
            "IoT calls",
            0.0,
            is_upper_bound=True,
        )


def peer_details(peer: Run, limits: Mapping[str, float]) -> dict[str, float]:
    """Return what the peer's sequence costs, and what it could reach at best."""
    steps = [step for step in PEER_SEQUENCE if not step.isdigit()]
    calls = [calls_of(step[1:] for step in steps if step[0] == side) for side in "<>"]
    all_raised = {api: max(100.0, limit) for api, limit in limits.items()}
    lasts_s, lasts_raised_s = (
        max(eta(1, side, rates).duration_s for side in calls)
        for rates in (limits, all_raised)
    )
    pauses_s = sum(float(step) for step in PEER_SEQUENCE if step.isdigit())
    return {
        "peer_devices_per_s": peer.devices_per_s,
        "peer_devices_per_s_any_workers": 1 / lasts_s,
        "peer_devices_per_s_any_workers_all_quotas_100": 1 / lasts_raised_s,
        "peer_calls_per_device": len(steps),
        "peer_calls_to_source": sum(step[0] == "<" for step in steps),
        "peer_pauses_s": pauses_s,
        "peer_refused_calls": peer.refused_count,
        "our_calls_per_device": sum(CALLS_EACH.values()),
    }


def calls_of(apis: Iterable[str]) -> dict[str, int]:
    """Count calls by API."""
    found: dict[str, int] = {}
    for api in apis:
        found[api] = found.get(api, 0) + 1
    return found


def fill(limits: Mapping[str, float], worker_count: int, count: int) -> Run:
    """Apply new devices with several workers, each with its own pacing."""
    turns, chance = Scheduler(), random.Random(7)
    keys, site, registry = new_site(count)
    limited = LimitedRegistry(
        registry, limits, turns, latency_s=lambda: chance.uniform(*CALL_S)
    )
    quota, ended_s = SimQuota(limits, turns), list[float]()
    queue = iter(keys)

    def work() -> None:
        paced = PacedRegistry(
            limited, RemoteQuota(quota, turns), turns, uniform=chance.random
        )
        mine = replace(site, registry=paced, clock=turns)
        for key in queue:
            apply(key, mine)
            ended_s.append(turns.now_s())

    run_all(turns, work, worker_count)
    writes = quota.take_count / sum(limited.made.values())
    return Run(steady(ended_s), sum(limited.refused.values()), writes)


def fill_as_peer(limits: Mapping[str, float], worker_count: int, count: int) -> Run:
    """Make the peer's calls with our pacing, which it has not: its best case."""
    turns, chance = Scheduler(), random.Random(7)
    sides = {
        side: (
            SimQuota(limits, turns),
            LimitedRegistry(OpenRegistry(), limits, turns),
        )
        for side in "<>"
    }
    queue, ended_s = iter(range(count)), list[float]()

    def call(step: str) -> None:
        quota, limited = sides[step[0]]
        slots = quota.take(step[1:], wait_s_max=float("inf"))
        turns.sleep(max(0.0, slots.first_s - turns.now_s()))
        limited.admit(step[1:])
        turns.sleep(chance.uniform(*CALL_S))

    def work() -> None:
        for _ in queue:
            for step in PEER_SEQUENCE:
                if step.isdigit():
                    turns.sleep(float(step))
                else:
                    call(step)
            ended_s.append(turns.now_s())

    run_all(turns, work, worker_count)
    refused = sum(sum(side[1].refused.values()) for side in sides.values())
    return Run(steady(ended_s), refused, 1.0)


def run_all(turns: Scheduler, work: Callable[[], None], worker_count: int) -> None:
    """Run workers side by side to their end.

    Raises:
        BaseException: What ended one of them early.
    """

    def expect_success(error: BaseException | None) -> None:
        if error is not None:
            raise error

    for number in range(worker_count):
        turns.start(Worker(f"worker {number}", "here", work, on_end=expect_success))
    turns.run(DAY_S)


def steady(ended_s: list[float]) -> float:
    """Return how many a second ended, without the first and the last tenth."""
    tenth = len(ended_s) // 10
    middle = sorted(ended_s)[tenth : len(ended_s) - tenth]
    return (len(middle) - 1) / (middle[-1] - middle[0])
