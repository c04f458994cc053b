"""What can be broken in a local cloud, and what ends it. Values only."""

from dataclasses import dataclass

from hotsite.errors import InvalidInputError

BROKER, TABLES, BROWN_OUT = "broker", "tables", "brown-out"
CONTROL_PLANE, UNSEEN = "control-plane", "unseen"
PARTITION, DNS_FREEZE = "partition", "dns-freeze"

# Of a Region's whole process group, by signals; each with what ends it.
SIGNALS = {"kill": "return", "freeze": "thaw"}
OF_A_REGION = (BROKER, TABLES, BROWN_OUT, CONTROL_PLANE, UNSEEN)
OF_THE_CLOUD = (PARTITION, DNS_FREEZE)
MENDABLE = (*SIGNALS, *OF_A_REGION, *OF_THE_CLOUD)
# ``thaw`` and ``return`` are orders as well, not only what mends.
KINDS = (*SIGNALS, *SIGNALS.values(), *OF_A_REGION, *OF_THE_CLOUD)


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault that lasts until it is mended.

    Attributes:
        kind: One of `OF_A_REGION` or `OF_THE_CLOUD`.
        region: AWS Region code; empty for one of the whole cloud.
        share: Of a brown-out: what fails or hangs, above 0 up to 1.
        seed: Of a brown-out's draws.
    """

    kind: str
    region: str = ""
    share: float = 0.0
    seed: int = 0

    def is_same(self, other: "Fault") -> bool:
        """Tell whether one of the two replaces the other."""
        return (self.kind, self.region) == (other.kind, other.region)


def check(fault: Fault) -> None:
    """Refuse a fault that cannot be injected.

    Args:
        fault: Kind, Region and share as they were given.

    Raises:
        InvalidInputError: It is none, or lacks its Region or share, or has one
            that it does not take.
    """
    kind = fault.kind
    if kind not in KINDS:
        raise InvalidInputError(f"a fault is one of {', '.join(KINDS)}")
    check_place(kind, fault.region)
    if kind == BROWN_OUT and not 0 < fault.share <= 1:
        raise InvalidInputError("a brown-out needs a share, above 0 up to 1")
    if kind != BROWN_OUT and fault.share:
        raise InvalidInputError(f"only a brown-out has a share, not {kind}")


def check_place(kind: str, region: str) -> None:
    """Refuse a Region where none is meant, and none where one is.

    Raises:
        InvalidInputError: The message says which.
    """
    if kind in OF_THE_CLOUD and region:
        raise InvalidInputError(f"{kind} is of the whole cloud: name no Region")
    if kind not in OF_THE_CLOUD and not region:
        raise InvalidInputError(f"{kind} is of one Region: say which")
