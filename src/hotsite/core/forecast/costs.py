"""What a strategy costs a month, as far as the prices are known.

Prices come from one dated file of the package; what is not in it is not guessed, and
is named beside each sum.
"""

from dataclasses import dataclass

from hotsite.core.forecast.plan import Plan
from hotsite.core.hardship import Follow
from hotsite.core.metering import HEARTBEAT_S
from hotsite.errors import InvalidInputError

MONTH_S = 30 * 86_400.0
MINUTES, MESSAGES = "connection-minute", "message"
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Price:
    """One price.

    Attributes:
        unit: Of what.
        usd_per_million: For a million of it.
        date: When it was read, as YYYY-MM-DD.
        source: Where.
        above_million: From how many millions a month on it holds.
    """

    unit: str
    usd_per_million: float
    date: str
    source: str
    above_million: float = 0.0


@dataclass(frozen=True, slots=True)
class Prices:
    """All that are known, and what is not.

    Attributes:
        prices: In order of units and amounts.
        missing: What is paid for as well, at prices that hotsite does not know.
    """

    prices: tuple[Price, ...]
    missing: tuple[str, ...] = ()

    def of(self, unit: str, count: float) -> float:
        """Return what a count of something costs in a month, in USD.

        Args:
            unit: Of what.
            count: How many, 0 or more.

        Raises:
            InvalidInputError: There is no such price.
        """
        tiers = sorted(
            (price for price in self.prices if price.unit == unit),
            key=lambda price: price.above_million,
        )
        if not tiers or tiers[0].above_million:
            raise InvalidInputError(f"prices: none for the first {unit}")
        millions, total_usd = count / _MILLION, 0.0
        ends = [tier.above_million for tier in tiers[1:]]
        for tier, end in zip(tiers, [*ends, millions], strict=True):
            inside = min(millions, end) - tier.above_million
            total_usd += max(0.0, inside) * tier.usd_per_million
        return total_usd


@dataclass(frozen=True, slots=True)
class Cost:
    """What is paid a month, in USD.

    Attributes:
        fleet: For connections and messages of the fleet, second Region or not.
        on_top: For the second Region, of what is known.
        failover: For the CONNECTs of one failover.
    """

    fleet: float
    on_top: float
    failover: float


def cost(plan: Plan, prices: Prices, *, canaries: int, connects: float) -> Cost:
    """Return what a plan costs.

    Args:
        plan: What is assumed; its devices are the whole fleet here.
        prices: What is known.
        canaries: How many Regions have one; each is a device that is always there.
        connects: CONNECTs a device in a failover.
    """
    minutes = MONTH_S / 60
    published = plan.devices * MONTH_S / plan.device.publish_interval_s
    fleet_minutes = prices.of(MINUTES, plan.devices * minutes)
    fleet_usd = fleet_minutes + prices.of(MESSAGES, published)
    beats = canaries * MONTH_S / HEARTBEAT_S
    all_usd = prices.of(MESSAGES, published + beats)
    own_minutes = canaries * minutes
    if plan.device.follow is Follow.PRE_WARMED:
        own_minutes += plan.devices * minutes
    on_top_usd = prices.of(MINUTES, own_minutes) + all_usd
    on_top_usd += fleet_minutes - fleet_usd
    return Cost(fleet_usd, on_top_usd, prices.of(MESSAGES, plan.devices * connects))
