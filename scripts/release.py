"""Make the files of a release: templates, packages, wheel, SBOM, and their digests.

    .venv/bin/python scripts/release.py --out build/release

Two runs from the same sources give the same templates, packages and SBOM, byte for
byte. ``--check`` makes nothing, and says which licence is not one that we ship.
"""

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "src" / "hotsite" / "infra" / "shipped"
# What runs in an account or on a device; the rest are tools of who builds.
RUNTIME = ("lambda-onboarding", "lambda-canary")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
# Words of licences that ask for a notice at most, or bind only their own files (MPL).
_ALLOWED = re.compile(
    r"apache|\bmit\b|mit license|bsd|isc|python software|psf|mpl|mozilla|unlicense|zlib"
    r"|0bsd|public domain",
    re.IGNORECASE,
)
_REFUSED = re.compile(r"\bA?GPL|affero|sspl|commons clause", re.IGNORECASE)
# What its own metadata does not say, read in its repository.
_KNOWN = {"ministack": "MIT"}
# LGPL: in no file of ours. Who installs `hotsite[ble]` gets it from PyPI as it is, may
# replace it, and bumble imports it for USB radios alone.
_BESIDE = frozenset({"libusb1"})


@dataclass(frozen=True)
class Locked:
    """One package of a lock.

    Attributes:
        name: As PyPI spells it.
        version: The only one.
        hashes: SHA-256 of its files.
    """

    name: str
    version: str
    hashes: tuple[str, ...]


def locked(path: Path) -> Iterator[Locked]:
    """Yield the packages of a lock."""
    name, pinned, hashes = "", "", []
    for line in path.read_text().splitlines():
        if match := _PINNED.match(line):
            if name:
                yield Locked(name, pinned, tuple(hashes))
            name, pinned, hashes = match[1], match[2], []
        hashes += _HASH.findall(line)
    if name:
        yield Locked(name, pinned, tuple(hashes))


def licence(name: str) -> str:
    """Return what a package says about its licence; empty where it says nothing."""
    if name in _KNOWN:
        return _KNOWN[name]
    try:
        told = distribution(name).metadata
    except PackageNotFoundError:
        return ""
    expression = told.get("License-Expression")
    if expression:
        return str(expression)
    classifiers = [
        one.rpartition("::")[2].strip()
        for one in told.get_all("Classifier", [])
        if one.startswith("License ::") and not one.endswith("OSI Approved")
    ]
    text = str(told.get("License", "")).strip().splitlines()
    return " OR ".join(classifiers) or (text[0] if text else "")


def objections() -> list[str]:
    """Return each locked package whose licence is not one that we ship."""
    found = []
    for one in _everything():
        if one.name in _BESIDE:
            continue
        said = licence(one.name)
        if not said:
            found.append(f"{one.name} {one.version}: says no licence")
        elif _REFUSED.search(said) or not _ALLOWED.search(said):
            found.append(f"{one.name} {one.version}: {said}")
    return found


def sbom() -> dict[str, object]:
    """Return a CycloneDX 1.6 document of everything that is locked."""
    shipped = {
        one.name
        for part in RUNTIME
        for one in locked(ROOT / "requirements" / f"{part}.txt")
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": "hotsite",
                "version": version("hotsite"),
                "licenses": [{"license": {"id": "Apache-2.0"}}],
            }
        },
        "components": [
            {
                "type": "library",
                "name": one.name,
                "version": one.version,
                "purl": f"pkg:pypi/{one.name}@{one.version}",
                "scope": "required" if one.name in shipped else "optional",
                "hashes": [{"alg": "SHA-256", "content": h} for h in one.hashes],
                "licenses": [{"license": {"name": licence(one.name) or "unknown"}}],
            }
            for one in _everything()
        ],
    }


def _everything() -> list[Locked]:
    """Return what is locked for this environment and for functions, each once."""
    found = {
        one.name: one
        for part in (*RUNTIME, "dev")
        for one in locked(ROOT / "requirements" / f"{part}.txt")
    }
    return sorted(found.values(), key=lambda one: one.name)


def make(out: Path) -> None:
    """Write everything into a folder, which is emptied first."""
    # The CDK takes seconds to import, and --check does without.
    from hotsite.infra import packaging, release  # noqa: PLC0415

    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    release.write(out / "templates")
    packaging.build_all(packaging.Platform.AWS, out / "lambdas")
    (out / "sbom.cdx.json").write_text(json.dumps(sbom(), indent=1) + "\n")
    shutil.rmtree(SHIPPED, ignore_errors=True)
    shutil.copytree(out / "templates", SHIPPED)
    try:
        command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps"]
        command += ["--no-build-isolation", "--wheel-dir", str(out), str(ROOT)]
        subprocess.run(command, check=True)
    finally:
        shutil.rmtree(SHIPPED, ignore_errors=True)
    files = sorted(path for path in out.rglob("*") if path.is_file())
    sums = [
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(out)}\n"
        for path in files
    ]
    (out / "SHA256SUMS").write_text("".join(sums))


def main() -> int:
    """Make a release, or check licences."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "release")
    parser.add_argument("--check", action="store_true", help="licences alone")
    options = parser.parse_args()
    found = objections()
    for line in found:
        print(line, file=sys.stderr)
    if found:
        return 1
    if not options.check:
        make(options.out)
        print(f"wrote {options.out}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
