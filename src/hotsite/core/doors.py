"""What a site answers by its names: which certificate, for how long, is it believed.

Each site must serve four names (the failover names and its own, of MQTT and of the
API), and it must serve the failover names *before* DNS leads there: nobody has time to
find out in an outage that the standby's certificate has run out.
"""

from dataclasses import dataclass

from hotsite.core.epoch import check_site

_DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Door:
    """One name of a site, as it was found by TLS with that name in SNI.

    Attributes:
        name: What was asked for.
        problem: What is wrong with it; empty when it is served and believed.
        expires_s: Until when its certificate is valid, seconds since the epoch; None
            when that could not be told.
        fingerprint: SHA-256 of the certificate that was served, hex; may be empty.
        is_silent: True when nobody answered at all.
    """

    name: str
    problem: str = ""
    expires_s: float | None = None
    fingerprint: str = ""
    is_silent: bool = False

    def days_left(self, now_s: float) -> float | None:
        """Return for how many days the certificate is valid."""
        return None if self.expires_s is None else (self.expires_s - now_s) / _DAY_S


@dataclass(frozen=True, slots=True)
class Knock:
    """Where to ask for a name.

    Attributes:
        name: What to ask for.
        at: The site's own name, whose address is dialled: the failover name itself
            leads wherever DNS leads now.
        is_mqtt: True for the port of MQTT, False for that of HTTPS.
    """

    name: str
    at: str
    is_mqtt: bool


def knocks(site: str, domain: str) -> tuple[Knock, ...]:
    """Return what has to answer at a site.

    Args:
        site: Its letter.
        domain: The owner's domain.
    """
    own = check_site(site)
    return tuple(
        Knock(name, f"{noun}-{own}.{domain}", is_mqtt=noun == "iot")
        for noun in ("iot", "api")
        for name in (f"{noun}.{domain}", f"{noun}-{own}.{domain}")
    )
