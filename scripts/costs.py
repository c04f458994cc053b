"""Write docs/costs.md: what a fleet costs a month, of what hotsite knows prices of.

.venv/bin/python scripts/costs.py
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from hotsite.core.forecast.costs import Prices, cost
from hotsite.core.forecast.plan import Device, Plan
from hotsite.faces.cli.pricelist import known_prices

PAGE = Path(__file__).parents[1] / "docs" / "costs.md"
FLEETS = (1_000, 10_000, 100_000, 1_000_000)
# How often a device publishes, in seconds.
INTERVALS_S = (10.0, 60.0, 300.0)
_HEAD = """\
# Costs

Written by `scripts/costs.py` from `src/hotsite/faces/cli/prices.toml`, and held to it by a test: do not edit. USD a month of 30 days, hot site (a canary in each Region), each device always
connected, one message up to 5 KB an interval. `hotsite deploy --dry-run` says it for your fleet, `hotsite forecast --compare` for other strategies.

**On top is only what is priced.** Most of what a second Region costs is in the list at the end: DynamoDB's replicated writes first, one for each message.

| devices | a message every | the fleet itself | on top, of what is priced | one failover |
|---:|---:|---:|---:|---:|
"""  # noqa: E501 - a page's lines
_FOOT = """
What a price is of, and when it was noted:

| unit | USD a million | from millions a month | noted | source |
|---|---:|---:|---|---|
"""


def page(prices: Prices) -> str:
    """Return the page."""
    return "".join(_lines(prices))


def _lines(prices: Prices) -> Iterator[str]:
    yield _HEAD
    for devices in FLEETS:
        for interval_s in INTERVALS_S:
            device = Device(publish_interval_s=interval_s)
            found = cost(
                Plan(devices=devices, device=device), prices, canaries=2, connects=1.0
            )
            yield (
                f"| {devices:,} | {interval_s:.0f} s | {found.fleet:,.2f} | "
                f"{found.on_top:,.2f} | {found.failover:,.2f} |\n"
            )
    yield _FOOT
    for price in prices.prices:
        yield (
            f"| {price.unit} | {price.usd_per_million:.2f} | "
            f"{price.above_million:,.0f} | {price.date} | {price.source} |\n"
        )
    yield "\n**Not priced here**, and paid for as well:\n\n"
    yield from (f"* {one}\n" for one in prices.missing)


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(known_prices()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
