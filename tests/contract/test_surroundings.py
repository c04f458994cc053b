"""What IoT Core holds beside what the record keeps, and whose a certificate is."""

import pytest
from tests.contract.world import fresh_name, make_certificate, make_record

from hotsite.errors import UnreachableError
from hotsite.flows.replication import apply
from hotsite.ports.unrecorded import Unrecorded


def enrol(ports, name, *certificates):
    record = make_record(name, *certificates)
    ports.records.write(record, previous=ports.records.read(record.key))
    apply(record.key, ports.site)


def all_names(ports, what):
    found, token = [], None
    while True:
        page = ports.surroundings.page(what, token)
        found += page.names
        token = page.next_token
        if token is None:
            return found


def test_certificate_names_the_things_that_have_it(ports, name):
    own, shared = make_certificate(), make_certificate()
    other = fresh_name()
    enrol(ports, name, own, shared)
    enrol(ports, other, shared)
    around = ports.surroundings
    assert around.things_of(own.certificate_id) == (name,)
    assert sorted(around.things_of(shared.certificate_id)) == sorted([name, other])


def test_certificate_that_is_not_there_has_no_things(ports):
    assert ports.surroundings.things_of("0" * 64) == ()


def test_every_certificate_is_listed_once_on_some_page(ports, name):
    certificates = [make_certificate() for _ in range(5)]
    enrol(ports, name, *certificates)
    wanted = {one.certificate_id for one in certificates}

    def listed():
        found = all_names(ports, Unrecorded.CERTIFICATE)
        assert wanted <= set(found)
        assert len(found) == len(set(found))

    ports.eventually(lambda: _holds(listed))


def _holds(check):
    try:
        check()
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize(
    "call",
    [
        lambda around: around.things_of("0" * 64),
        *(lambda around, what=what: around.page(what) for what in Unrecorded),
    ],
)
def test_unreadable_is_never_empty(ports_cut_off, call):
    with pytest.raises(UnreachableError):
        call(ports_cut_off.surroundings)
