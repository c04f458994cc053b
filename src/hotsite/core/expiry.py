"""How long signatures of firmware metadata last: longer than their signer is away.

A device takes metadata that expired for frozen: somebody may be holding back what is
newer. So the metadata has to outlive the longest time in which nobody signs, or the
loss of the signing service stops every update in every Region at once.
"""

import itertools
from dataclasses import dataclass

from hotsite.errors import InvalidInputError

_DAY_H = 24.0


@dataclass(frozen=True, slots=True)
class FirmwareSettings:
    """When what was signed expires, and what that has to outlive.

    Attributes:
        renewal_interval_h: How often snapshot and timestamp are signed anew, in
            hours; the older they are when the signing service dies, the less is left.
        signing_rto_h: How long the signing service may be away, in hours.
        publish_lag_h: How long it may take until both Regions have what was signed,
            in hours; a Region that is dead meanwhile is not counted.
        timestamp_days: How long a timestamp lasts, in days.
        snapshot_days: How long a snapshot lasts, in days.
        targets_days: How long a list of images lasts, in days.
        root_days: How long the keys last, in days.
    """

    renewal_interval_h: float = 24.0
    signing_rto_h: float = 72.0
    publish_lag_h: float = 24.0
    timestamp_days: float = 7.0
    snapshot_days: float = 14.0
    targets_days: float = 90.0
    root_days: float = 365.0

    @property
    def needed_h(self) -> float:
        """Return what the shortest signature has to outlive, in hours."""
        return self.renewal_interval_h + self.signing_rto_h + self.publish_lag_h

    @property
    def slack_h(self) -> float:
        """Return how much the timestamp lasts longer than it has to, in hours."""
        return self.timestamp_days * _DAY_H - self.needed_h


def check(settings: FirmwareSettings, *, where: str) -> None:
    """Refuse signatures that end before their signer is back.

    Args:
        settings: What was set.
        where: Where; the message begins with it.

    Raises:
        InvalidInputError: A time is not positive, or the arithmetic does not hold.
    """
    hours = ("renewal_interval_h", "signing_rto_h", "publish_lag_h")
    for name in hours:
        if getattr(settings, name) <= 0:
            raise InvalidInputError(f"{where}: firmware.{name} must be more than 0")
    if settings.slack_h < 0:
        raise InvalidInputError(
            f"{where}: firmware.timestamp_days is {settings.timestamp_days:g}"
            f" ({settings.timestamp_days * _DAY_H:g} h), which has to outlive"
            f" {settings.renewal_interval_h:g} h between renewals"
            f" + {settings.signing_rto_h:g} h without the signing service"
            f" + {settings.publish_lag_h:g} h until both Regions have it"
            f" = {settings.needed_h:g} h; set it to {settings.needed_h / _DAY_H:g} or"
            " more"
        )
    chain = ("timestamp_days", "snapshot_days", "targets_days", "root_days")
    for shorter, longer in itertools.pairwise(chain):
        if getattr(settings, longer) < getattr(settings, shorter):
            raise InvalidInputError(
                f"{where}: firmware.{longer} must be firmware.{shorter} or more"
            )
