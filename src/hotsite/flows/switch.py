"""Answer ``GET /switch`` from this Region's own replica, and from nothing else."""

from hotsite.core.standing import FencePolicy, SwitchAnswer, switch
from hotsite.ports import Clock
from hotsite.ports.operations import Operations


def serve(
    operations: Operations, site: str, clock: Clock, policy: FencePolicy
) -> SwitchAnswer:
    """Say whether a site is active, and by which epoch.

    Args:
        operations: The table's replica in this Region.
        site: The letter of the site.
        clock: The time.
        policy: How long what was seen may be believed.

    Raises:
        UnreachableError: The table did not answer. To a health checker that is as
            good as "no", so nothing moves.
    """
    return switch(operations.read(), site, now_s=clock.now_s(), policy=policy)
