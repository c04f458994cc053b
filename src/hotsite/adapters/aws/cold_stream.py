"""``ports.telemetry.ColdStream`` on a Firehose delivery stream.

PutRecordBatch takes 500 records and 4 MiB, and tells of each whether it was taken
(Amazon Data Firehose API reference).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from hotsite.adapters.aws.session import translated
from hotsite.core.arrivals import Arrival, cold_line

_RECORDS_MAX = 500
_BYTES_MAX = 4 * 1024 * 1024


class FirehoseColdStream:
    """Implements ``ports.telemetry.ColdStream``."""

    def __init__(self, firehose: Any, stream: str) -> None:
        """Take a boto3 client of Amazon Data Firehose and the stream's name."""
        self._firehose = firehose
        self._stream = stream

    def put(self, arrivals: Sequence[Arrival]) -> tuple[Arrival, ...]:
        """Hand messages over; return those that the stream had no room for."""
        left: list[Arrival] = []
        for part in _parts(arrivals):
            with translated("write into the cold stream"):
                answer = self._firehose.put_record_batch(
                    DeliveryStreamName=self._stream,
                    Records=[{"Data": line} for _, line in part],
                )
            fates = answer["RequestResponses"]
            left += [
                arrival
                for (arrival, _), fate in zip(part, fates, strict=True)
                if fate.get("ErrorCode")
            ]
        return tuple(left)


def _parts(arrivals: Sequence[Arrival]) -> Iterator[list[tuple[Arrival, bytes]]]:
    part: list[tuple[Arrival, bytes]] = []
    size = 0
    for arrival in arrivals:
        line = cold_line(arrival)
        if len(part) == _RECORDS_MAX or size + len(line) > _BYTES_MAX:
            yield part
            part, size = [], 0
        part.append((arrival, line))
        size += len(line)
    if part:
        yield part
