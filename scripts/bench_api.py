"""What the onboarding API costs of its own: a request, and a cold start's import.

The handler is called as Lambda calls it, with real signing requests, against tables and
an IoT Core in memory: what is left is ours. AWS's answers, some milliseconds each, come
on top. The import is measured in new interpreters, as CPU time, because on a busy
machine the clock on the wall measures the neighbours; both are told.
"""

import json
import logging
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmark import Result

from hotsite.core.history import percentile

DEVICES = 300
IMPORTS = 9
P50_MS_MAX = 5.0
IMPORT_MS_MAX = 300.0
ROOT = Path(__file__).parents[1]
_IMPORT = """
import time
wall, cpu = time.perf_counter(), time.process_time()
import hotsite.faces.lambdas.onboarding
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


def api() -> Iterator[Result]:
    """Enrol a fleet, look at it, rotate it; then import the function anew."""
    sys.path.insert(0, str(ROOT))
    from tests.faces.api_world import SECRET, World, event_of  # noqa: PLC0415

    from hotsite.adapters import device_key  # noqa: PLC0415

    logging.disable(logging.CRITICAL)
    world = World(rate_per_s=1e6)
    names = [f"oven-{number}" for number in range(DEVICES)]
    enrols, rotates = [], []
    for name in names:
        world.claim(name)
        claim = {"id": name, "secret": SECRET}
        body = {"claim": claim, "csr": device_key.make(name).csr_pem}
        enrols.append(event_of("POST /v1/devices", body=body))
        again = {"csr": device_key.make(name).csr_pem}
        route = "POST /v1/devices/{thing}/certificates"
        rotates.append(event_of(route, body=again, path={"thing": name}))
    shows = [event_of("GET /v1/devices/{thing}", path={"thing": n}) for n in names]
    for noun, events, status in (
        ("enrol", enrols, 201),
        ("show", shows, 200),
        ("rotate", rotates, 201),
    ):
        yield _handled(f"api-{noun}-handler", world.serve, events, status)
    yield _imported()


def _handled(
    name: str,
    serve: Callable[[dict[str, object]], dict[str, object]],
    events: list[dict[str, object]],
    status: int,
) -> Result:
    took_ms = []
    for event in events:
        began_s = time.perf_counter()
        reply = serve(event)
        took_ms.append(1000 * (time.perf_counter() - began_s))
        if reply["statusCode"] != status:
            raise RuntimeError(f"{name}: {reply}")
    return Result(
        name,
        _rank(took_ms, 50),
        "ms (p50)",
        P50_MS_MAX,
        is_upper_bound=True,
        details={"p99_ms": _rank(took_ms, 99), "requests": float(len(took_ms))},
    )


def _imported() -> Result:
    walls, cpus = [], []
    # Compiled once, as the local cloud's zips are, by the first of them: with nothing
    # in the environment that would forbid to keep it.
    for number in range(1 + IMPORTS):
        done = subprocess.run(
            [sys.executable, "-c", _IMPORT],
            capture_output=True,
            text=True,
            check=True,
            env={},
        )
        wall_s, cpu_s = map(float, done.stdout.split())
        if number:
            walls.append(1000 * wall_s)
            cpus.append(1000 * cpu_s)
    return Result(
        "api-cold-import",
        _rank(cpus, 50),
        "ms of CPU (p50)",
        IMPORT_MS_MAX,
        is_upper_bound=True,
        details={"wall_p50_ms": _rank(walls, 50), "wall_min_ms": _rank(walls, 1)},
    )


def _rank(values: list[float], percent: int) -> float:
    return round(percentile(values, percent, total=len(values)) or 0.0, 3)


if __name__ == "__main__":
    for found in api():
        print(json.dumps([found.name, found.value, found.unit, found.details]))
