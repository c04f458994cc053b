"""Take away what a scenario's safeguard is, and see the drill fail.

A drill that passes whatever is done proves nothing. Each scenario of the worst hour
has a safeguard that it is about; it is edited out of a copy of hotsite, or of the
scenario, and the same drill is played in the simulation.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.mutations import Edit, Mutation, mutated

ROOT = Path(__file__).parents[1]
DRILLS = ROOT / "drills"
_LIMIT_S = 120.0
# The command, of the package in the folder that is named first.
_PLAYER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from hotsite.faces.cli import main
assert Path(main.__file__).is_relative_to(sys.argv[1]), main.__file__
sys.exit(main.main(sys.argv[2:]))
"""


@dataclass(frozen=True, slots=True)
class Safeguard:
    """What a scenario is about.

    Attributes:
        scenario: Its name.
        removed: What is taken away, in words.
        edits: How, in the code.
        scenario_edit: How, in the scenario: a text and what replaces it.
    """

    scenario: str
    removed: str
    edits: tuple[Edit, ...] = ()
    scenario_edit: tuple[str, str] | None = None


SAFEGUARDS = (
    Safeguard(
        "brown-out",
        "the canary forgets the messages before the last one",
        (Edit("core/health.py", "_FAILURES_MAX = 1\n", "_FAILURES_MAX = 6\n"),),
    ),
    Safeguard(
        "dynamodb-only",
        "a health endpoint that cannot read its verdict calls its site healthy",
        (
            Edit(
                "flows/health.py",
                "return HealthAnswer(is_healthy=False, reason=str(error))",
                "return HealthAnswer(is_healthy=True, reason=str(error))",
            ),
        ),
    ),
    Safeguard(
        "broker-only",
        "health is that an endpoint answers, not that a message comes through",
        (
            Edit(
                "core/health.py",
                "        return replace(seen, recent=recent)\n",
                "        return replace(seen, recent=recent, is_healthy=True)\n",
            ),
        ),
    ),
    Safeguard(
        "dns-freeze",
        "devices know the failover name alone",
        scenario_edit=('devices_follow = "own-names"', 'devices_follow = "dns"'),
    ),
    Safeguard(
        "flapping",
        "DNS goes by health alone: the switch of the other site does not count",
        (
            Edit(
                "sim/route53.py",
                "_counted(_serves(site), [health(site), *after], 1 + len(after))",
                "_counted(_serves(site), [health(site), *after], 1)",
            ),
        ),
    ),
    Safeguard(
        "standby-also-sick",
        "an operation does not ask whether its target is healthy",
        (
            Edit(
                "core/preflight.py",
                "    if not seen.is_healthy and not facts.is_off:\n",
                "    if not seen.is_healthy and facts.is_off:\n",
            ),
        ),
    ),
    Safeguard(
        "split-brain-heal",
        "a site believes that it is active for as long as nobody tells it otherwise",
        (
            Edit(
                "core/standing.py",
                "return sure_s is not None and now_s - sure_s <= policy.away_s_max",
                "return sure_s is not None or now_s - policy.away_s_max > 0",
            ),
        ),
    ),
    Safeguard(
        "planned-move",
        "DNS moves, and nobody tells the devices",
        (
            Edit(
                "flows/steps.py",
                "Kind.PLANNED: (_COMPUTE, _LAG, _EPOCH, _FENCE, _DNS, _ORDERS, _CUTS,",
                "Kind.PLANNED: (_COMPUTE, _LAG, _EPOCH, _FENCE, _DNS,",
            ),
        ),
    ),
    Safeguard(
        "failback",
        "devices are moved before DNS has followed",
        (
            Edit(
                "flows/steps.py",
                "Kind.FAILBACK: (_LAG, _EPOCH, _FENCE, _DNS, _ORDERS,",
                "Kind.FAILBACK: (_LAG, _EPOCH, _FENCE, _ORDERS,",
            ),
        ),
    ),
    Safeguard(
        "pilot-light",
        "a forced failover does not light the standby",
        (
            Edit(
                "flows/steps.py",
                "Kind.FORCED: (_COMPUTE, _EPOCH,",
                "Kind.FORCED: (_EPOCH,",
            ),
        ),
    ),
)


def played(safeguard: Safeguard) -> Mapping[str, Any]:
    """Return the verdict of a scenario whose safeguard was taken away.

    Raises:
        ValueError: The edit does not fit the code or the scenario any more, or the
            drill gave no verdict.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mutated(Mutation(safeguard.removed, safeguard.edits), folder)
        text = (DRILLS / f"{safeguard.scenario}.toml").read_text()
        if safeguard.scenario_edit is not None:
            old, new = safeguard.scenario_edit
            if text.count(old) != 1:
                raise ValueError(f"{safeguard.scenario}: {old!r} is not there once")
            text = text.replace(old, new)
        scenario = folder / f"{safeguard.scenario}.toml"
        scenario.write_text(text)
        return verdict_of(scenario, folder, source=folder)


def verdict_of(scenario: Path, folder: Path, *, source: Path) -> Mapping[str, Any]:
    """Play a scenario in the simulation, and return its verdict.

    Args:
        scenario: The file.
        folder: Where the drill may write.
        source: The folder that holds the package ``hotsite``.

    Raises:
        ValueError: The drill gave no verdict.
    """
    command = [
        *(sys.executable, "-c", _PLAYER, str(source), "drill", str(scenario)),
        *("--world", "sim", "--json", "--out", str(folder / "out")),
    ]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=_LIMIT_S,
        check=False,
    )
    found = json.loads(done.stdout) if done.stdout else {}
    if "verdict" not in found:
        raise ValueError(f"{scenario.stem} gave no verdict: {done.stderr[-500:]}")
    return dict(found)


def main() -> int:
    """Print a line a scenario; return 1 when one passes without its safeguard."""
    lives = 0
    for safeguard in SAFEGUARDS:
        verdict = played(safeguard)
        lives += verdict["verdict"] == "pass"
        reason = verdict["reasons"][0] if verdict["reasons"] else "it passed"
        print(f"{safeguard.scenario}: without it ({safeguard.removed}): {reason}")
    return 1 if lives else 0


if __name__ == "__main__":
    sys.exit(main())
