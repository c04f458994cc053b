"""What the claim ledger does, in memory and in a real Region alike."""

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

from hotsite.core.registry import thing_key
from hotsite.errors import ConflictError, InvalidInputError, UnreachableError


def test_claim_that_nobody_added_is_nothing(ports, name):
    assert ports.claims.read(name) is None


def test_added_claim_is_read_back_and_free(ports, name):
    ports.claims.add(make_entry(name))
    assert ports.claims.read(name) == make_entry(name)


def test_adding_again_does_not_free_a_taken_claim(ports, name):
    ports.claims.add(make_entry(name))
    ports.claims.take(make_entry(name, csr_digest="mine"))
    ports.claims.add(make_entry(name, secret_digest="other"))
    assert ports.claims.read(name) == make_entry(name, csr_digest="mine")


def test_adding_says_whether_anything_was_added(ports, name):
    assert ports.claims.add(make_entry(name)) is True
    assert ports.claims.add(make_entry(name)) is False


def test_every_claim_is_listed_once_and_nothing_else(ports):
    entries = {name: make_entry(name) for name in (fresh_name() for _ in range(4))}
    for name, entry in entries.items():
        ports.claims.add(entry)
        ports.records.write(make_record(name), previous=absent(ports, name))
    found, token = [], None
    while True:
        page = ports.claims.page(token)
        found += page.entries
        token = page.next_token
        if token is None:
            break
    listed = [entry for entry in found if entry.claim_id in entries]
    assert sorted(listed, key=str) == sorted(entries.values(), key=str)


def absent(ports, name):
    return ports.records.read(thing_key(name))


def test_same_request_may_take_its_claim_again(ports, name):
    entry = make_entry(name, csr_digest="mine")
    ports.claims.add(make_entry(name))
    ports.claims.take(entry)
    ports.claims.take(entry)
    assert ports.claims.read(name) == entry


def test_claim_is_not_taken_from_another_request(ports, name):
    ports.claims.take(make_entry(name, csr_digest="mine"))
    with pytest.raises(ConflictError):
        ports.claims.take(make_entry(name, csr_digest="other"))
    assert ports.claims.read(name).csr_digest == "mine"


def test_late_twin_of_a_request_does_not_wipe_out_the_answer(ports, name):
    taken = make_entry(name, csr_digest="mine")
    ports.claims.take(taken)
    answered = replace(taken, certificate=make_certificate())
    record = make_record(name, answered.certificate)
    ports.records.write_enrolled(answered, record)
    with pytest.raises(ConflictError):
        ports.claims.take(taken)
    assert ports.claims.read(name) == answered


def test_silent_ledger_is_unreachable_and_never_empty(ports_cut_off, name):
    entry = make_entry(name, csr_digest="mine")
    with pytest.raises(UnreachableError):
        ports_cut_off.claims.read(name)
    with pytest.raises(UnreachableError):
        ports_cut_off.claims.add(entry)
    with pytest.raises(UnreachableError):
        ports_cut_off.claims.page()
    with pytest.raises(UnreachableError):
        ports_cut_off.claims.take(entry)


@pytest.mark.local
@pytest.mark.parametrize(
    "changes",
    [
        {"v": {"N": "2"}},
        {"secret_digest": None},
        {"attributes": {"S": "red"}},
        {"certificate_id": {"S": "c1"}},
    ],
)
def test_line_of_unknown_version_or_shape_is_refused(region, tables, name, changes):
    item = {
        "pk": {"S": f"claim#{name}"},
        "sk": {"S": "claim"},
        "v": {"N": "1"},
        "secret_digest": {"S": "d"},
        "attributes": {"M": {}},
    } | changes
    whole = {key: value for key, value in item.items() if value is not None}
    put(region, tables.registry, whole)
    with pytest.raises(InvalidInputError, match=name):
        local_ports(region, tables).claims.read(name)
