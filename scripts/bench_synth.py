"""How long the templates of two Regions take, in a process of its own each time.

Beside each: what the CDK takes for its import, and an app with nothing in it. "Cold"
is with nothing of the CDK unpacked, as it is after an installation.
"""

import hashlib
import os
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark import ROUNDS, Result

from hotsite.infra.synth import prepare_node

# The goal that was set; two Regions, everything in a new process.
SYNTH_S_MAX = 10.0
COLD_ROUNDS = 3
# jsii, runtime: where the packages are unpacked.
_CACHE = "JSII_RUNTIME_PACKAGE_CACHE_ROOT"
_SETTINGS = 'domain = "fleet.example.com"\n'
_EMPTY = "from hotsite.infra.stack import new_app; new_app('empty').synth()"
_PEER = "aws_cdk imported, and an app without stacks"


def synth() -> Iterator[Result]:
    """Synthesise two Regions, cold and warm, and hold the bytes against each other."""
    prepare_node()
    with TemporaryDirectory() as directory:
        bench = Bench(Path(directory))
        cold = [bench.pair(is_cold=True) for _ in range(COLD_ROUNDS)]
        warm = [bench.pair() for _ in range(ROUNDS)]
    # Cold, most of it is the CDK's own: no promise, and its peer beside it.
    for name, pairs, most_s in (("warm", warm, SYNTH_S_MAX), ("cold", cold, None)):
        found = sorted(own.took_s for own, _ in pairs)
        yield Result(
            f"synth-two-regions-{name}",
            statistics.median(found),
            "s",
            most_s,
            is_upper_bound=True,
            peer=_PEER,
            peer_value=statistics.median(peer.took_s for _, peer in pairs),
            details={
                "cpu_s": statistics.median(own.cpu_s for own, _ in pairs),
                "peer_cpu_s": statistics.median(peer.cpu_s for _, peer in pairs),
                "lowest": found[0],
                "highest": found[-1],
                "rounds": float(len(pairs)),
                "distinct_outputs": float(len(bench.digests)),
            },
        )


@dataclass(frozen=True, slots=True)
class Run:
    """One process: how long it took, and how long it and its Node computed."""

    took_s: float
    cpu_s: float


class Bench:
    """A folder with settings, and what each synthesis wrote.

    Attributes:
        digests: Of everything that was written; one, if it was always the same.
    """

    def __init__(self, folder: Path) -> None:
        """Write the settings.

        Args:
            folder: Empty.
        """
        self.digests: set[str] = set()
        self._folder = folder
        (folder / "hotsite.toml").write_text(_SETTINGS)

    def pair(self, *, is_cold: bool = False) -> tuple[Run, Run]:
        """Return a run of hotsite and one of its peer.

        Args:
            is_cold: Whether both have to unpack the CDK first.
        """
        own = ["-m", "hotsite.faces.cli.main", "synth", "--out", "templates"]
        found = self._run(own, is_cold=is_cold)
        self.digests.add(self._digest())
        return found, self._run(["-c", _EMPTY], is_cold=is_cold)

    def _run(self, words: Sequence[str], *, is_cold: bool) -> Run:
        unpacked = self._folder / "unpacked"
        if is_cold:
            shutil.rmtree(unpacked, ignore_errors=True)
        began_s, before_s = time.perf_counter(), _cpu_s()
        subprocess.run(
            [sys.executable, *words],
            cwd=self._folder,
            env={**os.environ, _CACHE: str(unpacked)},  # noqa: TID251 (jsii reads it)
            capture_output=True,
            check=True,
        )
        return Run(time.perf_counter() - began_s, _cpu_s() - before_s)

    def _digest(self) -> str:
        digest = hashlib.sha256()
        for path in sorted((self._folder / "templates").iterdir()):
            digest.update(path.name.encode() + path.read_bytes())
        return digest.hexdigest()


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
