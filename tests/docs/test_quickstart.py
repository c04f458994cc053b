"""The quickstart, run as it is written: every block, in order, in one shell."""

import os
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "quickstart.md"
LIMIT_S = 200
MARK = "=== end of block"


def blocks():
    """Yield each shell block and the lines that the page says it shows."""
    found = re.findall(
        r"```sh\n(.*?)```(?:(?:(?!```).)*?\n```text\n(.*?)```)?",
        PAGE.read_text(),
        re.DOTALL,
    )
    return [(code, shown.strip().splitlines()) for code, shown in found]


@pytest.mark.local
def test_every_block_of_the_quickstart_works_and_shows_what_it_says(tmp_path):
    for tool in ("mosquitto_pub", "dig"):
        found = subprocess.run(["which", tool], capture_output=True, check=False)
        assert found.returncode == 0, f"{tool} is missing; run: make tools"
    clients = ROOT / ".venv-clients" / "bin"
    assert (clients / "aws").exists(), "run: make .venv-clients/.ready"
    script = "".join(f"{code}\necho '{MARK}'\n" for code, _ in blocks())
    path = f"{ROOT / '.venv' / 'bin'}:{clients}:{os.environ['PATH']}"
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )
    finally:
        subprocess.run(
            [str(ROOT / ".venv/bin/hotsite"), "local", "down"],
            cwd=tmp_path,
            check=False,
            capture_output=True,
        )
    assert done.returncode == 0, done.stdout
    outputs = done.stdout.split(MARK)
    for (code, shown), output in zip(blocks(), outputs, strict=False):
        for line in shown:
            assert squeezed(line) in squeezed(output), f"{code}\n{output}"


def squeezed(text):
    return " ".join(text.split())
