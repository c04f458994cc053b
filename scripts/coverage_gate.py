"""Refuse less than 95 % of lines or of branches: a total would hide one of them."""

import json
import sys
from pathlib import Path

SHARE_MIN = 95.0


def main(path: str) -> int:
    """Print both shares and return 1 when one of them is too low."""
    totals = json.loads(Path(path).read_text())["totals"]
    lines = 100 * totals["covered_lines"] / totals["num_statements"]
    branches = 100 * totals["covered_branches"] / totals["num_branches"]
    print(f"core and flows: {lines:.1f} % of lines, {branches:.1f} % of branches")
    is_enough = min(lines, branches) >= SHARE_MIN
    if not is_enough:
        print(f"{SHARE_MIN:.0f} % of both are wanted", file=sys.stderr)
    return 0 if is_enough else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
