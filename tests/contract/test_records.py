"""What the system of record does, in memory and in a real Region alike."""

from dataclasses import replace

import pytest
from tests.contract.world import (
    local_ports,
    make_certificate,
    make_entry,
    make_record,
    put,
)

from hotsite.core.registry import CertificateStatus, Record, thing_key
from hotsite.errors import (
    ConflictError,
    InvalidInputError,
    NotFoundError,
    UnreachableError,
)


def enrol(ports, name, certificate, *, csr="digest"):
    """Take a claim and answer it, as onboarding does."""
    taken = make_entry(name, csr_digest=csr)
    ports.claims.take(taken)
    answered = replace(taken, certificate=certificate)
    ports.records.write_enrolled(answered, make_record(name, certificate))
    return answered


def test_name_that_nobody_wrote_has_an_empty_record(ports, name):
    assert ports.records.read(thing_key(name)) == Record(thing_key(name), None)


def test_enrolled_device_is_read_back_with_the_time_of_its_write(ports, name):
    certificate = make_certificate()
    answered = enrol(ports, name, certificate)
    written_at_s = ports.clock.now_s()
    wanted = replace(make_record(name, certificate), written_at_s=written_at_s)
    assert ports.records.read(thing_key(name)) == wanted
    assert ports.claims.read(name) == answered


def test_record_has_the_fingerprint_of_the_wish_that_was_written(ports, name):
    certificate = make_certificate()
    enrol(ports, name, certificate)
    wish = make_record(name, certificate)
    assert ports.records.read(thing_key(name)).digest == wish.digest


def test_claim_is_answered_once_and_the_loser_writes_nothing(ports, name):
    answered = enrol(ports, name, make_certificate())
    before = ports.records.read(thing_key(name))
    ports.clock.sleep(1.0)
    late = make_certificate()
    with pytest.raises(ConflictError):
        ports.records.write_enrolled(
            replace(answered, certificate=late), make_record(name, late)
        )
    assert ports.records.read(thing_key(name)) == before
    assert ports.claims.read(name) == answered


@pytest.mark.parametrize("is_taken", [True, False])
def test_claim_that_is_not_this_requests_own_cannot_be_answered(ports, name, is_taken):
    if is_taken:
        ports.claims.take(make_entry(name, csr_digest="another"))
    before = ports.claims.read(name)
    certificate = make_certificate()
    entry = make_entry(name, csr_digest="mine", certificate=certificate)
    with pytest.raises(ConflictError):
        ports.records.write_enrolled(entry, make_record(name, certificate))
    assert ports.records.read(thing_key(name)) == Record(thing_key(name), None)
    assert ports.claims.read(name) == before


@pytest.mark.parametrize("is_early", [True, False])
def test_revocation_wins_whether_it_comes_before_or_after(ports, name, is_early):
    certificate = make_certificate()
    if is_early:
        ports.records.write_revoked(thing_key(name), certificate.certificate_id)
    enrol(ports, name, certificate)
    if not is_early:
        ports.records.write_revoked(thing_key(name), certificate.certificate_id)
    revoked = replace(certificate, status=CertificateStatus.REVOKED)
    assert ports.records.read(thing_key(name)).certificates == (revoked,)


def test_revocation_closes_one_certificate_and_no_other(ports, name):
    first, second = make_certificate(), make_certificate()
    enrol(ports, name, first)
    ports.records.write_revoked(thing_key(name), second.certificate_id)
    assert ports.records.read(thing_key(name)).certificates == (first,)


def test_revocation_is_written_once_and_keeps_its_time(ports, name):
    certificate = make_certificate()
    enrol(ports, name, certificate)
    ports.clock.sleep(1.0)
    ports.records.write_revoked(thing_key(name), certificate.certificate_id)
    first = ports.records.read(thing_key(name))
    ports.clock.sleep(1.0)
    ports.records.write_revoked(thing_key(name), certificate.certificate_id)
    again = ports.records.read(thing_key(name))
    assert again == first
    # Told of again: a stream has no record of a write that changes nothing.
    assert again.stamps != first.stamps


def test_youngest_write_dates_the_record(ports, name):
    enrol(ports, name, make_certificate())
    ports.clock.sleep(7.25)
    ports.records.write_revoked(thing_key(name), "none")
    assert ports.records.read(thing_key(name)).written_at_s == ports.clock.now_s()


def test_records_of_other_names_are_left_alone(ports, name):
    enrol(ports, name, make_certificate())
    enrol(ports, f"{name}-2", make_certificate())
    record = ports.records.read(thing_key(name))
    assert (record.thing.name, len(record.certificates)) == (name, 1)


def test_silent_table_is_unreachable_and_never_empty(ports_cut_off, name):
    certificate = make_certificate()
    entry = make_entry(name, csr_digest="mine", certificate=certificate)
    with pytest.raises(UnreachableError):
        ports_cut_off.records.read(thing_key(name))
    with pytest.raises(UnreachableError):
        ports_cut_off.records.write_revoked(thing_key(name), "any")
    with pytest.raises(UnreachableError):
        ports_cut_off.records.write_enrolled(entry, make_record(name, certificate))


def thing_item(name, **changes):
    item = {
        "pk": {"S": f"thing#{name}"},
        "sk": {"S": "thing"},
        "v": {"N": "1"},
        "attributes": {"M": {}},
        "groups": {"L": []},
        "is_deleted": {"BOOL": False},
        "written_at_s": {"N": "5"},
    } | changes
    return {key: value for key, value in item.items() if value is not None}


@pytest.mark.local
@pytest.mark.parametrize(
    "changes",
    [
        {"v": {"N": "2"}},
        {"v": None},
        {"sk": {"S": "revoked#c1"}, "v": {"N": "2"}},
        {"sk": {"S": "certificate#c1"}},
        {
            "sk": {"S": "certificate#c1"},
            "pem": {"S": "p"},
            "status": {"S": "FRIENDLY"},
        },
        {"attributes": {"S": "red"}},
        {"groups": {"N": "3"}},
        {"written_at_s": {"S": "yesterday"}},
    ],
)
def test_item_of_unknown_version_or_shape_is_refused(region, tables, name, changes):
    put(region, tables.registry, thing_item(name, **changes))
    with pytest.raises(InvalidInputError, match=name):
        local_ports(region, tables).records.read(thing_key(name))


@pytest.mark.local
def test_kind_of_item_that_a_later_version_adds_is_skipped(region, tables, name):
    put(region, tables.registry, thing_item(name))
    put(region, tables.registry, thing_item(name, sk={"S": "notes"}))
    assert local_ports(region, tables).records.read(thing_key(name)).thing.name == name


@pytest.mark.local
def test_tombstone_hides_the_thing_and_its_certificates(region, tables, name):
    ports = local_ports(region, tables)
    enrol(ports, name, make_certificate())
    put(region, tables.registry, thing_item(name, is_deleted={"BOOL": True}))
    record = ports.records.read(thing_key(name))
    assert record.is_deleted
    assert (record.thing, record.certificates) == (None, ())


@pytest.mark.local
def test_missing_table_is_an_error_of_its_own_and_never_empty(region, tables, name):
    elsewhere = replace(tables, registry="no-such-table")
    with pytest.raises(NotFoundError):
        local_ports(region, elsewhere).records.read(thing_key(name))


@pytest.mark.local
def test_long_record_is_read_whole_over_several_pages(region, tables, name):
    put(region, tables.registry, thing_item(name))
    # DynamoDB answers a query with at most 1 MB a page (developer guide, Query).
    padding = {"pem": {"S": "p" * 300_000}, "status": {"S": "ACTIVE"}}
    for number in range(5):
        sort_key = {"S": f"certificate#c{number}"}
        put(region, tables.registry, thing_item(name, sk=sort_key, **padding))
    record = local_ports(region, tables).records.read(thing_key(name))
    assert [item.certificate_id for item in record.certificates] == [
        f"c{number}" for number in range(5)
    ]
