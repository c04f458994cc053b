"""Say when messages that a function could not handle yet should come again."""

from collections.abc import Mapping, Sequence
from typing import Any

from hotsite.adapters.aws.session import translated

# "You can include up to 10 ChangeMessageVisibility requests" (SQS API).
_BATCH_MAX = 10


class RetryQueue:
    """Shows failed messages again sooner than their queue would."""

    def __init__(self, sqs: Any) -> None:
        """Take a boto3 client of SQS."""
        self._sqs = sqs
        self._urls: dict[str, str] = {}

    def delay(self, records: Sequence[Mapping[str, Any]], *, delay_s: int) -> None:
        """Show messages again after a time of our own.

        Args:
            records: As Lambda gave them, all of one queue.
            delay_s: From now, in seconds, 0 to 43,200.

        Raises:
            HotsiteError: A call failed; then they come when the queue says so.
        """
        for start in range(0, len(records), _BATCH_MAX):
            part = records[start : start + _BATCH_MAX]
            entries = [
                {
                    "Id": str(number),
                    "ReceiptHandle": record["receiptHandle"],
                    "VisibilityTimeout": delay_s,
                }
                for number, record in enumerate(part)
            ]
            url = self._url(part[0]["eventSourceARN"])
            with translated("delay messages"):
                self._sqs.change_message_visibility_batch(QueueUrl=url, Entries=entries)

    def _url(self, arn: str) -> str:
        if arn not in self._urls:
            _, _, _, _, account_id, name = arn.split(":")
            with translated(f"look up queue {name}"):
                answer = self._sqs.get_queue_url(
                    QueueName=name, QueueOwnerAWSAccountId=account_id
                )
            self._urls[arn] = answer["QueueUrl"]
        return self._urls[arn]
