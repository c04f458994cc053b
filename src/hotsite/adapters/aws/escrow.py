"""``ports.Escrow`` on AWS IoT, KMS and a table of this Region alone.

Envelope encryption: KMS gives a data key that is bound to thing and certificate by its
encryption context (KMS developer guide, "Encryption context"), AES-256-GCM seals the
private key with it, and the table holds the ciphertext and the wrapped data key. The
table has no stream and no backup, and is no global table, so that nothing has a second
copy; DynamoDB's TTL removes what was not fetched (within a few days; who asks later
than the TTL gets nothing all the same).
"""

import os
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from hotsite.adapters.aws import items
from hotsite.adapters.aws.session import translated
from hotsite.core.escrow import KEPT_S
from hotsite.core.registry import Certificate
from hotsite.errors import ConflictError, PermanentError
from hotsite.ports import Clock

# NIST SP 800-38D, section 8.2: 96 bits; the data key is used once.
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class EscrowClients:
    """The boto3 clients of one Region."""

    dynamodb: Any
    iot: Any
    kms: Any


class KmsEscrow:
    """Implements ``ports.Escrow``."""

    def __init__(
        self, clients: EscrowClients, table: str, key_id: str, *, clock: Clock
    ) -> None:
        """Take the clients, the table, the KMS key's id or ARN, and the time."""
        self._clients = clients
        self._table = table
        self._key_id = key_id
        self._clock = clock

    def issue(self, thing: str) -> Certificate:
        """Make a key pair and its ACTIVE certificate; keep the key sealed."""
        with translated(f"make a key pair for {thing}"):
            made = self._clients.iot.create_keys_and_certificate(setAsActive=True)
        certificate = Certificate(made["certificateId"], made["certificatePem"])
        context = _context(thing, certificate.certificate_id)
        with translated(f"get a data key for {thing}"):
            given = self._clients.kms.generate_data_key(
                KeyId=self._key_id, KeySpec="AES_256", EncryptionContext=context
            )
        nonce = os.urandom(_NONCE_BYTES)
        key_pem = made["keyPair"]["PrivateKey"].encode()
        sealed = AESGCM(given["Plaintext"]).encrypt(nonce, key_pem, _bound(context))
        item = {
            "name": _name(thing, certificate.certificate_id),
            "v": items.VERSION,
            "sealed": nonce + sealed,
            "data_key": given["CiphertextBlob"],
            # TTL attributes are whole seconds (DynamoDB developer guide, "TTL").
            "expires_at_s": int(self._clock.now_s() + KEPT_S),
        }
        with translated(f"keep the sealed key of {thing}"):
            self._clients.dynamodb.put_item(
                TableName=self._table, Item=items.to_wire(item)
            )
        return certificate

    def hand_over(self, thing: str, certificate_id: str) -> str | None:
        """Return a private key in PEM form, and forget it."""
        place = {"name": {"S": _name(thing, certificate_id)}}
        with translated(f"look for the sealed key of {thing}"):
            answer = self._clients.dynamodb.get_item(
                TableName=self._table, Key=place, ConsistentRead=True
            )
        if "Item" not in answer:
            return None
        item = items.from_wire(answer["Item"])
        with items.readable(item):
            is_late = float(item["expires_at_s"]) <= self._clock.now_s()
            sealed, data_key = bytes(item["sealed"]), bytes(item["data_key"])
        # Opened before it is deleted, so that a silent KMS loses nothing.
        key_pem = (
            None if is_late else self._opened(thing, certificate_id, data_key, sealed)
        )
        try:
            with translated(f"forget the sealed key of {thing}"):
                self._clients.dynamodb.delete_item(
                    TableName=self._table,
                    Key=place,
                    ConditionExpression="attribute_exists(sealed)",
                )
        except ConflictError:
            # Somebody else was handed it in this moment.
            return None
        return key_pem

    def _opened(
        self, thing: str, certificate_id: str, data_key: bytes, sealed: bytes
    ) -> str:
        context = _context(thing, certificate_id)
        with translated(f"open the sealed key of {thing}"):
            given = self._clients.kms.decrypt(
                CiphertextBlob=data_key, KeyId=self._key_id, EncryptionContext=context
            )
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return (
                AESGCM(given["Plaintext"])
                .decrypt(nonce, rest, _bound(context))
                .decode()
            )
        except InvalidTag as error:
            raise PermanentError(f"the sealed key of {thing} was changed") from error


def _name(thing: str, certificate_id: str) -> str:
    return f"{thing}#{certificate_id}"


def _context(thing: str, certificate_id: str) -> dict[str, str]:
    return {"thing": thing, "certificate_id": certificate_id}


def _bound(context: dict[str, str]) -> bytes:
    return "\n".join(context.values()).encode()
