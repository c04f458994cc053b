"""Write docs/numbers.json and the README's table from drills that were played.

Each argument is a folder with a drill's ``verdict.json``; nothing is typed by hand.
"""

import json
import sys
from pathlib import Path

BEGIN, END = "<!-- numbers -->", "<!-- /numbers -->"
README = Path("README.md")
NUMBERS = Path("docs/numbers.json")
WHAT = {"region-loss": "Region killed", "region-freeze": "Region frozen"}


def row(folder: Path) -> tuple[str, dict[str, str]]:
    """Return the label and the figures of one drill, the command last."""
    verdict = json.loads((folder / "verdict.json").read_text())
    scenario, devices, seed = (verdict[k] for k in ("scenario", "devices", "seed"))
    rto, phases, rpo = (verdict[k] for k in ("rto", "phases", "rpo"))
    return f"{WHAT[scenario]}, {devices} devices", {
        "detected": f"{phases['detected_s']:.1f} s",
        "half back": f"{rto['p50_s']:.1f} s",
        "99 % back": f"{rto['p99_s']:.1f} s",
        "recovered": f"{rto['recovered']} of {devices}",
        "acknowledged, lost": f"{rpo['lost']} of {rpo['acknowledged']}",
        "duplicates": str(rpo["duplicates"]),
        "command": f"hotsite drill drills/{scenario}.toml --devices {devices} "
        f"--seed {seed}",
    }


def table(numbers: dict[str, dict[str, str]]) -> str:
    """Return the numbers as a Markdown table, and the commands below it."""
    columns = [key for key in next(iter(numbers.values())) if key != "command"]
    lines = [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    lines += [
        f"| {label} | {' | '.join(figures[key] for key in columns)} |"
        for label, figures in numbers.items()
    ]
    commands = [f"`{figures['command']}`" for figures in numbers.values()]
    return "\n".join([*lines, "", f"In this order: {', '.join(commands)}."])


def main(folders: list[str]) -> int:
    """Write both files."""
    numbers: dict[str, dict[str, str]] = {}
    for folder in folders:
        label, figures = row(Path(folder))
        numbers[label] = figures
    NUMBERS.write_text(json.dumps(numbers, indent=1) + "\n")
    text = README.read_text()
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    README.write_text(f"{head}{BEGIN}\n{table(numbers)}\n{END}{tail}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
