"""How two Regions share the work, and which name tells who is active."""

from enum import StrEnum

from hotsite.core.epoch import SITES


class Strategy(StrEnum):
    """What the other Region does while nothing is wrong.

    ``HOT_SITE`` lives and waits: DNS leads the whole fleet to the active site.
    ``ACTIVE_ACTIVE`` holds a part of the fleet, by weight or by latency.
    ``PILOT_LIGHT`` has everything but compute, until somebody switches it on.
    """

    HOT_SITE = "hot-site"
    ACTIVE_ACTIVE = "active-active"
    PILOT_LIGHT = "pilot-light"


def is_spread(strategy: Strategy, active: str) -> bool:
    """Tell whether both sites hold devices while a site is active.

    Site ``b`` is active by its switch, and that takes ``a`` out of all names.

    Args:
        strategy: How the Regions share the work.
        active: Letter of the active site.
    """
    return strategy is Strategy.ACTIVE_ACTIVE and active == SITES[0]


def witness_name(strategy: Strategy, domain: str) -> str:
    """Return the name whose answer tells where Route 53 leads: to the active site.

    It is ``iot.`` itself, unless both sites answer that one: then nobody could tell
    from it which site is active, so a failover record of its own says so.

    Args:
        strategy: How the Regions share the work.
        domain: The owner's.
    """
    label = "active" if strategy is Strategy.ACTIVE_ACTIVE else "iot"
    return f"{label}.{domain}"
