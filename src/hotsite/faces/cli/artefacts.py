"""What a deployment is made of: templates and Lambda zips, made once.

Synthesis takes seconds and starts Node, so its result is kept under a name that
is the digest of everything it depends on: the settings and hotsite's own code.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import hotsite
from hotsite.settings import Settings

_PACKAGE = Path(hotsite.__file__).parent
# What templates and Lambdas are made of; the rest of hotsite may change freely.
_PARTS = ("adapters", "core", "faces/lambdas", "flows", "infra")
# Kept results beyond this many are removed, the oldest first.
_KEPT_MAX = 5


@dataclass(frozen=True, slots=True)
class Artefacts:
    """Where the parts of a deployment are.

    Attributes:
        templates: Folder of CloudFormation templates and their plan.
        lambdas: Folder of Lambda zips, for this machine or for AWS.
    """

    templates: Path
    lambdas: Path


def make(
    settings: Settings,
    folder: Path,
    say: Callable[[str], None],
    *,
    is_for_aws: bool = False,
) -> Artefacts:
    """Make what is missing; a second call with the same sources makes nothing.

    Args:
        settings: What the templates are made for.
        folder: Where results are kept, by digest.
        say: Told what takes long.
        is_for_aws: Whether the zips run on Lambda (arm64) and not on this machine.

    Returns:
        Folders whose content is complete.

    Raises:
        HotsiteError: Synthesis or packaging failed; nothing half-made is kept.
    """
    target = folder / f"{digest(settings)}{'-aws' if is_for_aws else ''}"
    if not target.exists():
        say("making templates and Lambda packages (once for these sources)")
        folder.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=folder, prefix=".making-"))
        try:
            _make_into(settings, scratch, is_for_aws=is_for_aws)
            scratch.rename(target)
        except OSError:
            # Another process made the same at the same time: theirs is as good.
            if not target.exists():
                raise
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        _forget_old(folder, keep=target)
    os.utime(target)
    return Artefacts(target / "templates", target / "lambdas")


def digest(settings: Settings) -> str:
    """Return the name of what these settings and sources result in."""
    found = hashlib.sha256(repr(settings).encode())
    for package in ("aws-cdk-lib", "hotsite"):
        found.update(version(package).encode())
    locks = (_PACKAGE.parents[1] / "requirements").glob("lambda-*.txt")
    sources = [path for part in _PARTS for path in (_PACKAGE / part).rglob("*.py")]
    for path in sorted([*_PACKAGE.glob("*.py"), *sources, *locks]):
        found.update(path.name.encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def _make_into(settings: Settings, folder: Path, *, is_for_aws: bool) -> None:
    # The CDK takes seconds to import and no other command needs it.
    from hotsite.infra import packaging, synth  # noqa: PLC0415

    synth.synthesise(settings, folder / "templates")
    platform = packaging.Platform.AWS if is_for_aws else packaging.Platform.HOST
    packaging.build_all(platform, folder / "lambdas")


def _forget_old(folder: Path, *, keep: Path) -> None:
    kept = [path for path in folder.iterdir() if path != keep and path.is_dir()]
    kept.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for path in kept[_KEPT_MAX - 1 :]:
        if not path.name.startswith(".making-"):
            shutil.rmtree(path, ignore_errors=True)
