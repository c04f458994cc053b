"""Owners, rotations and audit, in memory and in a real Region alike."""

from dataclasses import replace

import pytest
from tests.contract.world import (
    fresh_name,
    local_ports,
    make_certificate,
    make_entry,
    make_record,
    put,
)

from hotsite.core.enrolment import (
    AuditLine,
    Deed,
    Rotation,
    owner_key,
    with_certificate,
)
from hotsite.core.registry import thing_key
from hotsite.errors import ConflictError, InvalidInputError, UnreachableError

USER = "ada@example.com"


def enrol(ports, name, owner=USER):
    certificate = make_certificate()
    entry = make_entry(name, csr_digest="mine", owner=owner)
    ports.claims.take(entry)
    answered = replace(entry, certificate=certificate)
    ports.records.write_enrolled(answered, make_record(name, certificate))
    return certificate


def test_claim_remembers_who_took_it(ports, name):
    enrol(ports, name)
    assert ports.claims.read(name).owner == USER


def test_enrolled_device_is_found_by_its_owner_alone(ports, name):
    ports.clock.sleep(7)
    enrol(ports, name)
    found = ports.enrolments.find(USER, name)
    assert (found.thing, found.at_s) == (name, ports.clock.now_s())
    assert ports.enrolments.find("bob", name) is None
    assert ports.enrolments.find(USER, f"{name}-2") is None


def test_devices_of_a_user_come_by_name_and_page(ports):
    user, names = fresh_name(), sorted(fresh_name() for _ in range(3))
    for name in reversed(names):
        enrol(ports, name, user)
    first = ports.enrolments.owned(user, after=None, limit=2)
    assert [one.thing for one in first.owned] == names[:2]
    last = ports.enrolments.owned(user, after=first.next_after, limit=9)
    assert ([one.thing for one in last.owned], last.next_after) == (names[2:], None)
    assert ports.enrolments.owned(fresh_name(), after=None, limit=2).owned == ()


def test_device_of_nobody_is_enrolled_and_audited_all_the_same(ports, name):
    certificate = enrol(ports, name, None)
    (line,) = ports.enrolments.audit(name)
    told = (line.deed, line.certificate_id, line.subject)
    assert told == (Deed.ENROLLED, certificate.certificate_id, "")


def rotation_of(ports, name, digest="next"):
    before = ports.records.read(thing_key(name))
    certificate = make_certificate()
    after = with_certificate(before, certificate)
    return Rotation(name, digest, USER, certificate), after, before


def test_rotation_is_written_whole_and_found_by_its_request(ports, name):
    enrol(ports, name)
    assert ports.enrolments.rotation(name, "next") is None
    rotation, after, before = rotation_of(ports, name)
    ports.enrolments.write_rotated(rotation, after, previous=before)
    assert ports.enrolments.rotation(name, "next") == rotation.certificate
    assert ports.records.read(thing_key(name)) == replace(
        after, written_at_s=ports.records.read(thing_key(name)).written_at_s
    )
    deeds = [line.deed for line in ports.enrolments.audit(name)]
    assert sorted(deeds) == [Deed.ENROLLED, Deed.ROTATED]
    # The claim is what it was.
    assert ports.claims.read(name).csr_digest == "mine"


def test_second_answer_to_one_request_is_a_conflict_and_leaves_nothing(ports, name):
    enrol(ports, name)
    first, second = rotation_of(ports, name), rotation_of(ports, name)
    ports.enrolments.write_rotated(first[0], first[1], previous=first[2])
    with pytest.raises(ConflictError):
        ports.enrolments.write_rotated(second[0], second[1], previous=second[2])
    assert ports.enrolments.rotation(name, "next") == first[0].certificate
    assert len(ports.records.read(thing_key(name)).certificates) == 2
    assert len(ports.enrolments.audit(name)) == 2


def test_line_of_audit_is_written_once_and_stays(ports, name):
    ports.enrolments.note(AuditLine(name, Deed.REVOKED, "c1", "ada"))
    (line,) = ports.enrolments.audit(name)
    ports.clock.sleep(5)
    ports.enrolments.note(AuditLine(name, Deed.REVOKED, "c1", "bob"))
    assert ports.enrolments.audit(name) == (line,)
    assert line.region


def test_silent_table_is_unreachable_and_never_empty(ports_cut_off, name):
    enrolments = ports_cut_off.enrolments
    calls = (
        lambda: enrolments.owned(USER, after=None, limit=1),
        lambda: enrolments.find(USER, name),
        lambda: enrolments.rotation(name, "next"),
        lambda: enrolments.note(AuditLine(name, Deed.REVOKED, "c1", "ada")),
        lambda: enrolments.audit(name),
    )
    for call in calls:
        with pytest.raises(UnreachableError):
            call()


@pytest.mark.local
@pytest.mark.parametrize(
    ("pk", "sk"),
    [(f"owner#{owner_key(USER)}", "thing#{}"), ("audit#{}", "enrolled#c")],
)
def test_item_of_unknown_version_is_refused(region, tables, name, pk, sk):
    item = {"pk": {"S": pk.format(name)}, "sk": {"S": sk.format(name)}, "v": {"N": "2"}}
    put(region, tables.registry, item)
    enrolments = local_ports(region, tables).enrolments
    look = enrolments.audit if "audit" in pk else lambda one: enrolments.find(USER, one)
    with pytest.raises(InvalidInputError, match="version 2"):
        look(name)
