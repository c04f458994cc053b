"""How fast the forecast is, and how much memory it takes, in a process of its own."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmark import Result

MEMORY = Path("/proc/self/status")
DEVICES = 10_000_000
FAILOVERS = 1000
MILLION = 1_000_000


def forecasts() -> Iterator[Result]:
    """Forecast ten million devices once, and a million a thousand times."""
    one, many = (child(what) for what in ("one", "many"))
    yield Result(
        "forecast-10m-devices",
        one["took_s"],
        "s",
        1.0,
        is_upper_bound=True,
        details={"devices": float(DEVICES), "rto_p99_s": one["p99_s"]},
    )
    yield Result(
        "forecast-memory",
        max(one["memory_mb"], many["memory_mb"]),
        "MB",
        200.0,
        is_upper_bound=True,
        details={"one_mb": one["memory_mb"], "many_mb": many["memory_mb"]},
    )
    yield Result(
        "forecast-1000-failovers",
        many["took_s"],
        "s",
        5.0,
        is_upper_bound=True,
        details={"devices": float(MILLION), "failovers": float(FAILOVERS)},
    )


def child(what: str) -> dict[str, float]:
    """Return what one measurement in a fresh process said."""
    done = subprocess.run(
        [sys.executable, __file__, what], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(what: str) -> dict[str, float]:
    """Play, and look at the clock and at the peak of this process's memory."""
    # Imported here: the measurement begins without NumPy in memory.
    from hotsite.core.forecast.outlook import Goals, look_ahead  # noqa: PLC0415
    from hotsite.core.forecast.plan import Plan  # noqa: PLC0415
    from hotsite.core.forecast.simulate import many  # noqa: PLC0415

    draw = random.Random(1).random
    # A random health check for each failover, as it is in life.
    shares = [draw() for _ in range(FAILOVERS)]
    began_s = time.perf_counter()
    if what == "one":
        # All that the command says, with the advice.
        found = look_ahead(Plan(DEVICES), Goals(60.0, 0)).found.rto.p99_s or 0.0
    else:
        found = max(many(Plan(MILLION), shares, 99))
    took_s = time.perf_counter() - began_s
    peak = next(x for x in MEMORY.read_text().splitlines() if x.startswith("VmHWM"))
    return {"took_s": took_s, "p99_s": found, "memory_mb": int(peak.split()[1]) / 1024}


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1])))
