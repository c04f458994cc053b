"""Build the Lambda zips: without Docker, reproducible to the byte.

A zip holds hotsite's own code for Lambdas and, where a function needs one, its
hash-locked third-party wheels. The name of a zip comes from its sources alone,
so the zip for AWS (arm64) and the one for this machine share it, and templates
that name it are the same for both.
"""

import hashlib
import py_compile
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from enum import Enum
from functools import cache
from pathlib import Path

from hotsite.errors import InvalidInputError, UnreachableError

FUNCTIONS = (
    "onboarding",
    "replicator",
    "capture",
    "sweeper",
    "health",
    "switch",
    "canary",
    "meter",
    "setup",
    "readiness",
    "batch",
    "resume",
    "errors",
    "firmware",
)
_PACKAGE = Path(__file__).parents[1]
_REQUIREMENTS = _PACKAGE.parents[1] / "requirements"
# What a Lambda may import; everything else of hotsite stays out of the zip.
_SOURCES = (
    "__init__.py",
    "errors.py",
    "settings.py",
    "ports",
    "core",
    "flows",
    "adapters/__init__.py",
    "adapters/clock.py",
    "adapters/names.py",
    "adapters/sites.py",
    "adapters/tls_door.py",
    "adapters/aws",
    "faces/__init__.py",
    "faces/lambdas",
)
# What pip writes about its own run, and entry points, which name this machine.
_NOT_SHIPPED = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})
# The earliest time that a zip can hold (PKWARE APPNOTE 4.4.6, MS-DOS date).
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_FILE_MODE = 0o100644 << 16
_DIGEST_LENGTH = 16
_PIP_LIMIT_S = 300


class Platform(Enum):
    """What a zip must run on.

    Attributes:
        AWS: Lambda, python3.13 on arm64.
        HOST: The interpreter that runs now; the local cloud's Lambdas use it.
    """

    AWS = "aws"
    HOST = "host"


# One tag alone resolves older versions silently: wheels name either one.
_PIP_TAGS = {
    Platform.AWS: (
        "--platform=manylinux_2_28_aarch64",
        "--platform=manylinux2014_aarch64",
        "--implementation=cp",
        "--python-version=3.13",
    ),
    Platform.HOST: (),
}


def asset_name(function: str) -> str:
    """Return the file name of a function's zip, from its sources alone.

    Args:
        function: One of ``FUNCTIONS``.

    Returns:
        For example ``onboarding-0123456789abcdef.zip``.

    Raises:
        InvalidInputError: There is no such function.
    """
    return f"{function}-{_digest(function)}.zip"


def _digest(function: str) -> str:
    """Return what stands for a function's content: equal means the same bytes."""
    lock = _lock(function)
    digest = hashlib.sha256(_listed())
    if lock is not None:
        digest.update(lock.read_bytes())
    return digest.hexdigest()[:_DIGEST_LENGTH]


@cache
def _listed() -> bytes:
    """Return names and digests of our own code: once, for templates ask often."""
    lines = (
        f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n"
        for name, path in _sources()
    )
    return "".join(lines).encode()


def build(function: str, platform: Platform, out_dir: Path) -> Path:
    """Build the zip of one function, unless it is there already.

    Args:
        function: One of ``FUNCTIONS``.
        platform: What it must run on.
        out_dir: Directory for zips of this platform only; made if missing.

    Returns:
        The zip, named by ``asset_name``.

    Raises:
        InvalidInputError: There is no such function.
        UnreachableError: The registry of wheels did not give the locked ones.
    """
    path = out_dir / asset_name(function)
    if path.exists():
        return path
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out_dir, prefix=".build-") as directory:
        unfinished = Path(directory) / path.name
        twin = next(out_dir.glob(f"*-{_digest(function)}.zip"), None)
        if twin is None:
            _fill(unfinished, function, platform)
        else:
            # Most functions have no wheels of their own, and so the same content.
            shutil.copyfile(twin, unfinished)
        # A rename is atomic: a reader sees the whole zip or none.
        unfinished.rename(path)
    return path


def _fill(path: Path, function: str, platform: Platform) -> None:
    wheels = path.parent / "wheels"
    lock = _lock(function)
    if lock is not None:
        _install(lock, platform, wheels)
    files = {**dict(_sources()), **dict(_shipped(wheels))}
    if platform is Platform.HOST:
        files |= dict(_compiled(files, path.parent / "compiled"))
    _write(path, files)


def build_all(platform: Platform, out_dir: Path) -> tuple[Path, ...]:
    """Build the zips of all functions.

    Args:
        platform: What they must run on.
        out_dir: Directory for zips of this platform only.

    Returns:
        The zips, in the order of ``FUNCTIONS``.

    Raises:
        UnreachableError: The registry of wheels did not give the locked ones.
    """
    return tuple(build(function, platform, out_dir) for function in FUNCTIONS)


def _lock(function: str) -> Path | None:
    if function not in FUNCTIONS:
        raise InvalidInputError(
            f"no Lambda is named {function!r}; known are {', '.join(FUNCTIONS)}"
        )
    if not _REQUIREMENTS.is_dir():
        raise InvalidInputError(
            "Lambda zips are built from a checkout: requirements/ is not there"
        )
    path = _REQUIREMENTS / f"lambda-{function}.txt"
    return path if path.exists() else None


def _sources() -> Iterator[tuple[str, Path]]:
    for entry in _SOURCES:
        root = _PACKAGE / entry
        paths = [root] if root.is_file() else _shown(root)
        for path in paths:
            yield f"hotsite/{path.relative_to(_PACKAGE).as_posix()}", path


def _shown(root: Path) -> list[Path]:
    return sorted(path for kind in ("*.py", "*.json") for path in root.rglob(kind))


def _install(lock: Path, platform: Platform, target: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet"]
    command += ["--disable-pip-version-check", "--no-compile", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", *_PIP_TAGS[platform]]
    command += ["--target", str(target), "--requirement", str(lock)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_PIP_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnreachableError(
            f"pip took more than {_PIP_LIMIT_S} s for {lock.name}"
        ) from error
    if done.returncode != 0:
        said = done.stderr.strip().splitlines() or ["no reason given"]
        raise UnreachableError(f"pip could not install {lock.name}: {said[-1]}")


def _shipped(wheels: Path) -> Iterator[tuple[str, Path]]:
    for path in sorted(wheels.rglob("*")):
        name = path.relative_to(wheels)
        is_ours = name.parts[0] != "bin" and "__pycache__" not in name.parts
        if path.is_file() and is_ours and path.name not in _NOT_SHIPPED:
            yield name.as_posix(), path


def _compiled(files: Mapping[str, Path], folder: Path) -> Iterator[tuple[str, Path]]:
    """Compile what a worker of the local cloud would compile at each start.

    Its interpreter is this one. Lambda's is another, whose bytecode nobody can check
    against its source.
    """
    folder.mkdir()
    for number, (name, source) in enumerate(files.items()):
        if source.suffix != ".py":
            continue
        target = folder / f"{number}.pyc"
        try:
            py_compile.compile(
                str(source),
                cfile=str(target),
                dfile=name,
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
        except py_compile.PyCompileError:
            # A wheel may carry what only another interpreter can read.
            continue
        head, _, tail = name.rpartition("/")
        kept = f"{tail.removesuffix('.py')}.{sys.implementation.cache_tag}.pyc"
        yield f"{head}/__pycache__/{kept}".lstrip("/"), target


def _write(path: Path, files: dict[str, Path]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _ZIP_TIME)
            entry.external_attr = _FILE_MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            # The same on each system: 3 is Unix (PKWARE APPNOTE 4.4.2).
            entry.create_system = 3
            archive.writestr(entry, files[name].read_bytes())
