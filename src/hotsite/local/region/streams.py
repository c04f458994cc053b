"""Deliver DynamoDB stream records to Lambda as AWS event source mappings do.

ministack delivers a batch as one: it ignores ReportBatchItemFailures, splitting,
the retry limit and S3 as the destination of failures. This replaces its poller.
Sources: Lambda Developer Guide, "Process DynamoDB records with Lambda", "Configuring
partial batch response" and "Capturing discarded batches".
"""

import importlib
import json
import logging
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hotsite.errors import UnreachableError
from hotsite.local.region import objects
from hotsite.local.region.config import RegionConfig
from hotsite.local.region.faults import Faults

_logger = logging.getLogger(__name__)

BATCH_SIZE_DEFAULT = 100
RETRY_S_MIN = 0.2
RETRY_S_MAX = 10.0
FOREVER = -1


@dataclass(frozen=True, slots=True)
class Progress:
    """Where one mapping is in its stream.

    Attributes:
        position: how many records of the stream are behind it.
        attempts: failed deliveries of the batch that starts there.
        batch_size: records a batch; smaller while a failing batch is split.
    """

    position: int
    attempts: int
    batch_size: int


def after_success(progress: Progress, delivered: int, *, batch_size: int) -> Progress:
    """Return the progress after a batch that went through whole."""
    return Progress(progress.position + delivered, 0, batch_size)


def after_failure(
    progress: Progress, size: int, first_failed: int, *, is_split: bool
) -> Progress:
    """Return the progress after a batch that failed.

    Args:
        progress: before the batch.
        size: records in the batch.
        first_failed: place in the batch of the first failed record; 0 when the
            whole batch failed.
        is_split: BisectBatchOnFunctionError.

    Returns:
        What came before the first failed record is done. Otherwise the batch is
        split, which uses up no attempt, or tried again.
    """
    if first_failed > 0:
        return replace(progress, position=progress.position + first_failed, attempts=1)
    if is_split and size > 1:
        return replace(progress, batch_size=(size + 1) // 2)
    return replace(progress, attempts=progress.attempts + 1)


def first_failed(answer: object, records: Sequence[Mapping[str, Any]]) -> int | None:
    """Say which record of a batch failed first, by a function's answer.

    Args:
        answer: what the function returned.
        records: the batch.

    Returns:
        None when all went well; 0 also for an answer that names no record.
    """
    if isinstance(answer, str | bytes):
        answer = json.loads(answer or "null")
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if not failures:
        return None
    order = {
        record["dynamodb"]["SequenceNumber"]: place
        for place, record in enumerate(records)
    }
    places = [order.get(failure.get("itemIdentifier"), 0) for failure in failures]
    return min(places)


def retry_delay_s(attempts: int) -> float:
    """Return how long to wait before the next attempt, in seconds."""
    return float(min(RETRY_S_MAX, RETRY_S_MIN * 2 ** min(attempts, 10)))


def is_due(waiting: int, waited_s: float, *, batch_size: int, window_s: float) -> bool:
    """Say whether a batch goes now, or waits for more records.

    "Lambda reads records until it has a full batch or until the batching window
    expires" (Lambda Developer Guide, "Batching behavior").

    Args:
        waiting: records that could go.
        waited_s: for how long the first of them has waited.
        batch_size: records in a full batch.
        window_s: MaximumBatchingWindowInSeconds.
    """
    return waiting >= batch_size or waited_s >= window_s


class StreamPoller:
    """Replaces ministack's `_poll_dynamodb_streams`."""

    def __init__(self, config: RegionConfig, lambdas: Any, faults: Faults) -> None:
        self._config = config
        self._faults = faults
        self._lambdas = lambdas
        self._dynamodb: Any = importlib.import_module("ministack.services.dynamodb")
        self._scope: Any = importlib.import_module("ministack.core.responses")
        self._progress: dict[str, Progress] = {}
        self._not_before_s: dict[str, float] = {}
        self._waiting_since_s: dict[str, float] = {}

    def poll(self) -> bool:
        """Start a delivery for each mapping that has records and none in flight.

        Returns:
            Whether any was started; ministack then polls again at once.
        """
        is_any = False
        if self._faults.now.are_tables_failing:
            # Streams are DynamoDB's; nothing of them is lost for being late.
            return False
        for account_id, region, mapping in self._lambdas._iter_all_esms():  # noqa: SLF001 - ministack's own list
            with self._scope.request_scope(account_id, region):
                if self._start(mapping):
                    is_any = True
        return is_any

    def _start(self, mapping: Mapping[str, Any]) -> bool:
        identifier = mapping["UUID"]
        source = str(mapping.get("EventSourceArn", ""))
        is_idle = mapping.get("Enabled", True) and ":dynamodb:" in source
        is_busy = self._lambdas._esm_inflight.get(identifier)  # noqa: SLF001 - upstream's own count
        is_early = self._not_before_s.get(identifier, 0.0) > time.monotonic()
        if not is_idle or is_busy or is_early or "/stream/" not in source:
            return False
        name = source.partition("/stream/")[0].rpartition("/")[2]
        table = self._dynamodb._tables.get(name)  # noqa: SLF001 - no public look-up
        if not table or table.get("LatestStreamArn") != source:
            return False
        function, _config = self._lambdas._get_func_record_for_qualifier(  # noqa: SLF001 - no public look-up
            mapping["FunctionName"], mapping.get("Qualifier")
        )
        progress = self._current(mapping, name)
        records = self._dynamodb.stream_records_since(
            name, progress.position, progress.batch_size
        )
        if function is None or not records:
            return False
        if not self._is_due(mapping, progress, len(records)):
            return False
        self._lambdas._dispatch_esm_batch(  # noqa: SLF001 - one in flight for each mapping
            identifier, self._deliver, mapping, function, progress, list(records)
        )
        return True

    def _is_due(
        self, mapping: Mapping[str, Any], progress: Progress, waiting: int
    ) -> bool:
        now_s = time.monotonic()
        since_s = self._waiting_since_s.setdefault(mapping["UUID"], now_s)
        window_s = float(mapping.get("MaximumBatchingWindowInSeconds") or 0)
        if not is_due(
            waiting, now_s - since_s, batch_size=progress.batch_size, window_s=window_s
        ):
            return False
        del self._waiting_since_s[mapping["UUID"]]
        return True

    def _current(self, mapping: Mapping[str, Any], table_name: str) -> Progress:
        identifier = mapping["UUID"]
        horizon = self._dynamodb.stream_start_position(table_name)
        progress = self._progress.get(identifier)
        if progress is None:
            # ministack anchors LATEST when the mapping is created.
            anchored = self._lambdas._dynamodb_stream_positions  # noqa: SLF001 - no public look-up
            progress = Progress(anchored.get(identifier, horizon), 0, _size(mapping))
        return replace(progress, position=max(progress.position, horizon))

    def _deliver(
        self,
        mapping: dict[str, Any],
        function: Mapping[str, Any],
        progress: Progress,
        records: Sequence[Mapping[str, Any]],
    ) -> None:
        chosen = self._lambdas._apply_filter_criteria(list(records), mapping)  # noqa: SLF001 - upstream's filters
        result = (
            self._lambdas._execute_function(function, {"Records": chosen})  # noqa: SLF001 - upstream's workers
            if chosen
            else {}
        )
        failed = self._first_failed(mapping, result, records)
        if failed is None:
            mapping["LastProcessingResult"] = "OK"
            later = after_success(progress, len(records), batch_size=_size(mapping))
        else:
            mapping["LastProcessingResult"] = "PROBLEM: Function call failed"
            is_split = bool(mapping.get("BisectBatchOnFunctionError"))
            later = after_failure(progress, len(records), failed, is_split=is_split)
            condition = self._exhausted(mapping, later, records[failed:])
            if condition is not None:
                left = records[failed:]
                self._discard(mapping, function, left, result, condition)
                later = after_success(later, len(left), batch_size=_size(mapping))
        identifier = mapping["UUID"]
        delay_s = retry_delay_s(later.attempts) if later.attempts else 0.0
        self._not_before_s[identifier] = time.monotonic() + delay_s
        self._progress[identifier] = later
        # ministack's own note of it: a Region that comes back goes on from there.
        self._lambdas._dynamodb_stream_positions.set_scoped(  # noqa: SLF001 - no public setter
            self._config.account_id, self._config.region, identifier, later.position
        )

    def _first_failed(
        self,
        mapping: Mapping[str, Any],
        result: Mapping[str, Any],
        records: Sequence[Mapping[str, Any]],
    ) -> int | None:
        if result.get("error"):
            _logger.warning(
                "batch_failed function=%s error=%s",
                mapping["FunctionName"],
                result.get("body"),
            )
            return 0
        if "ReportBatchItemFailures" not in (
            mapping.get("FunctionResponseTypes") or ()
        ):
            return None
        return first_failed(result.get("body"), records)

    def _exhausted(
        self,
        mapping: Mapping[str, Any],
        later: Progress,
        left: Sequence[Mapping[str, Any]],
    ) -> str | None:
        attempts_max = _limit(mapping, "MaximumRetryAttempts")
        # The first delivery is not a retry.
        if attempts_max != FOREVER and later.attempts > attempts_max:
            return "RetryAttemptsExhausted"
        age_s_max = _limit(mapping, "MaximumRecordAgeInSeconds")
        written_at_s = left[0]["dynamodb"]["ApproximateCreationDateTime"]
        if age_s_max != FOREVER and time.time() - float(written_at_s) > age_s_max:
            return "MaxRecordAgeExceeded"
        return None

    def _discard(
        self,
        mapping: Mapping[str, Any],
        function: Mapping[str, Any],
        left: Sequence[Mapping[str, Any]],
        result: Mapping[str, Any],
        condition: str,
    ) -> None:
        failure = (mapping.get("DestinationConfig") or {}).get("OnFailure") or {}
        destination = str(failure.get("Destination") or "")
        source = mapping["EventSourceArn"]
        if not destination.startswith("arn:aws:s3:::"):
            self._lambdas._send_ddb_stream_failure_record(  # noqa: SLF001 - SQS and SNS as upstream has them
                mapping, function, list(left), source, result, condition
            )
            return
        document = _invocation_record(mapping, left, condition)
        shard = document["DDBStreamBatchInfo"]["shardId"]
        now = time.gmtime()
        # Lambda Developer Guide: aws/lambda/<mapping>/<shard>/YYYY/MM/DD/<time>-<id>.
        day, moment = time.strftime("%Y/%m/%d %Y-%m-%dT%H.%M.%S", now).split()
        key = f"aws/lambda/{mapping['UUID']}/{shard}/{day}/{moment}-{uuid.uuid4()}"
        bucket = destination.rpartition(":")[2]
        try:
            objects.put(self._config, bucket, key, json.dumps(document).encode())
        except UnreachableError as error:
            _logger.warning("batch_lost bucket=%s error=%s", bucket, error)


def _invocation_record(
    mapping: Mapping[str, Any], left: Sequence[Mapping[str, Any]], condition: str
) -> dict[str, Any]:
    first, last = left[0]["dynamodb"], left[-1]["dynamodb"]
    return {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": mapping.get("FunctionArn", ""),
            "condition": condition,
        },
        "version": "1.0",
        "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "DDBStreamBatchInfo": {
            "shardId": "shardId-00000000000000000000-00000000",
            "startSequenceNumber": first["SequenceNumber"],
            "endSequenceNumber": last["SequenceNumber"],
            "batchSize": len(left),
            "streamArn": mapping["EventSourceArn"],
        },
        # Only S3 gets the records themselves.
        "payload": json.dumps({"Records": list(left)}),
    }


def _size(mapping: Mapping[str, Any]) -> int:
    return int(mapping.get("BatchSize") or BATCH_SIZE_DEFAULT)


def _limit(mapping: Mapping[str, Any], name: str) -> int:
    value = mapping.get(name)
    return FOREVER if value is None else int(value)
