"""Records as they live and die, in memory and in a real Region alike."""

from dataclasses import replace

import pytest
from tests.contract.test_definitions import make_ca, make_policy
from tests.contract.test_records import enrol
from tests.contract.world import local_ports, make_certificate, make_record, put

from hotsite.core.registry import (
    Certificate,
    CertificateStatus,
    Key,
    Kind,
    Record,
    Shadows,
    Thing,
    ThingGroup,
    ThingType,
    thing_key,
)
from hotsite.errors import ConflictError, InvalidInputError, UnreachableError

REVOKED = CertificateStatus.REVOKED


class Pen:
    """Reads and writes the record of one key."""

    def __init__(self, ports, key):
        self.ports, self.key = ports, key

    def read(self):
        return self.ports.records.read(self.key)

    def write(self, **changes):
        """Change what is there now, and say what is there then."""
        before = self.read()
        self.ports.records.write(replace(before, **changes), previous=before)
        return self.read()


@pytest.fixture
def pen(ports, name):
    return Pen(ports, thing_key(name))


def bodies(name):
    pairs = (("floor", "0"), ("wing", "a"))
    ca = make_ca(registers_devices=True)
    shadows = Shadows(name, (("", '{"desired":{"a":1}}'), ("one", "{}")))
    return (
        (Kind.THING_TYPE, ThingType(name, "Oven", ("model",), is_deprecated=True)),
        (Kind.THING_TYPE, ThingType(name)),
        (Kind.THING_GROUP, ThingGroup(name, "hall", "Floor", pairs, ("p", "q"))),
        (Kind.THING_GROUP, ThingGroup(name)),
        (Kind.POLICY, make_policy(name)),
        (Kind.CA_CERTIFICATE, ca),
        (Kind.CA_CERTIFICATE, replace(ca, is_active=False)),
        (Kind.THING, Thing(name, "device", pairs, ("fleet", "hall"))),
        (Kind.THING, Thing(name)),
        (Kind.SHADOWS, shadows),
    )


@pytest.mark.parametrize("number", range(len(bodies("x"))))
def test_body_of_every_kind_is_read_back_equal(ports, name, number):
    kind, body = bodies(name)[number]
    pen = Pen(ports, Key(kind, body.name))
    ports.clock.sleep(3.5)
    found = pen.write(body=body)
    assert found == Record(pen.key, body, written_at_s=ports.clock.now_s())
    assert pen.write() == found


def test_thing_is_read_back_with_certificates_and_their_policies(pen, name):
    first, second = (make_certificate() for _ in range(2))
    first = replace(first, policies=("p", "q"))
    second = replace(second, status=CertificateStatus.INACTIVE)
    certificates = tuple(sorted((first, second), key=lambda c: c.certificate_id))
    found = pen.write(body=Thing(name), certificates=certificates)
    assert found.certificates == certificates


def test_write_of_what_is_there_already_changes_no_time(pen, name):
    before = pen.write(body=Thing(name))
    pen.ports.clock.sleep(5.0)
    after = pen.write(body=Thing(name))
    assert (after, after.stamps) == (before, before.stamps)


def test_certificate_that_leaves_is_gone_and_may_come_back(pen, name):
    kept, left = make_certificate(), make_certificate()
    both = tuple(sorted((kept, left), key=lambda c: c.certificate_id))
    pen.write(body=Thing(name), certificates=both)
    found = pen.write(certificates=(kept,))
    assert (found.certificates, found.gone) == ((kept,), (left.certificate_id,))
    found = pen.write(certificates=both)
    assert (found.certificates, found.gone) == (both, ())


def test_deleted_name_is_a_tombstone_that_takes_its_certificates(pen, name):
    certificate = make_certificate()
    pen.write(body=Thing(name), certificates=(certificate,))
    found = pen.write(body=None, certificates=(), is_deleted=True)
    assert (found.body, found.is_deleted, found.life) == (None, True, 0)
    assert (found.certificates, found.gone) == ((), (certificate.certificate_id,))
    assert not found.is_absent


def test_name_that_was_never_there_can_be_deleted_for_good_measure(pen):
    assert pen.write(is_deleted=True).is_deleted


def test_body_cannot_leave_without_a_tombstone(pen, name):
    before = pen.write(body=Thing(name))
    with pytest.raises(InvalidInputError):
        pen.write(body=None)
    assert pen.read() == before


def test_second_life_brings_nothing_of_the_first(pen, name):
    old, new = make_certificate(), make_certificate()
    pen.write(body=Thing(name, groups=("fleet",)), certificates=(old,))
    pen.write(body=None, certificates=(), is_deleted=True)
    found = pen.write(body=Thing(name), certificates=(new,), is_deleted=False, life=1)
    assert (found.body, found.life, found.is_deleted) == (Thing(name), 1, False)
    assert (found.certificates, found.gone) == ((new,), (old.certificate_id,))
    found = pen.write(certificates=tuple(sorted((old, new), key=id_of)))
    assert (len(found.certificates), found.gone) == (2, ())


def id_of(certificate):
    return certificate.certificate_id


def test_device_that_is_enrolled_again_begins_another_life(ports, pen, name):
    old, new = make_certificate(), make_certificate()
    pen.write(body=Thing(name), certificates=(old,))
    pen.write(body=None, certificates=(), is_deleted=True)
    enrol(ports, name, new)
    found = pen.read()
    assert (found.life, found.certificates) == (1, (new,))
    assert found.gone == (old.certificate_id,)


def test_device_that_is_enrolled_beside_its_record_keeps_what_it_has(ports, pen, name):
    old, new = make_certificate(), make_certificate()
    pen.write(body=Thing(name), certificates=(old,))
    enrol(ports, name, new)
    found = pen.read()
    assert (found.life, found.body) == (0, make_record(name).body)
    assert set(found.certificates) == {old, new}


def test_revoked_status_is_written_as_a_revocation_that_stays(pen, name):
    certificate = make_certificate()
    pen.write(body=Thing(name), certificates=(certificate,))
    closed = replace(certificate, status=REVOKED)
    found = pen.write(certificates=(closed,))
    assert found.revoked == (certificate.certificate_id,)
    found = pen.write(certificates=(certificate,), revoked=())
    assert found.certificates == (closed,)
    found = pen.write(certificates=())
    assert found.revoked == (certificate.certificate_id,)
    found = pen.write(body=None, is_deleted=True)
    assert found.revoked == (certificate.certificate_id,)
    found = pen.write(
        body=Thing(name), certificates=(certificate,), is_deleted=False, life=1
    )
    assert found.certificates == (closed,)


def test_revocation_of_a_name_that_is_not_there_is_no_wish_to_delete(pen):
    pen.ports.records.write_revoked(pen.key, "f" * 64)
    found = pen.read()
    assert found.is_absent
    assert found.revoked == ("f" * 64,)


def test_write_that_has_not_seen_the_last_one_is_a_conflict(pen, name):
    before = pen.read()
    first = pen.write(body=Thing(name, "device"))
    with pytest.raises(ConflictError):
        pen.ports.records.write(replace(before, body=Thing(name)), previous=before)
    last = pen.write(body=Thing(name, "gateway"))
    deleted = replace(first, body=None, is_deleted=True)
    with pytest.raises(ConflictError):
        pen.ports.records.write(deleted, previous=first)
    assert pen.read() == last


def test_conflict_about_one_item_leaves_the_others_unwritten(pen, name):
    certificate = make_certificate()
    before = pen.write(body=Thing(name), certificates=(certificate,))
    after = pen.write(body=Thing(name, "device"))
    closed = replace(certificate, status=CertificateStatus.INACTIVE)
    wish = replace(before, body=Thing(name, "gateway"), certificates=(closed,))
    with pytest.raises(ConflictError):
        pen.ports.records.write(wish, previous=before)
    assert pen.read() == after


def test_writes_about_different_items_do_not_disturb_each_other(pen, name):
    certificate = make_certificate()
    before = pen.write(body=Thing(name), certificates=(certificate,))
    pen.write(body=Thing(name, "device"))
    closed = replace(certificate, status=CertificateStatus.INACTIVE)
    wish = replace(before, certificates=(closed,))
    pen.ports.records.write(wish, previous=before)
    found = pen.read()
    assert (found.body, found.certificates) == (Thing(name, "device"), (closed,))


def test_revocation_is_never_in_the_way_of_a_write(pen, name):
    certificate = make_certificate()
    before = pen.write(body=Thing(name), certificates=(certificate,))
    pen.ports.records.write_revoked(pen.key, certificate.certificate_id)
    closed = replace(certificate, status=REVOKED)
    pen.ports.records.write(replace(before, certificates=(closed,)), previous=before)
    assert pen.read().certificates == (closed,)


def test_more_items_than_one_write_takes_are_refused(pen, name):
    certificates = tuple(Certificate(f"{number:064x}", "pem") for number in range(100))
    with pytest.raises(InvalidInputError):
        pen.write(body=Thing(name), certificates=certificates)
    assert pen.read().is_absent


def test_each_shadow_has_a_tombstone_of_its_own(ports, name):
    pen = Pen(ports, Key(Kind.SHADOWS, name))
    documents = (("", '{"desired":{"a":1}}'), ("one", '{"reported":{"b":2}}'))
    assert pen.write(body=Shadows(name, documents)).body.documents == documents
    found = pen.write(body=Shadows(name, documents[:1]))
    assert found.body == Shadows(name, documents[:1])
    found = pen.write(body=Shadows(name))
    assert found.body == Shadows(name)
    assert not found.is_absent
    assert pen.write(body=Shadows(name, documents)).body.documents == documents


def test_purged_tombstones_leave_nothing_but_revocations(pen, name):
    first, second = make_certificate(), make_certificate()
    both = tuple(sorted((first, second), key=id_of))
    pen.write(body=Thing(name), certificates=both)
    pen.ports.records.write_revoked(pen.key, first.certificate_id)
    deleted = pen.write(body=None, certificates=(), is_deleted=True)
    pen.ports.records.purge(deleted)
    found = pen.read()
    assert found.is_absent
    assert (found.gone, found.is_deleted) == ((), False)
    assert found.revoked == (first.certificate_id,)


def test_purge_takes_only_tombstones(pen, name):
    kept, left = make_certificate(), make_certificate()
    both = tuple(sorted((kept, left), key=id_of))
    pen.write(body=Thing(name), certificates=both)
    record = pen.write(certificates=(kept,))
    pen.ports.records.purge(record)
    found = pen.read()
    assert (found.body, found.certificates, found.gone) == (Thing(name), (kept,), ())


def test_purge_takes_tombstones_of_shadows(ports, name):
    pen = Pen(ports, Key(Kind.SHADOWS, name))
    pen.write(body=Shadows(name, (("", "{}"), ("one", "{}"))))
    record = pen.write(body=Shadows(name, (("one", "{}"),)))
    ports.records.purge(record)
    assert pen.read().body == Shadows(name, (("one", "{}"),))
    ports.records.purge(pen.write(body=Shadows(name)))
    assert pen.read().is_absent


def test_purge_of_what_has_changed_meanwhile_is_a_conflict(pen, name):
    pen.write(body=Thing(name))
    deleted = pen.write(body=None, is_deleted=True)
    again = pen.write(body=Thing(name), is_deleted=False, life=1)
    with pytest.raises(ConflictError):
        pen.ports.records.purge(deleted)
    assert pen.read() == again


def keys_of(records):
    """Every key, page by page."""
    found, token = [], None
    while True:
        page = records.page(token)
        found += page.keys
        token = page.next_token
        if token is None:
            return found


def test_pages_hold_every_key_tombstones_included_and_no_claim(ports, name):
    made = set()
    for number in range(5):
        pen = Pen(ports, thing_key(f"{name}-{number}"))
        pen.write(body=Thing(pen.key.name), certificates=(make_certificate(),))
        made.add(pen.key)
    for kind, body in bodies(name):
        Pen(ports, Key(kind, body.name)).write(body=body)
        made.add(Key(kind, body.name))
    dead = Pen(ports, thing_key(f"{name}-dead"))
    dead.write(is_deleted=True)
    enrol(ports, f"{name}-enrolled", make_certificate())
    made |= {dead.key, thing_key(f"{name}-enrolled")}
    assert set(keys_of(ports.records)) == made


def test_silent_table_is_unreachable_and_never_empty(ports_cut_off, name):
    records = ports_cut_off.records
    before = Record(thing_key(name), None)
    with pytest.raises(UnreachableError):
        records.page()
    with pytest.raises(UnreachableError):
        records.write(replace(before, body=Thing(name)), previous=before)
    dead = replace(before, is_deleted=True, stamps=(("thing", "x"),))
    with pytest.raises(UnreachableError):
        records.purge(dead)


@pytest.mark.local
def test_pages_go_on_where_dynamodb_stopped(region, tables, name):
    # DynamoDB answers a scan with at most 1 MB a page (developer guide, Scan).
    ports = local_ports(region, tables)
    made = set()
    for number in range(8):
        key = Key(Kind.POLICY, f"{name}-{number}")
        item = {"pk": {"S": str(key)}, "sk": {"S": "policy"}, "v": {"N": "1"}}
        put(region, tables.registry, item | {"document": {"S": "p" * 300_000}})
        made.add(key)
    first = ports.records.page()
    assert first.next_token is not None
    found = keys_of(ports.records)
    assert (set(found), len(found)) == (made, len(made))


@pytest.mark.local
def test_items_of_the_first_version_can_be_changed_and_deleted(region, tables, name):
    pen = Pen(local_ports(region, tables), thing_key(name))
    certificate = make_certificate()
    place = {"pk": {"S": str(pen.key)}, "v": {"N": "1"}}
    thing = {"attributes": {"M": {}}, "groups": {"L": [{"S": "fleet"}]}}
    pem = {"pem": {"S": certificate.pem}, "status": {"S": "ACTIVE"}}
    put(region, tables.registry, place | thing | {"sk": {"S": "thing"}})
    sort_key = {"sk": {"S": f"certificate#{certificate.certificate_id}"}}
    put(region, tables.registry, place | pem | sort_key)
    before = pen.read()
    assert (before.life, before.certificates) == (0, (certificate,))
    found = pen.write(body=replace(before.body, groups=()))
    assert found.body == Thing(name)
    stale = replace(before, body=Thing(name, "device"))
    with pytest.raises(ConflictError):
        pen.ports.records.write(stale, previous=before)
    assert pen.write(certificates=()).gone == (certificate.certificate_id,)
    assert pen.write(body=None, is_deleted=True).is_deleted
