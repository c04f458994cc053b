"""``hotsite claims``: which devices may be onboarded, and what became of them."""

import argparse
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from hotsite.adapters.aws.enrolments import DynamoEnrolments
from hotsite.adapters.aws.tables import DynamoClaims, DynamoRecords
from hotsite.adapters.clock import SystemClock
from hotsite.core import claims as core
from hotsite.core.claims import Format, Listed, State
from hotsite.core.enrolment import AuditLine
from hotsite.core.onboarding import Entry, thing_of
from hotsite.errors import HotsiteError, InvalidInputError, NotFoundError
from hotsite.faces.cli import sites, work
from hotsite.faces.cli.sites import Remote
from hotsite.flows import claims as flow
from hotsite.flows.claims import Fate
from hotsite.ports import Claims

_EPILOG = """\
A list is CSV, with a first line that names its columns (id, secret or secret_sha256,
and any attributes), or JSON lines: {"id": "oven-1", "secret": "...", "attributes": {}}.
Only the SHA-256 of a secret leaves this machine: make secrets of 128 bits by chance.

exit codes:
  0 done  1 the ledger holds something else for a claim, and was left as it is
  2 wrong input, nothing was written  3 no Region answered  130 interrupted

examples:
  hotsite claims import factory-2026-11.csv
  hotsite claims import factory-2026-11.jsonl --dry-run
  hotsite claims list --state enrolled
  hotsite claims show oven-1
  hotsite claims audit oven-1
"""
_WORKERS_MAX = 32
_GOES_ON = "what is done is kept: the same command goes on from here"


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "claims",
        help="which devices may be onboarded, and what became of them",
        description="Put the maker's list of devices into the claim ledger, and look "
        "into it.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parts = command.add_subparsers(dest="part", metavar="WHAT", required=True)
    bring = parts.add_parser("import", help="add the claims in a file")
    bring.add_argument("file", type=Path, metavar="FILE", help=".csv or .jsonl")
    bring.add_argument(
        "--workers", type=int, default=8, metavar="N", help="side by side, default 8"
    )
    bring.add_argument(
        "--dry-run", action="store_true", help="check the file and write nothing"
    )
    bring.set_defaults(run=_import)
    listing = parts.add_parser("list", help="list the claims")
    listing.add_argument("--state", choices=[one.value for one in State])
    listing.add_argument("--limit", type=int, metavar="N", help="at most so many")
    listing.set_defaults(run=_list)
    show = parts.add_parser("show", help="one claim, and what was done to its device")
    show.add_argument("id", metavar="ID")
    show.set_defaults(run=_show)
    audit = parts.add_parser("audit", help="who did what to a device, and when")
    audit.add_argument("id", metavar="ID", help="claim id, which is the thing's name")
    audit.set_defaults(run=_audit)
    for part in (bring, listing, show, audit):
        sites.add_arguments(part)


@dataclass(frozen=True, slots=True)
class _Tally:
    """Where one worker stands.

    Attributes:
        counts: Lines by fate.
        differing: Lines whose claim the ledger holds otherwise.
    """

    counts: Mapping[Fate, int]
    differing: tuple[Listed, ...] = ()


def _import(options: argparse.Namespace) -> int:
    if not 1 <= options.workers <= _WORKERS_MAX:
        raise InvalidInputError(f"--workers {options.workers}: 1 to {_WORKERS_MAX}")
    listed = _read(options.file)
    if options.dry_run:
        return _told(options, {Fate.ADDED: 0}, (), len(listed))
    remote, _ = sites.first_answer(sites.open_all(options), _is_there)
    shards = min(options.workers, max(1, len(listed)))
    jobs = {
        str(number): partial(_bring, listed[number::shards], _ledger(remote))
        for number in range(shards)
    }
    done = work.Work(
        jobs, lambda states: f"{_sum(states.values())} of {len(listed)} claims"
    ).run()
    failed = [end for end in done.values() if isinstance(end, HotsiteError)]
    if failed:
        sites.say(_GOES_ON)
        raise failed[0]
    tallies = [end for end in done.values() if isinstance(end, _Tally)]
    counts = {
        fate: sum(one.counts.get(fate, 0) for one in tallies) for fate in list(Fate)
    }
    differing = sorted(
        itertools.chain.from_iterable(one.differing for one in tallies),
        key=lambda one: one.line,
    )
    return _told(options, counts, differing, len(listed))


def _told(
    options: argparse.Namespace,
    counts: Mapping[Fate, int],
    differing: Sequence[Listed],
    total: int,
) -> int:
    for one in differing:
        sites.say(
            f"{options.file}:{one.line}: the ledger holds another secret or other "
            f"attributes for {one.entry.claim_id}; left as it is"
        )
    if options.json:
        told = {
            "claims": total,
            "is_dry_run": bool(options.dry_run),
            **{fate.value: counts.get(fate, 0) for fate in list(Fate)},
            "differing": [
                {"line": one.line, "id": one.entry.claim_id} for one in differing
            ],
        }
        print(json.dumps(told))
    elif options.dry_run:
        print(f"{total} claims, all in order; nothing was written")
    else:
        print(
            f"{total} claims: {counts[Fate.ADDED]} added, {counts[Fate.THERE]} were "
            f"there, {counts[Fate.DIFFERS]} differ"
        )
    return 1 if differing else 0


def _read(path: Path) -> tuple[Listed, ...]:
    """Read the whole list first: a wrong line means that nothing is written."""
    kinds = {f".{kind.value}": kind for kind in list(Format)}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise InvalidInputError(f"{path}: must end in .csv or .jsonl")
    try:
        with path.open(encoding="utf-8", newline="") as lines:
            return tuple(core.read(lines, kind, where=str(path)))
    except OSError as error:
        raise InvalidInputError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path}: is not UTF-8 text") from error


def _bring(mine: Sequence[Listed], ledger: Claims) -> Iterator[_Tally]:
    counts: dict[Fate, int] = {}
    differing: list[Listed] = []
    yield _Tally({})
    for one in mine:
        fate = flow.bring(one.entry, ledger, SystemClock())
        counts[fate] = counts.get(fate, 0) + 1
        if fate is Fate.DIFFERS:
            differing.append(one)
        yield _Tally(dict(counts), tuple(differing))


def _sum(states: Any) -> int:
    return sum(sum(one.counts.values()) for one in states)


def _list(options: argparse.Namespace) -> int:
    if options.limit is not None and options.limit < 1:
        raise InvalidInputError(f"--limit {options.limit}: 1 or more")

    def read(remote: Remote) -> tuple[Entry, ...]:
        def is_wanted(entry: Entry) -> bool:
            return options.state in {None, core.state_of(entry).value}

        found = flow.every(_ledger(remote), is_wanted)
        return tuple(itertools.islice(found, options.limit))

    _, entries = sites.first_answer(sites.open_all(options), read)
    ordered = sorted(entries, key=lambda entry: entry.claim_id)
    if options.json:
        print(json.dumps({"claims": [_document(entry) for entry in ordered]}))
        return 0
    for entry in ordered:
        attributes = " ".join(f"{name}={value}" for name, value in entry.attributes)
        state = core.state_of(entry).value
        print(f"{entry.claim_id:32} {state:9} {attributes}".strip())
    sites.say(f"{len(ordered)} claims")
    return 0


def _show(options: argparse.Namespace) -> int:
    name = thing_of(options.id)

    def read(remote: Remote) -> tuple[Entry | None, tuple[AuditLine, ...]]:
        return _ledger(remote).read(name), _enrolments(remote).audit(name)

    _, (entry, lines) = sites.first_answer(sites.open_all(options), read)
    if entry is None:
        raise NotFoundError(f"there is no claim {name}")
    document = _document(entry)
    if options.json:
        print(json.dumps({**document, "audit": [_audited(line) for line in lines]}))
        return 0
    for key, value in document.items():
        print(f"{key:16} {json.dumps(value) if isinstance(value, dict) else value}")
    _print(lines)
    return 0


def _audit(options: argparse.Namespace) -> int:
    name = thing_of(options.id)
    _, lines = sites.first_answer(
        sites.open_all(options), lambda remote: _enrolments(remote).audit(name)
    )
    if options.json:
        told = [_audited(line) for line in lines]
        print(json.dumps({"thing": name, "audit": told}))
        return 0
    _print(lines)
    sites.say(f"{len(lines)} lines of {name}")
    return 0


def _print(lines: Sequence[AuditLine]) -> None:
    for line in lines:
        told = _audited(line)
        who = line.subject or "(no user)"
        what = f"{line.deed.value:9} {line.certificate_id}"
        print(f"{told['at']} {what} by {who} in {line.region}")


def _audited(line: AuditLine) -> dict[str, object]:
    at = datetime.fromtimestamp(line.at_s, UTC)
    return {
        "at": at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "deed": line.deed.value,
        "certificate_id": line.certificate_id,
        "subject": line.subject or None,
        "region": line.region,
    }


def _document(entry: Entry) -> dict[str, object]:
    certificate = entry.certificate
    return {
        "id": entry.claim_id,
        "state": core.state_of(entry).value,
        "attributes": dict(entry.attributes),
        "owner": entry.owner,
        "certificate_id": certificate.certificate_id if certificate else None,
    }


def _is_there(remote: Remote) -> bool:
    _ledger(remote).read("-")
    return True


def _ledger(remote: Remote) -> DynamoClaims:
    return DynamoClaims(
        remote.client("dynamodb"),
        remote.tables[0],
        origin=remote.region,
        clock=SystemClock(),
    )


def _enrolments(remote: Remote) -> DynamoEnrolments:
    dynamodb, table, clock = remote.client("dynamodb"), remote.tables[0], SystemClock()
    records = DynamoRecords(dynamodb, table, origin=remote.region, clock=clock)
    return DynamoEnrolments(dynamodb, table, records, origin=remote.region, clock=clock)
