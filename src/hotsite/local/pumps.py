"""What the movers between the two Regions share: where to, and how far behind."""

from dataclasses import dataclass

# Far below every limit of a health check, far above a loopback answer.
ANSWER_S_MAX = 2.0
CUT = "the Regions do not reach each other"


@dataclass(frozen=True, slots=True)
class Gateway:
    """How to reach one Region.

    Attributes:
        region: AWS Region code.
        address: Its loopback address.
        port: Of its AWS APIs.
    """

    region: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class PumpStatus:
    """How far one table is behind in one direction.

    Attributes:
        table: Name of the table, or of the source's bucket.
        source: Region that wrote.
        replica: Region that is written to.
        pending: Changes read from the source and not applied yet.
        lag_s: Age of the oldest of these; 0 when there is none; null when the
            source does not answer, because then nobody knows.
        applied: Changes handed over since the start.
        last_lag_s: From the write to the hand-over, of the last change; or null.
        trouble: Why nothing moves, or an empty text.
    """

    table: str
    source: str
    replica: str
    pending: int
    lag_s: float | None
    applied: int
    last_lag_s: float | None
    trouble: str
