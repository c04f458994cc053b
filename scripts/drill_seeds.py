"""Play one drill with many seeds, each a process of its own, and sum them up.

    scripts/drill_seeds.py drills/power-and-region.toml --seeds 20 --jobs 1

Writes one JSON summary into build/bench/; exit 1 if a seed missed an objective.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

LIMIT_S = 600


@dataclass(frozen=True)
class Played:
    """What one seed gave.

    Attributes:
        seed: Which.
        reasons: Why it missed an objective; empty if it met them all.
        took_s: How long it took, bringing the cloud up included.
        verdict: The whole verdict, or None if there was none.
    """

    seed: int
    reasons: tuple[str, ...]
    took_s: float
    verdict: dict[str, object] | None

    @property
    def is_pass(self) -> bool:
        """Return whether every objective was met."""
        return not self.reasons

    def figure(self, part: str, name: str) -> float:
        """Return one figure of the verdict; 0 where it has none."""
        found = (self.verdict or {}).get(part)
        value = found.get(name) if isinstance(found, dict) else None
        return float(value or 0)

    def line(self) -> str:
        """Return one line for people."""
        word = "pass" if self.is_pass else f"FAIL {'; '.join(self.reasons)}"
        return (
            f"seed {self.seed}: {word} lost {self.figure('rpo', 'lost'):.0f},"
            f" if PUBACK trusted"
            f" {self.figure('rpo', 'lost_if_puback_trusted'):.0f},"
            f" power cuts {self.figure('hardship', 'power_cuts'):.0f},"
            f" lag {self.figure('hardship', 'lag_s'):.0f} s,"
            f" RTO p99 {self.figure('rto', 'p99_s'):.1f} s, {self.took_s:.0f} s"
        )


def play(options: argparse.Namespace, seed: int) -> Played:
    """Play one seed with the command as users run it."""
    out = options.out / f"{options.scenario.stem}-{options.world}" / str(seed)
    command = [
        *(sys.executable, "-m", "hotsite.faces.cli.main", "drill"),
        *(str(options.scenario), "--world", options.world, "--seed", str(seed)),
        *("--out", str(out), "--json"),
    ]
    if options.devices:
        command += ["--devices", str(options.devices)]
    began_s = time.monotonic()
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
        verdict = json.loads(done.stdout)
    except (ValueError, subprocess.TimeoutExpired) as error:
        took_s = time.monotonic() - began_s
        reasons = (f"no verdict: {error}",)
        return Played(seed, reasons, took_s, None)
    took_s = time.monotonic() - began_s
    return Played(seed, tuple(verdict["reasons"]), took_s, verdict)


def summary(options: argparse.Namespace, played: Sequence[Played]) -> dict[str, object]:
    """Return what the file says."""
    worst_s = max(one.figure("rto", "p99_s") for one in played)
    trusted = [one.figure("rpo", "lost_if_puback_trusted") for one in played]
    return {
        "schema": 1,
        "name": f"{options.scenario.stem}-{options.world}-seeds",
        "value": float(sum(one.is_pass for one in played)),
        "unit": "seeds passed",
        "bound": float(len(played)),
        "is_met": all(one.is_pass for one in played),
        "command": " ".join(["scripts/drill_seeds.py", *sys.argv[1:]]),
        "machine": {"architecture": platform.machine(), "system": platform.platform()},
        "lost": sum(one.figure("rpo", "lost") for one in played),
        "duplicates": sum(one.figure("rpo", "duplicates") for one in played),
        "lost_if_puback_trusted_min": min(trusted),
        "lost_if_puback_trusted": sum(trusted),
        "power_cuts": sum(one.figure("hardship", "power_cuts") for one in played),
        "lag_s_max": max(one.figure("hardship", "lag_s") for one in played),
        "rto_p99_s_worst": worst_s,
        "seeds": [asdict(one) for one in played],
    }


def results(options: argparse.Namespace) -> Iterator[Played]:
    """Play all seeds, several at a time; tell each as its turn comes."""
    seeds = range(options.first, options.first + options.seeds)
    with ThreadPoolExecutor(options.jobs) as pool:
        for one in pool.map(partial(play, options), seeds):
            print(one.line(), flush=True)
            yield one


def main() -> int:
    """Play, sum up, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario", type=Path)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--devices", type=int)
    parser.add_argument("--world", choices=("sim", "local"), default="local")
    parser.add_argument("--out", type=Path, default=Path("build/drills/seeds"))
    parser.add_argument("--bench", type=Path, default=Path("build/bench"))
    options = parser.parse_args()
    document = summary(options, list(results(options)))
    options.bench.mkdir(parents=True, exist_ok=True)
    path = options.bench / f"{document['name']}.json"
    path.write_text(json.dumps(document, indent=2) + "\n")
    print(f"{document['value']:.0f} of {document['bound']:.0f} seeds passed: {path}")
    return 0 if document["is_met"] else 1


if __name__ == "__main__":
    sys.exit(main())
