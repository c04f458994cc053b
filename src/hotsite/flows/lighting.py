"""See that the standby's compute is what it shall be, whatever a stack did to it."""

from collections.abc import Iterator

from hotsite.ports.operations import Compute


def settle(compute: Compute, *, is_on: bool) -> Iterator[str]:
    """Switch what is not as it shall be, and yield a line for each.

    CloudFormation compares templates, and does not look: what was switched by its own
    API since the last deployment it neither sees nor changes.

    Args:
        compute: The standby's.
        is_on: Whether it shall be on.

    Raises:
        UnreachableError: The Region did not answer.
    """
    if is_on:
        for name in compute.off():
            compute.switch_on(name)
            yield f"{name} is on"
        return
    for name in compute.on():
        compute.switch_off(name)
        yield f"{name} is off"
