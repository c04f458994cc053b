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


def rows(folder: Path) -> dict[str, dict[str, str]]:
    """Return label, value and command of each figure of one drill."""
    verdict = json.loads((folder / "verdict.json").read_text())
    scenario, devices, seed = (verdict[k] for k in ("scenario", "devices", "seed"))
    about = f"{WHAT[scenario]}, {devices} devices"
    command = f"hotsite drill drills/{scenario}.toml --devices {devices} --seed {seed}"
    rto, phases, rpo = (verdict[k] for k in ("rto", "phases", "rpo"))
    values = {
        "health checks gave it up after": f"{phases['detected_s']:.1f} s",
        "half of the fleet back after": f"{rto['p50_s']:.1f} s",
        "99 % back after": f"{rto['p99_s']:.1f} s",
        "recovered": f"{rto['recovered']} of {devices}",
        "acknowledged messages lost": f"{rpo['lost']} of {rpo['acknowledged']}",
        "duplicates": str(rpo["duplicates"]),
    }
    return {
        f"{about}: {key}": {"value": value, "command": command}
        for key, value in values.items()
    }


def table(numbers: dict[str, dict[str, str]]) -> str:
    """Return the numbers as a Markdown table."""
    lines = ["| what | measured | with |", "|---|---|---|"]
    lines += [
        f"| {key} | {row['value']} | `{row['command']}` |"
        for key, row in numbers.items()
    ]
    return "\n".join(lines)


def main(folders: list[str]) -> int:
    """Write both files."""
    numbers: dict[str, dict[str, str]] = {}
    for folder in folders:
        numbers.update(rows(Path(folder)))
    NUMBERS.write_text(json.dumps(numbers, indent=1) + "\n")
    text = README.read_text()
    head, _, rest = text.partition(BEGIN)
    tail = rest.partition(END)[2]
    README.write_text(f"{head}{BEGIN}\n{table(numbers)}\n{END}{tail}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
