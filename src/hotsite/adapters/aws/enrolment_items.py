"""The items of owners, rotations and audit in the registry table.

Their partition keys begin with no kind of the registry, so that replication, sweep
and seed pass them over. A line of audit has its place by what was done to which
certificate: writing it twice is writing it once.
"""

from collections.abc import Mapping
from typing import Any

from hotsite.adapters.aws.items import VERSION, Item, readable
from hotsite.core.enrolment import AuditLine, Deed, Owned, Rotation, owner_key
from hotsite.core.registry import Certificate

AUDIT = "audit#"


def owner_item(thing: str, subject: str, *, origin: str, now_s: float) -> Item:
    """Return the item that files a device under its owner."""
    return {
        "pk": owner_place(subject),
        "sk": f"thing#{thing}",
        "v": VERSION,
        "origin": origin,
        "written_at_s": now_s,
    }


def owner_place(subject: str) -> str:
    """Return the partition of a user's devices."""
    return f"owner#{owner_key(subject)}"


def owned_of(item: Mapping[str, Any]) -> Owned:
    """Return the device that an item files.

    Raises:
        InvalidInputError: The item is of an unknown version or shape.
    """
    with readable(item):
        return Owned(item["sk"].partition("#")[2], float(item["written_at_s"]))


def audit_item(line: AuditLine, *, origin: str, now_s: float) -> Item:
    """Return the item of a line of audit."""
    return {
        "pk": f"{AUDIT}{line.thing}",
        "sk": f"{line.deed.value}#{line.certificate_id}",
        "v": VERSION,
        "subject": line.subject,
        "origin": origin,
        "written_at_s": now_s,
    }


def audit_line_of(item: Mapping[str, Any]) -> AuditLine:
    """Return the line of audit in an item.

    Raises:
        InvalidInputError: The item is of an unknown version or shape.
    """
    with readable(item):
        deed, _, certificate_id = item["sk"].partition("#")
        return AuditLine(
            thing=item["pk"].removeprefix(AUDIT),
            deed=Deed(deed),
            certificate_id=certificate_id,
            subject=item["subject"],
            at_s=float(item["written_at_s"]),
            region=item["origin"],
        )


def rotation_item(rotation: Rotation, *, origin: str, now_s: float) -> Item:
    """Return the item that a retry of a rotation finds."""
    return {
        **rotation_place(rotation.thing, rotation.csr_digest),
        "v": VERSION,
        "certificate_id": rotation.certificate.certificate_id,
        "pem": rotation.certificate.pem,
        "subject": rotation.subject,
        "origin": origin,
        "written_at_s": now_s,
    }


def rotation_place(thing: str, csr_digest: str) -> Item:
    """Return the keys of a rotation; beside the claim, whose successor it is."""
    return {"pk": f"claim#{thing}", "sk": f"rotation#{csr_digest}"}


def rotated_of(item: Mapping[str, Any]) -> Certificate:
    """Return the certificate that a rotation gave.

    Raises:
        InvalidInputError: The item is of an unknown version or shape.
    """
    with readable(item):
        return Certificate(item["certificate_id"], item["pem"])
