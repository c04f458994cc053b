"""The verbs of ``hotsite firmware`` that talk to the sites."""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass

from hotsite.adapters.aws.firmware_bucket import S3FirmwareFiles
from hotsite.adapters.trusted_firmware import Verified
from hotsite.adapters.trusted_firmware import verify as verified
from hotsite.core.buckets import firmware_bucket
from hotsite.core.expiry import FirmwareSettings
from hotsite.errors import HotsiteError, RefusedError, RetryableError
from hotsite.faces.cli import sites
from hotsite.faces.cli.files import read_settings
from hotsite.faces.cli.firmwaresign import (
    document,
    opened,
    say,
    verify_folder,
    warnings,
)
from hotsite.faces.cli.sites import Remote
from hotsite.flows.firmware_publish import publish as copy

_DONE, _MISSED, _WRONG, _NO_ANSWER = 0, 1, 2, 3


@dataclass(frozen=True, slots=True)
class Told:
    """What one site came to.

    Attributes:
        remote: The site.
        words: For people.
        facts: For programs.
        code: Exit code.
    """

    remote: Remote
    words: str
    facts: dict[str, object]
    code: int = _DONE


def publish(options: argparse.Namespace) -> int:
    """Copy what was signed to each site; one that is dead keeps no other waiting."""
    folder = options.folder
    repository = opened(folder)
    # What a device would refuse is not published.
    verify_folder(folder, time.time())
    names = repository.files()

    def read(name: str) -> bytes:
        return (repository.folder / name).read_bytes()

    def work(remote: Remote) -> Told:
        done = copy(names, read, _files(remote))
        words = (
            f"timestamp {done.version}: {len(done.written)} written,"
            f" {done.kept} were there"
        )
        facts: dict[str, object] = {
            "version": done.version,
            "written": list(done.written),
            "kept": done.kept,
        }
        return Told(remote, words, facts)

    return _tell(options, [_tried(one, work) for one in sites.selected(options)])


def status(options: argparse.Namespace) -> int:
    """Tell what devices find at each site."""
    folder = options.folder
    now_s = time.time()
    own = verify_folder(folder, now_s)
    root = (folder / "root.json").read_bytes()
    settings = _settings(options)

    def work(remote: Remote) -> Told:
        try:
            found = verified(_files(remote).read, root, now_s)
        except RefusedError as error:
            return Told(remote, f"refused: {error}", {"state": "refused"}, _MISSED)
        if found is None:
            return Told(remote, "nothing published", {"state": "nothing"}, _MISSED)
        return _compared(remote, own, found, warnings(found, settings, now_s))

    return _tell(options, [_tried(one, work) for one in sites.selected(options)])


def _compared(remote: Remote, own: Verified, found: Verified, soon: list[str]) -> Told:
    versions = {part.role: part.version for part in found.signed}
    wanted = {part.role: part.version for part in own.signed}
    state = "current" if versions["timestamp"] >= wanted["timestamp"] else "behind"
    for line in soon:
        say(f"{remote.region}: warning: {line}")
    names = ", ".join(f"{image.model} {image.version}" for image in found.images)
    return Told(
        remote,
        f"{state}, timestamp {versions['timestamp']}: {names or 'no images'}",
        {"state": state, **document(found, time.time()), "warnings": soon},
        _MISSED if soon or state == "behind" else _DONE,
    )


def _files(remote: Remote) -> S3FirmwareFiles:
    bucket = firmware_bucket(remote.prefix, remote.account(), remote.region)
    return S3FirmwareFiles(remote.client("s3"), bucket)


def _settings(options: argparse.Namespace) -> FirmwareSettings:
    if options.local is not None:
        return FirmwareSettings()
    return read_settings(options.config).firmware


def _tried(remote: Remote, work: Callable[[Remote], Told]) -> Told:
    try:
        return work(remote)
    except HotsiteError as error:
        code = _NO_ANSWER if isinstance(error, RetryableError) else _WRONG
        line = " ".join(str(error).split())
        return Told(remote, line, {"state": "failed", "error": line}, code)


def _tell(options: argparse.Namespace, told: list[Told]) -> int:
    if options.json:
        found = [
            {"site": one.remote.letter, "region": one.remote.region, **one.facts}
            for one in told
        ]
        print(json.dumps({"sites": found}))
    else:
        for one in told:
            print(f"{one.remote.letter} {one.remote.region:<15} {one.words}")
    return max((one.code for one in told), default=_DONE)
