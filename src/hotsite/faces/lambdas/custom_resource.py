"""CloudFormation's custom resource protocol: work, then answer, whatever happens.

Source: CloudFormation user guide, "Custom resource request objects" and
"Custom resource response objects".
"""

import json
import logging
import time
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from hotsite.errors import RetryableError

_LOG = logging.getLogger(__name__)
_ANSWER_LIMIT_S = 10
# CloudFormation takes 4,096 bytes of an answer in all.
_REASON_LENGTH = 1000

Work = Callable[[], Mapping[str, str]]


def answer(event: Mapping[str, Any], name: str, work: Work) -> None:
    """Do the work and tell CloudFormation how it went.

    A custom resource that does not answer blocks its stack until the time limit,
    so every failure becomes an answer.

    Args:
        event: The request object.
        name: Physical identifier, the same for ever: another one would make
            CloudFormation delete the "old" resource.
        work: What to do; returns what ``Fn::GetAtt`` can read.
    """
    said: dict[str, Any] = {"Status": "SUCCESS"}
    try:
        said["Data"] = dict(work())
    except Exception as error:  # noqa: BLE001 - no answer would block the stack
        _LOG.warning("custom resource failed", exc_info=True)
        reason = f"{type(error).__name__}: {error}"
        said = {"Status": "FAILED", "Reason": reason[:_REASON_LENGTH]}
    same = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    _put(event["ResponseURL"], {**same, "PhysicalResourceId": name, **said})


def retried(work: Work, *, tries: int, pause_s: float) -> Mapping[str, str]:
    """Do the work again while it fails in a way that may pass.

    Args:
        work: What to do; running it again must be safe.
        tries: How often in all, at least 1.
        pause_s: Between two tries, in seconds.

    Returns:
        What the work returned.

    Raises:
        HotsiteError: The last try failed, or the failure is permanent.
    """
    for _ in range(tries - 1):
        try:
            return work()
        except RetryableError as error:
            _LOG.info("custom resource waits", extra={"reason": str(error)})
            time.sleep(pause_s)
    return work()


def _put(url: str, document: Mapping[str, Any]) -> None:
    request = urllib.request.Request(  # noqa: S310 - CloudFormation chose the URL
        url,
        data=json.dumps(document).encode(),
        method="PUT",
        # The URL is signed for an empty content type.
        headers={"content-type": ""},
    )
    with urllib.request.urlopen(request, timeout=_ANSWER_LIMIT_S):  # noqa: S310 - the same
        _LOG.info("custom resource answered", extra={"status": document["Status"]})
