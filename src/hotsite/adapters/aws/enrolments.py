"""``ports.enrolment`` on the registry table and a site's own tables."""

from decimal import Decimal
from typing import Any

from hotsite.adapters.aws import enrolment_items, items
from hotsite.adapters.aws.items import from_wire, to_wire
from hotsite.adapters.aws.quotas import DynamoQuota
from hotsite.adapters.aws.session import translated
from hotsite.adapters.aws.tables import DynamoRecords
from hotsite.core.enrolment import (
    AuditLine,
    Deed,
    Owned,
    Rotation,
    Sighting,
    owner_key,
)
from hotsite.core.registry import Certificate, Record
from hotsite.errors import ConflictError, ThrottledError, TooOftenError
from hotsite.ports import Clock
from hotsite.ports.enrolment import OwnedPage

_IS_NEW = "attribute_not_exists(pk)"


class DynamoEnrolments:
    """Implements ``ports.Enrolments`` on the registry table."""

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        records: DynamoRecords,
        *,
        origin: str,
        clock: Clock,
    ) -> None:
        """Take a client, the table, who writes its records, the Region, the time."""
        self._dynamodb = dynamodb
        self._table = table
        self._records = records
        self._origin = origin
        self._clock = clock

    def owned(self, subject: str, *, after: str | None, limit: int) -> OwnedPage:
        """Return some of a user's devices."""
        with translated("list the devices of a user"):
            answer = self._dynamodb.query(
                TableName=self._table,
                KeyConditionExpression="pk = :pk AND sk > :after",
                ExpressionAttributeValues={
                    ":pk": {"S": enrolment_items.owner_place(subject)},
                    ":after": {"S": f"thing#{after or ''}"},
                },
                ConsistentRead=True,
                Limit=limit,
            )
        owned = tuple(
            enrolment_items.owned_of(from_wire(item)) for item in answer["Items"]
        )
        is_more = bool(owned) and "LastEvaluatedKey" in answer
        return OwnedPage(owned, owned[-1].thing if is_more else None)

    def find(self, subject: str, thing: str) -> Owned | None:
        """Return a device, if it is this user's."""
        place = {"pk": enrolment_items.owner_place(subject), "sk": f"thing#{thing}"}
        item = self._item(place, f"look up the owner of {thing}")
        return None if item is None else enrolment_items.owned_of(item)

    def rotation(self, thing: str, csr_digest: str) -> Certificate | None:
        """Return what a signing request was answered with, or nothing."""
        place = enrolment_items.rotation_place(thing, csr_digest)
        item = self._item(place, f"look up a rotation of {thing}")
        return None if item is None else enrolment_items.rotated_of(item)

    def write_rotated(
        self, rotation: Rotation, record: Record, *, previous: Record
    ) -> None:
        """Write a rotation, the record and a line of audit, all or nothing."""
        certificate_id = rotation.certificate.certificate_id
        line = AuditLine(rotation.thing, Deed.ROTATED, certificate_id, rotation.subject)
        stamp: dict[str, Any] = {"origin": self._origin, "now_s": self._clock.now_s()}
        also = [
            self._new(enrolment_items.rotation_item(rotation, **stamp)),
            self._new(enrolment_items.audit_item(line, **stamp)),
        ]
        writes = [{"Put": put} for put in also]
        with translated(f"rotate the certificate of {rotation.thing}"):
            self._dynamodb.transact_write_items(
                TransactItems=[*self._records.writes_of(record, previous), *writes]
            )

    def note(self, line: AuditLine) -> None:
        """Write a line of audit; one that is there already stays as it is."""
        item = enrolment_items.audit_item(
            line, origin=self._origin, now_s=self._clock.now_s()
        )
        try:
            with translated(f"note what was done to {line.thing}"):
                self._dynamodb.put_item(**self._new(item))
        except ConflictError:
            return

    def audit(self, thing: str) -> tuple[AuditLine, ...]:
        """Return what was done to a device, oldest first."""
        lines: list[AuditLine] = []
        with translated(f"read the audit of {thing}"):
            pages = self._dynamodb.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={
                    ":pk": {"S": f"{enrolment_items.AUDIT}{thing}"}
                },
                ConsistentRead=True,
            )
            for page in pages:
                lines += [
                    enrolment_items.audit_line_of(from_wire(item))
                    for item in page["Items"]
                ]
        return tuple(sorted(lines, key=lambda line: (line.at_s, line.certificate_id)))

    def _item(self, place: items.Item, what: str) -> items.Item | None:
        with translated(what):
            answer = self._dynamodb.get_item(
                TableName=self._table, Key=to_wire(place), ConsistentRead=True
            )
        return from_wire(answer["Item"]) if "Item" in answer else None

    def _new(self, item: items.Item) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Item": to_wire(item),
            "ConditionExpression": _IS_NEW,
        }


class DynamoLastMessages:
    """Implements ``ports.LastMessages`` on this Region's replica of the hot table."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        """Take a client and the table's name."""
        self._dynamodb = dynamodb
        self._table = table

    def read(self, thing: str) -> Sighting | None:
        """Return when and where a device was last heard, or nothing."""
        with translated(f"look for the last message of {thing}"):
            answer = self._dynamodb.query(
                TableName=self._table,
                KeyConditionExpression="pk = :thing",
                ExpressionAttributeValues={":thing": {"S": thing}},
                ProjectionExpression="received_at_s, published_at_s, origin",
                # Sort keys sort as (epoch, seq) do.
                ScanIndexForward=False,
                Limit=1,
            )
        for item in answer["Items"]:
            found = from_wire(item)
            at_s = found.get("received_at_s", found.get("published_at_s"))
            if isinstance(at_s, Decimal):
                origin = found.get("origin")
                return Sighting(float(at_s), str(origin) if origin else None)
        return None


class DynamoAllowance:
    """Implements ``ports.Allowance`` on this Region's own table."""

    def __init__(
        self,
        dynamodb: Any,
        table: str,
        *,
        clock: Clock,
        rate_per_s: float,
        burst_s: float,
    ) -> None:
        """Take a client, the table, the time, and how much each user may ask.

        Args:
            dynamodb: A boto3 client of DynamoDB.
            table: Name of the Region's own table.
            clock: The time.
            rate_per_s: How many requests a second, in the long run; above 0.
            burst_s: How many seconds' worth may come at once.
        """
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._rate_per_s = rate_per_s
        self._burst_s = burst_s

    def spend(self, subject: str) -> None:
        """Count one request."""
        name = f"user-{owner_key(subject)}"
        # Slots are not waited for: how far the next one is says how much was asked.
        quota = DynamoQuota(
            self._dynamodb, self._table, {name: self._rate_per_s}, clock=self._clock
        )
        try:
            quota.take(name, wait_s_max=self._burst_s)
        except ThrottledError as error:
            raise TooOftenError("too many requests; wait a second") from error
