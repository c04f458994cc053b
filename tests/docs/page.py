"""Play a page of the documentation: every shell block, in order, in one shell."""

import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
MARK = "=== end of block"


def blocks(page):
    """Yield each shell block and the lines that the page says it shows."""
    found = re.findall(
        r"```sh\n(.*?)```(?:(?:(?!```).)*?\n```text\n(.*?)```)?",
        page.read_text(),
        re.DOTALL,
    )
    return [(code, shown.strip().splitlines()) for code, shown in found]


def play(page, folder, *, limit_s):
    """Run a page in a folder of its own; nothing of it stays up."""
    clients = ROOT / ".venv-clients" / "bin"
    assert (clients / "aws").exists(), "run: make .venv-clients/.ready"
    # Templates are made once, beside everything else that is built.
    (ROOT / "build" / "artefacts").mkdir(parents=True, exist_ok=True)
    (folder / "build").symlink_to(ROOT / "build")
    script = "".join(f"{code}\necho '{MARK}'\n" for code, _ in blocks(page))
    path = f"{ROOT / '.venv' / 'bin'}:{clients}:{os.environ['PATH']}"
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=folder,
            env={**os.environ, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=limit_s,
            check=False,
        )
    finally:
        subprocess.run(
            [str(ROOT / ".venv/bin/hotsite"), "local", "down"],
            cwd=folder,
            check=False,
            capture_output=True,
        )
    assert done.returncode == 0, done.stdout
    outputs = done.stdout.split(MARK)
    for (code, shown), output in zip(blocks(page), outputs, strict=False):
        for line in shown:
            assert _squeezed(line) in _squeezed(output), f"{code}\n{output}"


def _squeezed(text):
    return " ".join(text.split())
