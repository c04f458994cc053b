"""The system of record, the claim ledger and the applied table on DynamoDB."""

from typing import Any

from hotsite.adapters.aws import items
from hotsite.adapters.aws.session import translated
from hotsite.core.health import HealthVerdict
from hotsite.core.onboarding import Entry
from hotsite.core.registry import Record
from hotsite.ports import Applied, Clock


class DynamoRecords:
    """Implements ``ports.Records`` on the registry table."""

    def __init__(self, dynamodb: Any, table: str, *, origin: str, clock: Clock) -> None:
        """Take a client, the table's name and the Region that writes."""
        self._dynamodb = dynamodb
        self._table = table
        self._origin = origin
        self._clock = clock

    def read(self, name: str) -> Record:
        """Return the whole record of a name, read consistently."""
        found: list[items.Item] = []
        with translated(f"read the record of {name}"):
            pages = self._dynamodb.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": items.thing_key(name)}},
                ConsistentRead=True,
            )
            for page in pages:
                found += [items.from_wire(item) for item in page["Items"]]
        return items.record_of(name, found)

    def write_enrolled(self, entry: Entry, record: Record) -> None:
        """Write the claim's answer and the device's record, all or nothing."""
        stamp: dict[str, Any] = {"origin": self._origin, "now_s": self._clock.now_s()}
        certificates = [
            items.certificate_item(record.name, certificate, **stamp)
            for certificate in record.certificates
        ]
        puts = [items.thing_item(record, **stamp), *certificates]
        claim = {
            "TableName": self._table,
            "Item": items.to_wire(items.claim_item(entry, **stamp)),
            "ConditionExpression": (
                "csr_digest = :csr AND attribute_not_exists(certificate_id)"
            ),
            "ExpressionAttributeValues": {":csr": {"S": entry.csr_digest}},
        }
        with translated(f"enrol {record.name}"):
            self._dynamodb.transact_write_items(
                TransactItems=[
                    {"Put": claim},
                    *(
                        {"Put": {"TableName": self._table, "Item": items.to_wire(item)}}
                        for item in puts
                    ),
                ]
            )

    def write_revoked(self, name: str, certificate_id: str) -> None:
        """Write the revocation of a certificate, once and for ever."""
        item = items.revocation_item(
            name, certificate_id, origin=self._origin, now_s=self._clock.now_s()
        )
        with translated(f"revoke a certificate of {name}"):
            try:
                self._dynamodb.put_item(
                    TableName=self._table,
                    Item=items.to_wire(item),
                    ConditionExpression="attribute_not_exists(pk)",
                )
            except self._dynamodb.exceptions.ConditionalCheckFailedException:
                return


class DynamoClaims:
    """Implements ``ports.Claims`` on the registry table."""

    def __init__(self, dynamodb: Any, table: str, *, origin: str, clock: Clock) -> None:
        """Take a client, the table's name and the Region that writes."""
        self._dynamodb = dynamodb
        self._table = table
        self._origin = origin
        self._clock = clock

    def read(self, claim_id: str) -> Entry | None:
        """Return a claim's line, or nothing when there is none."""
        key = {"pk": {"S": f"claim#{claim_id}"}, "sk": {"S": "claim"}}
        with translated(f"read claim {claim_id}"):
            answer = self._dynamodb.get_item(
                TableName=self._table, Key=key, ConsistentRead=True
            )
        if "Item" not in answer:
            return None
        return items.entry_of(items.from_wire(answer["Item"]))

    def add(self, entry: Entry) -> None:
        """Add an unused line; one that is there already is left as it is."""
        with translated(f"add claim {entry.claim_id}"):
            try:
                self._put(entry, "attribute_not_exists(pk)", {})
            except self._dynamodb.exceptions.ConditionalCheckFailedException:
                return

    def take(self, entry: Entry) -> None:
        """Mark a claim as taken by the CSR in the entry, if it was free.

        A late twin of a request that was answered meanwhile gets a conflict too:
        taking anew would wipe the answer out.
        """
        is_mine = "csr_digest = :csr AND attribute_not_exists(certificate_id)"
        with translated(f"take claim {entry.claim_id}"):
            self._put(
                entry,
                f"attribute_not_exists(csr_digest) OR ({is_mine})",
                {":csr": {"S": entry.csr_digest}},
            )

    def _put(self, entry: Entry, condition: str, values: dict[str, Any]) -> None:
        item = items.claim_item(entry, origin=self._origin, now_s=self._clock.now_s())
        given = {"ExpressionAttributeValues": values} if values else {}
        self._dynamodb.put_item(
            TableName=self._table,
            Item=items.to_wire(item),
            ConditionExpression=condition,
            **given,
        )


class DynamoAppliedRecords:
    """Implements ``ports.AppliedRecords`` on the Region's own table."""

    def __init__(self, dynamodb: Any, table: str) -> None:
        """Take a client and the table's name."""
        self._dynamodb = dynamodb
        self._table = table

    def read(self, name: str) -> Applied | None:
        """Return what was applied of a name, or nothing."""
        with translated(f"read what was applied of {name}"):
            answer = self._dynamodb.get_item(
                TableName=self._table,
                Key={"name": {"S": items.thing_key(name)}},
                ConsistentRead=True,
            )
        if "Item" not in answer:
            return None
        return _applied_of(name, items.from_wire(answer["Item"]))

    def write(self, applied: Applied, *, previous: Applied | None) -> None:
        """Write what was applied, if nobody else did since it was read."""
        record = applied.record
        item = {
            "name": items.thing_key(record.name),
            "v": items.VERSION,
            "items": _record_items(record),
            "is_deleted": record.is_deleted,
            "written_at_s": record.written_at_s,
            "digest": record.digest,
            "applied_at_s": applied.applied_at_s,
            "lag_s": applied.lag_s,
            "call_count": applied.call_count,
            "failure": applied.failure,
        }
        condition: dict[str, Any] = {
            "ConditionExpression": "attribute_not_exists(#name)",
            "ExpressionAttributeNames": {"#name": "name"},
        }
        if previous is not None:
            condition = {
                "ConditionExpression": "digest = :digest",
                "ExpressionAttributeValues": {":digest": {"S": previous.record.digest}},
            }
        with translated(f"write what was applied of {record.name}"):
            self._dynamodb.put_item(
                TableName=self._table, Item=items.to_wire(item), **condition
            )


class DynamoHealthVerdicts:
    """Implements ``ports.HealthVerdicts`` on the Region's own table."""

    _KEY = "health#canary"

    def __init__(self, dynamodb: Any, table: str) -> None:
        """Take a client and the table's name."""
        self._dynamodb = dynamodb
        self._table = table

    def read(self) -> HealthVerdict | None:
        """Return the last verdict, or nothing when there is none."""
        with translated("read the health verdict"):
            answer = self._dynamodb.get_item(
                TableName=self._table, Key={"name": {"S": self._KEY}}
            )
        if "Item" not in answer:
            return None
        item = items.from_wire(answer["Item"])
        with items.readable(item):
            took_s = item.get("took_s")
            return HealthVerdict(
                is_healthy=bool(item["is_healthy"]),
                reason=item["reason"],
                seen_at_s=float(item["seen_at_s"]),
                took_s=None if took_s is None else float(took_s),
            )

    def write(self, verdict: HealthVerdict) -> None:
        """Replace the last verdict."""
        item = {
            "name": self._KEY,
            "v": items.VERSION,
            "is_healthy": verdict.is_healthy,
            "reason": verdict.reason,
            "seen_at_s": verdict.seen_at_s,
            "took_s": verdict.took_s,
        }
        with translated("write the health verdict"):
            self._dynamodb.put_item(TableName=self._table, Item=items.to_wire(item))


def _record_items(record: Record) -> list[items.Item]:
    stamp: dict[str, Any] = {"origin": "", "now_s": record.written_at_s}
    found = [
        items.certificate_item(record.name, certificate, **stamp)
        for certificate in record.certificates
    ]
    if record.thing is not None:
        found.append(items.thing_item(record, **stamp))
    return [items.from_wire(items.to_wire(item)) for item in found]


def _applied_of(name: str, item: items.Item) -> Applied:
    with items.readable(item):
        record = items.record_of(name, item["items"])
        return Applied(
            Record(
                record.name,
                record.thing,
                record.certificates,
                is_deleted=bool(item["is_deleted"]),
                written_at_s=float(item["written_at_s"]),
            ),
            applied_at_s=float(item["applied_at_s"]),
            call_count=int(item["call_count"]),
            failure=item.get("failure"),
        )
