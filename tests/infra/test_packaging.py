"""Lambda zips: the same bytes each time, and only what a Lambda may hold."""

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from hotsite.errors import InvalidInputError
from hotsite.infra.packaging import FUNCTIONS, Platform, asset_name, build

RUNTIME = ("boto3", "botocore", "jmespath", "s3transfer", "urllib3", "dateutil", "six")


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Build each zip once for all tests: those with wheels are the slow part."""
    folder = tmp_path_factory.mktemp("zips")

    def path(function, platform=Platform.HOST):
        return build(function, platform, folder / platform.value)

    return path


@pytest.mark.parametrize("platform", Platform)
@pytest.mark.parametrize("function", ["canary", "onboarding", "setup"])
def test_two_builds_are_the_same_bytes(built, tmp_path, function, platform):
    first = built(function, platform)
    second = build(function, platform, tmp_path / "second")
    assert first.name == second.name == asset_name(function)
    assert first.read_bytes() == second.read_bytes()
    assert [path.name for path in second.parent.iterdir()] == [first.name]


def test_a_zip_that_is_there_is_not_built_again(tmp_path):
    path = build("health", Platform.HOST, tmp_path)
    before = path.stat().st_mtime_ns
    assert build("health", Platform.HOST, tmp_path).stat().st_mtime_ns == before


def test_functions_without_wheels_of_their_own_hold_the_same_bytes(built, tmp_path):
    first = built("health")
    again = build("meter", Platform.HOST, tmp_path)
    assert built("meter").read_bytes() == first.read_bytes() == again.read_bytes()
    assert built("canary").read_bytes() != first.read_bytes()


def test_native_code_is_of_the_platform_that_runs_it(built):
    path = built("onboarding", Platform.AWS)
    with zipfile.ZipFile(path) as archive:
        libraries = [n for n in archive.namelist() if n.endswith(".so")]
        assert libraries
        for name in libraries:
            # ELF header, e_machine at offset 18: 183 is AArch64.
            assert archive.read(name)[18:20] == (183).to_bytes(2, "little"), name


def test_no_zip_holds_faces_or_tools_that_a_lambda_must_not_have(built):
    for function in FUNCTIONS:
        path = built(function, Platform.AWS)
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        assert names == sorted(names)
        for part in ("infra", "local", "sim", "faces/cli", "faces/agent"):
            assert not any(name.startswith(f"hotsite/{part}/") for name in names)
        assert not any("__pycache__" in name or "/bin/" in name for name in names)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_imports_from_its_zip_alone(built, tmp_path, function):
    path = built(function)
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "task")
    # The Lambda runtime brings boto3 and what it needs, and nothing else.
    runtime = tmp_path / "runtime"
    runtime.mkdir()
    for name in RUNTIME:
        origin = Path(importlib.util.find_spec(name).origin)
        found = origin.parent if origin.name == "__init__.py" else origin
        (runtime / found.name).symlink_to(found)
    program = (
        f"import sys; sys.path[:0] = [{str(tmp_path / 'task')!r}, {str(runtime)!r}]\n"
        f"from hotsite.faces.lambdas.{function} import handler\n"
    )
    # -S leaves out site-packages.
    command = [sys.executable, "-I", "-S", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_unknown_function_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="no Lambda is named 'x'"):
        build("x", Platform.HOST, tmp_path)


def test_local_workers_find_bytecode_and_lambda_finds_sources_alone(built):
    names = {
        platform: zipfile.ZipFile(built("health", platform)).namelist()
        for platform in Platform
    }
    bytecode = f"hotsite/core/__pycache__/health.{sys.implementation.cache_tag}.pyc"
    assert bytecode in names[Platform.HOST]
    assert not [name for name in names[Platform.AWS] if name.endswith(".pyc")]
