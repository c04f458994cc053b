"""``hotsite companion onboard``: what the companion app does, for factories and tests.

One device, or a CSV of labels, one after the other. The device and the API keep what
was done, so the same command goes on where the last one ended.
"""

import argparse
import asyncio
import csv
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from hotsite.adapters import onboarding_api
from hotsite.adapters.pan_security import PhoneSecurity
from hotsite.core.label import Label, read_label
from hotsite.core.onboarding import Request, claim_of
from hotsite.core.pan_frames import Document
from hotsite.errors import (
    AlreadyUsedError,
    HotsiteError,
    InvalidInputError,
    PermanentError,
    RetryableError,
    UnreachableError,
)
from hotsite.faces.cli.companionreach import add_way, one_label, open_reach
from hotsite.faces.cli.files import read_text
from hotsite.faces.cli.onboard import (
    add_api_arguments,
    answer_document,
    api_endpoint,
)
from hotsite.flows.companion import Course, Network, WaitError, onboard, open_session
from hotsite.ports.pan import Reach

_EPILOG = """\
LABEL is what the QR code says: {"ver":"v1","name":...,"pop":...}, in a file or, with
`-`, on stdin; so that no code is in the list of processes. A CSV has the columns
serial,name,pop,transport,address, as `hotsite agent make --labels` writes it; with
--log, devices that are done are skipped by the next run.

examples:
  hotsite companion onboard --ble bleak --label label.json --api api.example.com \\
    --token-file token
  hotsite companion onboard --wifi --labels labels.csv --log labels.log \\
    --api api.example.com --token-file token
"""
_ATTEMPTS, _PAUSE_S, _LOOK_S = 4, 2.0, 0.03
_LOOKS_MAX = 2000


def register(verbs: Any) -> None:
    """Add the verb."""
    verb = verbs.add_parser(
        "onboard",
        help="onboard devices that are near",
        description="Prove possession to a device, send its request to the onboarding "
        "API, bring it the certificate, and watch it connect.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_way(verb)
    what = verb.add_mutually_exclusive_group(required=True)
    what.add_argument("--label", metavar="LABEL", help="a QR code's text, in a file")
    what.add_argument("--labels", type=Path, metavar="CSV", help="many labels")
    add_api_arguments(verb)
    verb.add_argument("--ssid", help="the Wi-Fi that devices join")
    verb.add_argument("--passphrase-file", type=Path, metavar="FILE")
    verb.add_argument(
        "--fresh", action="store_true", help="with a new key, also if it is connected"
    )
    verb.add_argument(
        "--no-wait", action="store_true", help="do not watch the device connect"
    )
    verb.add_argument("--log", type=Path, metavar="FILE", help="what is done, by line")
    verb.add_argument("--json", action="store_true", help="the result as JSON")
    verb.set_defaults(run=run)


@dataclass(frozen=True, slots=True)
class _Result:
    serial: str
    state: str
    site: str | None = None
    error: str | None = None
    is_passing: bool = False

    def document(self) -> dict[str, object]:
        """Return it for programs."""
        said = {"serial": self.serial, "state": self.state, "site": self.site}
        return {**said, "error": self.error}


def run(options: argparse.Namespace) -> int:
    """Onboard what the labels name; return 0, 2 or 3 as the worst of them."""
    labels = _labels(options)
    done = _done(options.log)
    todo = [label for label in labels if label.serial not in done]
    course = _course(options)
    results = asyncio.run(_all(todo, options, course))
    failed = [result for result in results if result.error is not None]
    if options.json:
        devices = [result.document() for result in results]
        print(json.dumps({"devices": devices, "skipped": len(labels) - len(todo)}))
    for result in results if len(labels) == 1 else failed:
        words = result.error or f"{result.state}, connected to {result.site}"
        print(f"{result.serial}: {words}", file=sys.stderr)
    if len(labels) > 1:
        ready = len(results) - len(failed)
        print(
            f"{ready} onboarded, {len(failed)} failed, "
            f"{len(labels) - len(todo)} done before",
            file=sys.stderr,
        )
    if not failed:
        return 0
    return 3 if any(result.is_passing for result in failed) else 2


def _labels(options: argparse.Namespace) -> list[Label]:
    if options.label is not None:
        return [one_label(options.label)]
    path: Path = options.labels
    rows = csv.DictReader(read_text(path).splitlines())
    labels = []
    for number, row in enumerate(rows, start=2):
        labels.append(read_label(row, where=f"{path}, line {number}"))
    if not labels:
        raise InvalidInputError(f"{path}: no labels; the first line names the columns")
    serials = {label.serial for label in labels}
    if len(serials) != len(labels):
        raise InvalidInputError(f"{path}: a serial number stands there twice")
    return labels


def _done(path: Path | None) -> set[str]:
    if path is None or not path.exists():
        return set()
    try:
        lines = [json.loads(line) for line in read_text(path).splitlines() if line]
        return {line["serial"] for line in lines if line["error"] is None}
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(f"--log {path}: is no log of this command") from error


def _course(options: argparse.Namespace) -> Course:
    endpoint = api_endpoint(options)
    network = None
    if options.ssid is not None:
        file = options.passphrase_file
        network = Network(options.ssid, read_text(file).strip("\r\n") if file else "")

    async def claim(document: Document) -> Document:
        if "csr" not in document:
            raise InvalidInputError("this device cannot make its key; use the app")
        asked = claim_of(document["claim"], where="the device")
        request = Request(asked, document["csr"])
        for attempt in range(_ATTEMPTS):
            try:
                # It resolves in a loop of its own, and DNS may lead elsewhere by now.
                return await asyncio.to_thread(_ask, request, endpoint)
            except UnreachableError:
                if attempt == _ATTEMPTS - 1:
                    raise
                await asyncio.sleep(_PAUSE_S)
        raise AssertionError("the last attempt returns or raises")

    async def pause() -> None:
        await asyncio.sleep(_LOOK_S)

    looks = 0 if options.no_wait else _LOOKS_MAX
    return Course(claim, pause, network, looks, is_fresh=options.fresh)


def _ask(request: Request, endpoint: onboarding_api.Endpoint) -> Document:
    """Claim, or ask for the next certificate of what is the user's already."""
    try:
        answer, _ = onboarding_api.onboard(request, endpoint)
    except AlreadyUsedError as used:
        thing = request.claim.claim_id
        try:
            answer, _ = onboarding_api.rotate(thing, request.csr_pem, endpoint)
        except PermanentError as error:
            raise AlreadyUsedError(f"{used}; and a new certificate: {error}") from error
    return answer_document(answer)


async def _all(
    labels: Sequence[Label], options: argparse.Namespace, course: Course
) -> list[_Result]:
    results: list[_Result] = []
    reach = await open_reach(options.wifi, options.ble)
    try:
        with _progress(len(labels)) as advance, _log(options.log) as write:
            for label in labels:
                result = await _one(label, reach, course)
                results.append(result)
                write(result)
                advance()
    finally:
        await reach.close()
    return results


async def _one(label: Label, reach: Reach, course: Course) -> _Result:
    """Onboard one device; begin again when its link is lost on the way."""
    for attempt in range(_ATTEMPTS):
        try:
            link = await reach.connect(label)
            try:
                session = await open_session(link, label, PhoneSecurity())
                status = await onboard(session, course)
            finally:
                await link.close()
            return _Result(label.serial, str(status["state"]), status.get("site"))
        except WaitError as error:
            return _Result(label.serial, "unknown", error=str(error), is_passing=True)
        except UnreachableError as error:
            if attempt == _ATTEMPTS - 1:
                return _failed(label, error)
        except HotsiteError as error:
            return _failed(label, error)
    raise AssertionError("the last attempt returns")


def _failed(label: Label, error: HotsiteError) -> _Result:
    is_passing = isinstance(error, RetryableError)
    words = " ".join(str(error).split())
    return _Result(label.serial, "unknown", error=words, is_passing=is_passing)


@contextmanager
def _progress(count: int) -> Iterator[Any]:
    console = Console(stderr=True)
    if count < 2 or not console.is_terminal:  # noqa: PLR2004 - one needs no bar
        yield lambda: None
        return
    with Progress(console=console) as progress:
        task = progress.add_task("onboarding", total=count)
        yield lambda: progress.advance(task)


@contextmanager
def _log(path: Path | None) -> Iterator[Any]:
    if path is None:
        yield lambda _: None
        return
    try:
        file = path.open("a", encoding="utf-8")
    except OSError as error:
        raise InvalidInputError(f"--log {path}: {error.strerror}") from error
    with file:

        def write(result: _Result) -> None:
            file.write(json.dumps(result.document()) + "\n")
            file.flush()

        yield write
