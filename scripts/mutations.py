"""Build wrong decisions into a copy of hotsite, and see the simulation find them.

Each mutation is a design that others have, or that looks harmless. One that lives
through all seeds means that the simulation cannot see what hotsite is made for.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src" / "hotsite"
SEEDS_MAX = 1000
TIME_MAX_S = 300.0
INTERRUPTED = 130

# Plays seeds until one fails; says which, and why.
_PLAYER = """
import importlib
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import hotsite
play = importlib.import_module(sys.argv[3]).play
assert Path(hotsite.__file__).is_relative_to(sys.argv[1]), hotsite.__file__
likely = int(sys.argv[4])
for seed in (likely, *range(int(sys.argv[2]))):
    problems = play(seed).problems
    if problems:
        print(seed, problems[0])
        break
"""


@dataclass(frozen=True, slots=True)
class Edit:
    """One replacement in one file, of a text that is there exactly once."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutation:
    """One wrong decision.

    Attributes:
        name: What is done wrong.
        edits: What that is in the code.
        player: The module that plays the disasters which should find it.
        likely: The seed that found it last; it is played first.
    """

    name: str
    edits: tuple[Edit, ...]
    player: str = "hotsite.disasters.disaster"
    likely: int = 0


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a mutation.

    Attributes:
        name: Which one.
        seed: The first seed that failed; nothing when it lived through all.
        problem: The invariant that did not hold, or why the seeds did not end.
    """

    name: str
    seed: int | None
    problem: str

    def __str__(self) -> str:
        """Return it as a line for people."""
        if self.seed is None:
            return f"NOT FOUND  {self.name}: {self.problem or 'it lived through all'}"
        return f"seed {self.seed:<5} {self.name}: {self.problem}"


REGISTRY_MUTATIONS = (
    Mutation(
        "event-triggered: what a change carries is applied, not what the record says",
        (
            Edit(
                "disasters/estate.py",
                "            region.stream.take(item)\n",
                "            key = key_in(item.key[0])\n"
                "            if key is not None:\n"
                "                carried = region.carried.setdefault(key, [])\n"
                "                carried.append(region.tables.peek(key))\n"
                "            region.stream.take(item)\n",
            ),
            Edit(
                "disasters/estate.py",
                "        self.is_dead = False\n        self.is_sweeping = True\n"
                "        self.site",
                "        self.carried: dict = {}\n"
                "        self.is_dead = False\n        self.is_sweeping = True\n"
                "        self.site",
            ),
            Edit(
                "disasters/estate.py",
                "        outcomes = apply_all(keys, self.site)\n",
                "        outcomes = apply_all(keys, _Carrying(self).site)\n",
            ),
            Edit(
                "disasters/estate.py",
                "_FINAL = (SystemExit,)\n",
                "_FINAL = (SystemExit,)\n"
                "from dataclasses import replace\n"
                "from hotsite.core.registry import key_in\n\n\n"
                "class _Carrying:\n"
                "    def __init__(self, region):\n"
                "        self.region = region\n"
                "        self.site = replace(region.site, records=self)\n\n"
                "    def __getattr__(self, name):\n"
                "        return getattr(self.region.intake.site.records, name)\n\n"
                "    def read(self, key):\n"
                "        found = self.region.carried.get(key, [])\n"
                "        if not found:\n"
                "            return self.region.intake.site.records.read(key)\n"
                "        return found.pop(0) if len(found) > 1 else found[0]\n",
            ),
        ),
    ),
    Mutation(
        "a revocation is a field like any other",
        (
            Edit(
                "core/layout.py",
                'revoked = sorted(_ids(found, "revoked#"))',
                "revoked = sorted(\n"
                '        one for one in _ids(found, "certificate#") if getattr(\n'
                '            found[f"certificate#{one}"].value, "status", None\n'
                "        ) is _REVOKED\n"
                "    )",
            ),
            Edit(
                "core/layout.py",
                "sorted(revoked - set(previous.revoked))",
                "()",
            ),
            Edit(
                "sim/tables.py",
                "        self._put_all(key, "
                '[Draft(f"revoked#{certificate_id}", None)])\n',
                "        record = self.peek(key)\n"
                "        for one in record.certificates:\n"
                "            if one.certificate_id == certificate_id:\n"
                "                self._put_all(key, [_closed(one, record)])\n",
            ),
            Edit(
                "sim/tables.py",
                "class SimClaims:\n",
                "from dataclasses import replace\n"
                "from hotsite.core.registry import CertificateStatus\n\n\n"
                "def _closed(one, record):\n"
                "    closed = replace(one, status=CertificateStatus.REVOKED)\n"
                '    name = f"certificate#{one.certificate_id}"\n'
                "    return Draft(name, closed, life=record.life)\n\n\n"
                "class SimClaims:\n",
            ),
        ),
        likely=23,
    ),
    Mutation(
        "a tombstone is removed as soon as a sweep meets it",
        (
            Edit(
                "flows/inspection.py",
                "if age_s < self.tombstone_s_min or not tombstones(record):",
                "if age_s < 0 or not tombstones(record):",
            ),
        ),
        likely=26,
    ),
    Mutation(
        "the groups of a thing that is there already are not compared",
        (
            Edit(
                "core/replication/things.py",
                "    there = set(have.groups) if have else set()\n",
                "    there = set(thing.groups) if have else set()\n",
            ),
        ),
        likely=2,
    ),
    Mutation(
        "the expected version of a thing is the one of the other Region",
        (
            Edit(
                "core/registry.py",
                "    type_name: str | None = None\n    attributes: Pairs = ()\n"
                "    groups: Names = ()\n",
                "    type_name: str | None = None\n    attributes: Pairs = ()\n"
                "    groups: Names = ()\n"
                "    version: int | None = field(default=None, compare=False)\n",
            ),
            Edit(
                "core/merge.py",
                "        wanted,\n        type_name=_part(base.type_name,",
                "        wanted,\n        version=seen.version,\n"
                "        type_name=_part(base.type_name,",
            ),
            Edit(
                "core/merge.py",
                "    wanted = with_revocations(seen, wanted)\n    if base",
                "    if isinstance(seen.body, Thing):\n"
                "        body = replace(seen.body, version=seen.version)\n"
                "        seen = replace(seen, body=body)\n"
                "    wanted = with_revocations(seen, wanted)\n    if base",
            ),
            Edit(
                "core/replication/things.py",
                "expected_version=have.version",
                "expected_version=thing.version",
            ),
        ),
        likely=6,
    ),
    Mutation(
        "a sweep reads the first page of a list and no more",
        (
            Edit(
                "flows/sweep.py",
                "        if page.next_token is None:\n",
                "        if page:\n",
            ),
        ),
        likely=15,
    ),
    Mutation(
        "the limit of deletions is counted and not heeded",
        (
            Edit(
                "core/deletions.py",
                "        if before + count > count_max:\n",
                "        if before + count < 0:\n",
            ),
            Edit(
                "core/deletions.py",
                "    if before + count <= count_max:\n",
                "    if before + count >= 0:\n",
            ),
        ),
        likely=115,
    ),
)


TELEMETRY = "hotsite.disasters.telemetry.disaster"
FAILOVER = "hotsite.disasters.failover.disaster"
TELEMETRY_MUTATIONS = (
    Mutation(
        "a message is forgotten at its PUBACK",
        (
            Edit(
                "core/outbox.py",
                "        self._retain(key, acknowledgement)\n        return True\n",
                "        self._retain(key, acknowledgement)\n"
                "        del self._retained[key], self._entries[key]\n"
                "        return True\n",
            ),
        ),
        TELEMETRY,
    ),
    Mutation(
        "retention is shorter than a sick Region's lag",
        (
            Edit(
                "core/outbox.py",
                "elif entry.at_s + self._policy.retention_s > now_s:",
                "elif entry.at_s + self._policy.retention_s / 20 > now_s:",
            ),
        ),
        TELEMETRY,
        likely=1,
    ),
    Mutation(
        "retention goes on by the clock of a former run",
        (
            Edit(
                "core/outbox.py",
                "entry.first_at_s, entry.at_s = kept.acknowledgement.at_s, -inf\n",
                "entry.first_at_s = entry.at_s = kept.acknowledgement.at_s\n",
            ),
        ),
        TELEMETRY,
        likely=52,
    ),
    Mutation(
        "a message is sent before it is durable",
        (
            Edit(
                "sim/fleet/device.py",
                "        self.disk.append(message, partial(self._queue, message))\n",
                "        self.disk.append(message, lambda: None)\n"
                "        self._queue(message)\n",
            ),
        ),
        TELEMETRY,
        likely=462,
    ),
    Mutation(
        "a restart goes on in its last epoch",
        (
            Edit(
                "sim/fleet/disk.py",
                "published[-1].epoch + 1 if published",
                "published[-1].epoch if published",
            ),
        ),
        TELEMETRY,
    ),
    Mutation(
        "the epoch is the clock's time",
        (
            Edit(
                "sim/fleet/disk.py",
                "epoch = max(epoch_min, published[-1].epoch + 1 if published else 1)",
                "epoch = epoch_min",
            ),
            Edit(
                "sim/fleet/disk.py",
                "        self._epochs[epoch] = 0\n",
                "        self._epochs.setdefault(epoch, 0)\n",
            ),
        ),
        TELEMETRY,
    ),
    Mutation(
        "stores know a message by its number, without its epoch",
        (
            Edit(
                "core/telemetry.py",
                'return f"{key.epoch:010d}#{key.seq:012d}"',
                'return f"{0:010d}#{key.seq:012d}"',
            ),
        ),
        TELEMETRY,
    ),
    Mutation(
        "a refused message counts as taken",
        (
            Edit(
                "core/session.py",
                "is_refused = puback.reason_code >= FAILURE_MIN",
                "is_refused = puback.reason_code > 0xFF",
            ),
        ),
        TELEMETRY,
        likely=29,
    ),
    Mutation(
        "what a site has not read counts as held",
        (
            Edit(
                "flows/resume.py",
                "            break\n    return seqs, used\n",
                "            return seqs, used\n"
                "    unread = range(seqs[-1] if seqs else wanted.lo, wanted.hi + 1)\n"
                "    return [*seqs, *unread], used\n",
            ),
        ),
        TELEMETRY,
        likely=3,
    ),
    Mutation(
        "a site names what it holds up to, and no gaps",
        (
            Edit(
                "core/resume.py",
                "found[holding.epoch] = whole.difference(holding.gaps)",
                "found[holding.epoch] = whole",
            ),
        ),
        TELEMETRY,
    ),
    Mutation(
        "no answer means that nothing is missing",
        (
            Edit(
                "core/session.py",
                "            outputs.append(self._end_handshake(reason, now_s))\n",
                "            by = Acknowledgement(self._site, now_s)\n"
                "            self._outbox.vouch(self._outbox.replayed(), by)\n"
                "            outputs.append(self._end_handshake(reason, now_s))\n",
            ),
        ),
        TELEMETRY,
        likely=143,
    ),
    Mutation(
        "what a store had no room for is not put again",
        (
            Edit(
                "flows/telemetry.py",
                "        left = put(left)\n",
                "        left = put(left)[:0]\n",
            ),
        ),
        TELEMETRY,
        likely=17,
    ),
    Mutation(
        "everything is replayed, whatever the site says",
        (
            Edit(
                "core/replay.py",
                "        vouched = resume.vouched(self._ask, answer)\n",
                "        vouched: dict = {}\n",
            ),
        ),
        TELEMETRY,
    ),
)
FAILOVER_MUTATIONS = (
    Mutation(
        "the dwell time is ignored",
        (
            Edit(
                "core/takeover.py",
                "    left_s = known.since_s + policy.dwell_s - sights.now_s\n",
                "    left_s = 0.0\n",
            ),
        ),
        FAILOVER,
        likely=25,
    ),
    Mutation(
        "a newer epoch of the peer is ignored",
        (
            Edit(
                "core/takeover.py",
                "if teller is not None and heard[teller].number > known.number:",
                "if teller is not None and heard[teller].number > 10**10:",
            ),
        ),
        FAILOVER,
        likely=73,
    ),
    Mutation(
        "the epoch is issued before the operation says so",
        (
            Edit(
                "flows/steps.py",
                "    run.save(replace(operation, epoch=number))\n    if is_active:\n",
                "    if is_active:\n"
                "        run.save(replace(operation, epoch=number))\n",
            ),
            Edit(
                "flows/steps.py",
                '    run.note(f"issued {epoch}", epoch.reason)\n',
                "    run.save(replace(operation, epoch=number))\n",
            ),
        ),
        FAILOVER,
    ),
    Mutation(
        "one observer is enough: where DNS leads does not count",
        (
            Edit(
                "core/takeover.py",
                "    return sights.leads_to == sights.site\n",
                "    return True\n",
            ),
        ),
        FAILOVER,
    ),
    Mutation(
        "a forced failover asks the site that it leaves",
        (
            Edit(
                "flows/failover.py",
                "    if request.kind is Kind.FORCED:\n        return Facts(",
                "    if not request.kind:\n        return Facts(",
            ),
        ),
        FAILOVER,
    ),
    Mutation(
        "where DNS leads counts before it could follow what was heard",
        (
            Edit(
                "core/takeover.py",
                "    left_s = _heard_at_s(sights, known) + policy.dns_s_max - "
                "sights.now_s\n",
                "    left_s = 0.0\n",
            ),
        ),
        FAILOVER,
        likely=176,
    ),
    Mutation(
        "guards do not know of a pause",
        (
            Edit(
                "core/takeover.py",
                "    if sights.book.pause.holds(sights.now_s):\n",
                "    if sights.book.pause.holds(float('inf')):\n",
            ),
        ),
        FAILOVER,
        likely=3,
    ),
    Mutation(
        "both sites count their epochs alike",
        (
            Edit(
                "core/epoch.py",
                "        if self.number < 0 or owner(self.number) != self.active:\n",
                "        if self.number < 0:\n",
            ),
            Edit(
                "core/epoch.py",
                "    while owner(following) != active:\n",
                "    while following < 0:\n",
            ),
        ),
        FAILOVER,
        likely=9,
    ),
    Mutation(
        "a site that was away believes what its replica says",
        (
            Edit(
                "core/standing.py",
                "sure_s is not None and now_s - sure_s <= policy.away_s_max\n",
                "True\n",
            ),
        ),
        FAILOVER,
        likely=46,
    ),
    Mutation(
        "a site that is left alone stays sure of itself",
        (
            Edit(
                "core/takeover.py",
                "    return Decision(Action.WAIT, reason, known, is_confirmed=False)\n",
                "    return Decision(Action.WAIT, reason, known, is_confirmed=True)\n",
            ),
        ),
        FAILOVER,
        likely=119,
    ),
    Mutation(
        "an epoch counts only if it is older than the operation's own",
        (
            Edit(
                "flows/steps.py",
                "newest.active == run.operation.target and newest.number >= number\n",
                "newest.active == run.operation.target and newest.number > number\n",
            ),
        ),
        FAILOVER,
    ),
    Mutation(
        "the switch answers by the epoch alone",
        (
            Edit(
                "core/standing.py",
                "    is_on = found.standing is Standing.ACTIVE\n",
                "    is_on = found.standing is not Standing.STANDBY\n",
            ),
        ),
        FAILOVER,
        likely=84,
    ),
    Mutation(
        "of several other sites, one that answers is enough to be sure",
        (
            Edit(
                "core/takeover.py",
                "    if not silent:\n",
                "    if len(silent) < len(sights.peers):\n",
            ),
        ),
        FAILOVER,
        likely=356,
    ),
    Mutation(
        "DNS goes by the switch of the next standby alone",
        (
            Edit(
                "sim/route53.py",
                "for one in sites[place + 1 :]]\n",
                "for one in sites[place + 1 : place + 2]]\n",
            ),
        ),
        FAILOVER,
        likely=5,
    ),
    Mutation(
        "an operation moves the devices of the site that it leaves, and no others",
        (
            Edit(
                "flows/steps.py",
                "    if not there:\n",
                "    if len(there) < len(run.control.desks):\n",
            ),
        ),
        FAILOVER,
        likely=34,
    ),
    Mutation(
        "all epochs are one item, and the last writer wins",
        (
            Edit(
                "core/operations.py",
                '        return f"epoch#{self.epoch.active}"\n',
                '        return "epoch#a"\n',
            ),
            Edit(
                "core/operations.py",
                '        found = self.items.get(f"epoch#{check_site(site)}")\n',
                '        found = self.items.get("epoch#a")\n',
            ),
            Edit(
                "core/operations.py",
                "        return newest((*claims, *heard))\n",
                "        return newest(claims)\n",
            ),
        ),
        FAILOVER,
        likely=348,
    ),
)
MUTATIONS = (*REGISTRY_MUTATIONS, *TELEMETRY_MUTATIONS, *FAILOVER_MUTATIONS)


def mutated(mutation: Mutation, folder: Path) -> None:
    """Write a copy of hotsite with a mutation into an empty folder.

    Raises:
        ValueError: A text is not there exactly once; the mutation must follow.
    """
    target = folder / "hotsite"
    # With what is compiled already: a file that is edited is newer than that.
    shutil.copytree(SOURCE, target)
    for edit in mutation.edits:
        path = target / edit.path
        text = path.read_text()
        count = text.count(edit.old)
        if count != 1:
            place = f"{mutation.name}: {edit.path}"
            raise ValueError(f"{place} has {count} times, not once: {edit.old!r}")
        path.write_text(text.replace(edit.old, edit.new))


def found(mutation: Mutation, seeds: int = SEEDS_MAX) -> Fate:
    """Play seeds on a mutation until one fails.

    Args:
        mutation: What to build in.
        seeds: How many at most, from 0 on, and the likely one before them.
    """
    with tempfile.TemporaryDirectory(prefix="hotsite-mutation-") as name:
        folder = Path(name).resolve()
        mutated(mutation, folder)
        command = [sys.executable, "-B", "-c", _PLAYER]
        command += [str(folder), str(seeds), mutation.player, str(mutation.likely)]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=TIME_MAX_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Fate(mutation.name, None, f"no end within {TIME_MAX_S:.0f} s")
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        return Fate(mutation.name, None, f"it does not run: {''.join(last)}")
    if not done.stdout:
        return Fate(mutation.name, None, "")
    seed, _, problem = done.stdout.strip().partition(" ")
    return Fate(mutation.name, int(seed), problem)


def all_found(mutations: Iterable[Mutation], seeds: int) -> Iterator[Fate]:
    """Yield what becomes of mutations, two at a time."""
    with ThreadPoolExecutor(2) as pool:
        yield from pool.map(lambda one: found(one, seeds), mutations)


def main() -> int:
    """Print the fate of each mutation; exit 1 when one was not found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS_MAX)
    options = parser.parse_args()
    missed = 0
    try:
        for fate in all_found(MUTATIONS, options.seeds):
            missed += fate.seed is None
            print(fate, flush=True)
    except KeyboardInterrupt:
        return INTERRUPTED
    print(f"{len(MUTATIONS) - missed} of {len(MUTATIONS)} mutations found")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
