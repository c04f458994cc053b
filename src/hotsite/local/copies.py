"""The stand-in of S3's replication between Regions.

Amazon S3 copies the objects that a bucket's replication rules cover, later, into a
bucket of another Region; replicas are not replicated again, and a delete marker
stays where it is ("What does Amazon S3 replicate?"). Here one copier a direction
reads the rules of the source's buckets, compares what both sides have, and copies
what is missing. What has not left a Region when it dies stays there until it
returns: the source must answer for each object.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from hotsite.local import gateways
from hotsite.local.pumps import CUT, Gateway, PumpStatus

_LOOK_EVERY_S = 1.0
_RULES_EVERY_S = 10.0


@dataclass(frozen=True, slots=True)
class Rule:
    """What a bucket replicates, and to where."""

    bucket: str
    prefix: str
    replica: str


@dataclass(frozen=True, slots=True)
class Listed:
    """One object, as its bucket lists it.

    Attributes:
        key: Its name.
        etag: Differs when its content does.
        written_at_s: When, in seconds since the epoch.
    """

    key: str
    etag: str
    written_at_s: float


def rules_in(bucket: str, configuration: Mapping[str, Any]) -> Iterator[Rule]:
    """Yield the rules that are on in a replication configuration.

    Args:
        bucket: Whose it is.
        configuration: As GetBucketReplication answers it.
    """
    for rule in configuration["Rules"]:
        if rule["Status"] == "Enabled":
            prefix = rule.get("Filter", {}).get("Prefix", "")
            replica = rule["Destination"]["Bucket"].rpartition(":")[2]
            yield Rule(bucket, prefix, replica)


class Copier(threading.Thread):
    """Copies one Region's objects to the other.

    Args:
        source: The Region that wrote.
        replica: The Region that is written to.
        account_id: 12 digits; the access key.
        lag_s: How old an object must be.
    """

    def __init__(
        self, source: Gateway, replica: Gateway, *, account_id: str, lag_s: float
    ) -> None:
        super().__init__(daemon=True, name=f"copies {source.region}")
        self.lag_s = lag_s
        self.is_cut = False
        self._regions = (source.region, replica.region)
        self._source = gateways.client("s3", source, account_id)
        self._replica = gateways.client("s3", replica, account_id)
        self._done: dict[Rule, dict[str, str]] = {}
        self._pending: dict[Rule, list[Listed]] = {}
        self._copied: dict[Rule, int] = {}
        self._last_lag_s: dict[Rule, float] = {}
        self._trouble = "not asked yet"
        self._rules: list[Rule] = []
        self._ask_again_s = 0.0

    def run(self) -> None:
        """Copy for ever; what fails is tried again."""
        while True:
            try:
                self.step()
                self._trouble = ""
            except (BotoCoreError, ClientError, OSError) as error:
                self._trouble = f"{type(error).__name__}: {error}"
            time.sleep(_LOOK_EVERY_S)

    def step(self) -> None:
        """Copy what is due; what is not, is known as pending."""
        # Rules seldom change, and asking for them costs a call a bucket.
        if time.monotonic() >= self._ask_again_s:
            self._rules = self._due_here(list(self._read_rules()))
            self._ask_again_s = time.monotonic() + self._rules_s
        for rule in self._rules:
            if rule not in self._done:
                there = _listed(self._replica, rule.replica, rule.prefix)
                self._done[rule] = {each.key: each.etag for each in there}
            done = self._done[rule]
            pending = [
                each
                for each in _listed(self._source, rule.bucket, rule.prefix)
                if done.get(each.key) != each.etag
            ]
            self._pending[rule] = pending
            for each in list(pending):
                if self.is_cut:
                    raise ConnectionError(CUT)
                if each.written_at_s + self.lag_s <= time.time():
                    self._copy(rule, each)
                    done[each.key] = each.etag
                    pending.remove(each)

    def status(self, *, now_s: float) -> Iterator[PumpStatus]:
        """Yield how far each bucket is behind.

        Args:
            now_s: Seconds since the epoch.
        """
        for rule, pending in dict(self._pending).items():
            ages = [now_s - each.written_at_s for each in list(pending)]
            last_lag_s = self._last_lag_s.get(rule)
            yield PumpStatus(
                table=rule.bucket,
                source=self._regions[0],
                replica=self._regions[1],
                pending=len(ages),
                lag_s=None if self._trouble else round(max((0.0, *ages)), 3),
                applied=self._copied.get(rule, 0),
                last_lag_s=last_lag_s,
                trouble=self._trouble,
            )

    @property
    def _rules_s(self) -> float:
        return _RULES_EVERY_S if self._rules else _LOOK_EVERY_S

    def _read_rules(self) -> Iterator[Rule]:
        for bucket in self._source.list_buckets()["Buckets"]:
            name = bucket["Name"]
            try:
                found = self._source.get_bucket_replication(Bucket=name)
            except ClientError as error:
                code = error.response["Error"]["Code"]
                if code != "ReplicationConfigurationNotFoundError":
                    raise
                continue
            yield from rules_in(name, found["ReplicationConfiguration"])

    def _due_here(self, rules: list[Rule]) -> list[Rule]:
        """Return the rules whose bucket is in the replica's Region."""
        if len({rule.replica for rule in rules}) <= 1:
            return rules
        there = {one["Name"] for one in self._replica.list_buckets()["Buckets"]}
        return [rule for rule in rules if rule.replica in there]

    def _copy(self, rule: Rule, each: Listed) -> None:
        found = self._source.get_object(Bucket=rule.bucket, Key=each.key)
        self._replica.put_object(
            Bucket=rule.replica,
            Key=each.key,
            Body=found["Body"].read(),
            ContentType=found["ContentType"],
            Metadata=found["Metadata"],
        )
        self._copied[rule] = self._copied.get(rule, 0) + 1
        self._last_lag_s[rule] = round(max(0.0, time.time() - each.written_at_s), 3)


def _listed(store: Any, bucket: str, prefix: str) -> Iterator[Listed]:
    pages = store.get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=bucket, Prefix=prefix):
        for each in page.get("Contents", ()):
            written_at_s = each["LastModified"].timestamp()
            yield Listed(each["Key"], each["ETag"], written_at_s)
