"""What a Region keeps for itself, in memory and in a real Region alike."""

from dataclasses import replace

import pytest
from tests.contract.world import local_ports, make_certificate, make_record, put

from hotsite.core.health import HealthVerdict
from hotsite.core.registry import CertificateStatus, Record, thing_key
from hotsite.errors import ConflictError, InvalidInputError, UnreachableError
from hotsite.ports import Applied


def make_applied(name, *certificates, **changes):
    record = replace(make_record(name, *certificates), written_at_s=1000.25)
    line = Applied(
        record.key,
        record,
        record.digest,
        applied_at_s=1002.75,
        written_at_s=1000.25,
        call_count=4,
    )
    return replace(line, **changes)


def test_name_that_was_not_applied_is_nothing(ports, name):
    assert ports.applied.read(thing_key(name)) is None


@pytest.mark.parametrize("failure", [None, "the Region will never take it"])
def test_what_was_applied_is_read_back_whole(ports, name, failure):
    closed = make_certificate(CertificateStatus.REVOKED)
    certificates = sorted(
        (make_certificate(), closed), key=lambda item: item.certificate_id
    )
    applied = make_applied(name, *certificates, failure=failure)
    ports.applied.write(applied, previous=None)
    found = ports.applied.read(thing_key(name))
    assert found == applied
    assert found.lag_s == 2.5
    assert found.record.digest == applied.record.digest


@pytest.mark.parametrize("is_deleted", [True, False])
def test_record_without_a_thing_is_read_back_too(ports, name, is_deleted):
    certificates = () if is_deleted else (make_certificate(),)
    record = Record(
        thing_key(name), None, certificates, is_deleted=is_deleted, written_at_s=3.0
    )
    applied = Applied(record.key, record, record.digest, applied_at_s=4.0)
    ports.applied.write(applied, previous=None)
    assert ports.applied.read(thing_key(name)) == applied


def test_lease_and_attempts_of_a_line_that_never_ended_are_kept(ports, name):
    attempts = (make_record(name), make_record(name, make_certificate()))
    line = Applied(thing_key(name), attempts=attempts, leased_until_s=75.5)
    written = ports.applied.write(line, previous=None)
    assert written.revision == 1
    assert ports.applied.read(thing_key(name)) == line


def test_pages_hold_every_line_and_nothing_else(ports, name):
    keys = {thing_key(f"{name}-{number}") for number in range(7)}
    for key in keys:
        ports.applied.write(make_applied(key.name), previous=None)
    ports.cursors.write("sweep", "half way")
    verdict = HealthVerdict(is_healthy=True, reason="fine", seen_at_s=1.0)
    ports.verdicts.write(verdict)
    found, token = [], None
    while True:
        page = ports.applied.page(token)
        found += [line.key for line in page.lines]
        token = page.next_token
        if token is None:
            break
    assert sorted(map(str, found)) == sorted(map(str, keys))


def test_cursor_is_kept_replaced_and_forgotten(ports):
    assert ports.cursors.read("seed") is None
    for text in ("page 1", '{"page": 2}'):
        ports.cursors.write("seed", text)
        assert ports.cursors.read("seed") == text
    for _ in range(2):
        ports.cursors.write("seed", None)
        assert ports.cursors.read("seed") is None


def test_next_write_replaces_the_one_that_was_read(ports, name):
    first = make_applied(name)
    second = make_applied(name, make_certificate(), call_count=2)
    ports.applied.write(first, previous=None)
    ports.applied.write(second, previous=ports.applied.read(thing_key(name)))
    assert ports.applied.read(thing_key(name)) == second


@pytest.mark.parametrize("is_known", [True, False])
def test_write_that_missed_another_one_is_a_conflict(ports, name, is_known):
    first, second = make_applied(name), make_applied(name, make_certificate())
    written = ports.applied.write(first, previous=None)
    ports.applied.write(second, previous=written)
    with pytest.raises(ConflictError):
        ports.applied.write(
            make_applied(name, make_certificate()),
            previous=written if is_known else None,
        )
    assert ports.applied.read(thing_key(name)) == second


def test_write_over_what_has_gone_is_a_conflict(ports, name):
    with pytest.raises(ConflictError):
        ports.applied.write(make_applied(name), previous=make_applied(name, revision=1))
    assert ports.applied.read(thing_key(name)) is None


def test_silent_table_is_unreachable_and_never_empty(ports_cut_off, name):
    with pytest.raises(UnreachableError):
        ports_cut_off.applied.read(thing_key(name))
    with pytest.raises(UnreachableError):
        ports_cut_off.applied.write(make_applied(name), previous=None)
    with pytest.raises(UnreachableError):
        ports_cut_off.applied.page()
    with pytest.raises(UnreachableError):
        ports_cut_off.cursors.read("seed")
    with pytest.raises(UnreachableError):
        ports_cut_off.cursors.write("seed", "text")


def test_site_without_a_canary_has_no_verdict(ports):
    assert ports.verdicts.read() is None


def test_last_verdict_replaces_the_one_before(ports):
    good = HealthVerdict(
        is_healthy=True,
        reason="came through",
        seen_at_s=1000.125,
        took_s=0.25,
        recent=(True, False, True),
    )
    bad = HealthVerdict(is_healthy=False, reason="no PUBACK", seen_at_s=1010.5)
    for verdict in (good, bad):
        ports.verdicts.write(verdict)
        assert ports.verdicts.read() == verdict


def test_verdict_is_no_applied_record(ports):
    verdict = HealthVerdict(is_healthy=True, reason="fine", seen_at_s=1.0)
    ports.verdicts.write(verdict)
    assert ports.applied.read(thing_key("canary")) is None


def test_silent_store_of_verdicts_is_unreachable(ports_cut_off):
    verdict = HealthVerdict(is_healthy=True, reason="fine", seen_at_s=1.0)
    with pytest.raises(UnreachableError):
        ports_cut_off.verdicts.read()
    with pytest.raises(UnreachableError):
        ports_cut_off.verdicts.write(verdict)


@pytest.mark.local
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"v": {"N": "2"}},
        {"v": {"N": "1"}, "items": {"S": "none"}},
        {"v": {"N": "1"}, "items": {"L": []}},
    ],
)
def test_applied_item_of_unknown_version_or_shape_is_refused(
    region, tables, name, shape
):
    put(region, tables.applied, {"name": {"S": f"thing#{name}"}} | shape)
    with pytest.raises(InvalidInputError, match=name):
        local_ports(region, tables).applied.read(thing_key(name))


@pytest.mark.local
def test_verdict_of_unknown_shape_is_refused(region, tables):
    put(region, tables.applied, {"name": {"S": "health#canary"}})
    with pytest.raises(InvalidInputError, match="canary"):
        local_ports(region, tables).verdicts.read()
