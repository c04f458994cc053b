"""The system of record and the claim ledger on DynamoDB."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

from hotsite.adapters.aws import enrolment_items, items
from hotsite.adapters.aws.session import translated
from hotsite.core import layout
from hotsite.core.enrolment import AuditLine, Deed
from hotsite.core.layout import Draft
from hotsite.core.onboarding import Entry
from hotsite.core.registry import Key, Record, key_in
from hotsite.errors import InvalidInputError
from hotsite.ports import ClaimPage, Clock, KeyPage

# "Up to 100 distinct items" (DynamoDB API reference, TransactWriteItems).
_TRANSACTION_ITEMS_MAX = 100
_PAGE_ITEMS_MAX = 500


class DynamoRecords:
    """Implements ``ports.Records`` on the registry table."""

    def __init__(self, dynamodb: Any, table: str, *, origin: str, clock: Clock) -> None:
        """Take a client, the table's name and the Region that writes."""
        self._dynamodb = dynamodb
        self._table = table
        self._origin = origin
        self._clock = clock

    def read(self, key: Key) -> Record:
        """Return the whole record of a key, read consistently."""
        found: list[items.Item] = []
        with translated(f"read the record of {key}"):
            pages = self._dynamodb.get_paginator("query").paginate(
                TableName=self._table,
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": str(key)}},
                ConsistentRead=True,
            )
            for page in pages:
                found += [items.from_wire(item) for item in page["Items"]]
        return items.record_of(key, found)

    def write(self, record: Record, *, previous: Record) -> None:
        """Write what differs between two records, all or nothing."""
        writes = self.writes_of(record, previous)
        self._transact(f"write the record of {record.key}", writes)

    def writes_of(self, record: Record, previous: Record) -> list[dict[str, Any]]:
        """Return the writes that ``write`` makes, for a larger transaction.

        Raises:
            InvalidInputError: A body would leave without a tombstone, or there are
                more than a transaction takes.
        """
        drafts = tuple(layout.drafts(record, previous))
        if len(drafts) > _TRANSACTION_ITEMS_MAX:
            raise InvalidInputError(
                f"{record.key}: {len(drafts)} items are too many for one write"
            )
        seen = dict(previous.stamps)
        return [
            self._revocation(record.key, draft)
            if draft.sort_key.startswith("revoked#")
            else {"Put": self._put(record.key, draft, seen)}
            for draft in drafts
        ]

    def write_enrolled(self, entry: Entry, record: Record) -> None:
        """Write the claim's answer and the device's record, all or nothing."""
        there = self.read(record.key)
        life = there.life + 1 if there.is_deleted else there.life
        drafts = [Draft(record.key.kind.value, record.body, life=life)]
        for certificate in record.certificates:
            sort_key = f"certificate#{certificate.certificate_id}"
            drafts.append(Draft(sort_key, certificate, life=life))
        now_s = self._clock.now_s()
        answer = items.claim_item(entry, origin=self._origin, now_s=now_s)
        claim = {
            "TableName": self._table,
            "Item": items.to_wire(answer),
            "ConditionExpression": (
                "csr_digest = :csr AND attribute_not_exists(certificate_id)"
            ),
            "ExpressionAttributeValues": {":csr": {"S": entry.csr_digest}},
        }
        seen = dict(there.stamps)
        puts = [{"Put": self._put(record.key, draft, seen)} for draft in drafts]
        also = [{"Put": put} for put in self._filed(entry, record, now_s)]
        self._transact(f"enrol {record.name}", [{"Put": claim}, *puts, *also])

    def _filed(
        self, entry: Entry, record: Record, now_s: float
    ) -> Iterator[dict[str, Any]]:
        """Yield the puts of the owner and the first line of audit."""
        stamp: dict[str, Any] = {"origin": self._origin, "now_s": now_s}
        subject = entry.owner or ""
        if subject:
            item = enrolment_items.owner_item(record.name, subject, **stamp)
            yield {"TableName": self._table, "Item": items.to_wire(item)}
        for one in record.certificates:
            line = AuditLine(record.name, Deed.ENROLLED, one.certificate_id, subject)
            item = enrolment_items.audit_item(line, **stamp)
            yield {"TableName": self._table, "Item": items.to_wire(item)}

    def write_revoked(self, key: Key, certificate_id: str) -> None:
        """Write the revocation of a certificate, once and for ever."""
        step = self._revocation(key, Draft(f"revoked#{certificate_id}", None))
        with translated(f"revoke a certificate of {key}"):
            self._dynamodb.update_item(**step["Update"])

    def page(self, token: str | None = None) -> KeyPage:
        """Return some of the keys in the table, those of tombstones included."""
        more = {"ExclusiveStartKey": json.loads(token)} if token else {}
        with translated("list the records"):
            answer = self._dynamodb.scan(
                TableName=self._table,
                ProjectionExpression="pk",
                Limit=_PAGE_ITEMS_MAX,
                ConsistentRead=True,
                **more,
            )
        keys = [key_in(item["pk"]["S"]) for item in answer["Items"]]
        last = answer.get("LastEvaluatedKey")
        return KeyPage(
            tuple(dict.fromkeys(key for key in keys if key is not None)),
            json.dumps(last) if last else None,
        )

    def purge(self, record: Record) -> None:
        """Remove the tombstones in a record, if nothing changed since."""
        seen = dict(record.stamps)
        names = [name for name in layout.tombstones(record) if name in seen]
        deletes = [
            {
                "Delete": {
                    "TableName": self._table,
                    "Key": {"pk": {"S": str(record.key)}, "sk": {"S": name}},
                    **_condition(name, seen),
                }
            }
            for name in sorted(names)
        ]
        for start in range(0, len(deletes), _TRANSACTION_ITEMS_MAX):
            batch = deletes[start : start + _TRANSACTION_ITEMS_MAX]
            self._transact(f"purge {record.key}", batch)

    def _put(self, key: Key, draft: Draft, seen: dict[str, str]) -> dict[str, Any]:
        item = items.draft_item(
            key,
            draft,
            origin=self._origin,
            now_s=self._clock.now_s(),
            stamp=uuid.uuid4().hex,
        )
        return {
            "TableName": self._table,
            "Item": items.to_wire(item),
            **_condition(draft.sort_key, seen),
        }

    def _revocation(self, key: Key, draft: Draft) -> dict[str, Any]:
        item = items.draft_item(
            key,
            draft,
            origin=self._origin,
            now_s=self._clock.now_s(),
            stamp=uuid.uuid4().hex,
        )
        place = {name: {"S": item.pop(name)} for name in ("pk", "sk")}
        # What is there already keeps its time and its origin; the new stamp alone
        # makes it a change, which a stream tells of.
        kept = [name for name in item if name != "stamp"]
        sets = ", ".join(
            ["#stamp = :stamp", *(f"#{n} = if_not_exists(#{n}, :{n})" for n in kept)]
        )
        return {
            "Update": {
                "TableName": self._table,
                "Key": place,
                "UpdateExpression": f"SET {sets}",
                "ExpressionAttributeNames": {f"#{name}": name for name in item},
                "ExpressionAttributeValues": items.to_wire(
                    {f":{name}": value for name, value in item.items()}
                ),
            }
        }

    def _transact(self, what: str, writes: list[dict[str, Any]]) -> None:
        if not writes:
            return
        with translated(what):
            self._dynamodb.transact_write_items(TransactItems=writes)


def _condition(sort_key: str, seen: dict[str, str]) -> dict[str, Any]:
    stamp = seen.get(sort_key)
    if stamp is None:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    if not stamp:
        # Written by hotsite 0.1, which had no stamps.
        return {
            "ConditionExpression": (
                "attribute_exists(pk) AND attribute_not_exists(stamp)"
            )
        }
    return {
        "ConditionExpression": "stamp = :stamp",
        "ExpressionAttributeValues": {":stamp": {"S": stamp}},
    }


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

    def page(self, token: str | None = None) -> ClaimPage:
        """Return some of the claims; the table is scanned, and others left out."""
        more = {"ExclusiveStartKey": json.loads(token)} if token else {}
        with translated("list the claims"):
            answer = self._dynamodb.scan(
                TableName=self._table,
                FilterExpression="begins_with(pk, :claim) AND sk = :sk",
                ExpressionAttributeValues={
                    ":claim": {"S": "claim#"},
                    ":sk": {"S": "claim"},
                },
                Limit=_PAGE_ITEMS_MAX,
                **more,
            )
        last = answer.get("LastEvaluatedKey")
        return ClaimPage(
            tuple(items.entry_of(items.from_wire(item)) for item in answer["Items"]),
            json.dumps(last) if last else None,
        )

    def add(self, entry: Entry) -> bool:
        """Add an unused line; one that is there already is left as it is."""
        with translated(f"add claim {entry.claim_id}"):
            try:
                self._put(entry, "attribute_not_exists(pk)", {})
            except self._dynamodb.exceptions.ConditionalCheckFailedException:
                return False
        return True

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
