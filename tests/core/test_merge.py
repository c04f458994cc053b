from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from tests.sample_registry import certificate

from hotsite.core.layout import Stored, drafts, record_of
from hotsite.core.merge import merge
from hotsite.core.registry import (
    CaCertificate,
    CertificateStatus,
    Key,
    Kind,
    Policy,
    Record,
    Shadows,
    Thing,
    ThingGroup,
    ThingType,
    thing_key,
)
from hotsite.core.replication import NOTHING, Present, plan

ACTIVE, INACTIVE, REVOKED = CertificateStatus
LABELS = "abcd"
NAMES = st.sets(st.sampled_from("pqr")).map(lambda names: tuple(sorted(names)))
PAIRS = st.dictionaries(st.sampled_from("xyz"), st.sampled_from("12")).map(
    lambda pairs: tuple(sorted(pairs.items()))
)
TEXTS = st.sampled_from(["", "one", "two"])


def bodies(kind):
    name = "n"
    return {
        Kind.THING: st.builds(
            Thing, st.just(name), st.sampled_from([None, "t"]), PAIRS, NAMES
        ),
        Kind.THING_GROUP: st.builds(
            ThingGroup, st.just(name), st.just(None), TEXTS, PAIRS, NAMES
        ),
        Kind.THING_TYPE: st.builds(
            ThingType, st.just(name), st.just(""), st.just(()), st.booleans()
        ),
        Kind.POLICY: st.builds(Policy, st.just(name), TEXTS),
        Kind.CA_CERTIFICATE: st.builds(
            CaCertificate, st.just(name), st.just("pem"), st.booleans(), st.booleans()
        ),
        Kind.SHADOWS: st.builds(Shadows, st.just(name), PAIRS),
    }[kind]


@st.composite
def certificates(draw):
    labels = draw(st.sets(st.sampled_from(LABELS), max_size=3))
    found = [
        certificate(label, draw(st.sampled_from([ACTIVE, INACTIVE])), draw(NAMES))
        for label in labels
    ]
    return tuple(sorted(found, key=lambda item: item.certificate_id))


@st.composite
def records(draw, kind):
    """A record as it could be read from a table."""
    is_thing = kind is Kind.THING
    there = draw(certificates()) if is_thing else ()
    ids = {item.certificate_id for item in there}
    revoked = draw(st.sets(st.sampled_from(sorted(ids)))) if ids else set()
    others = {certificate(label).certificate_id for label in LABELS} - ids
    gone = draw(st.sets(st.sampled_from(sorted(others)))) if is_thing else set()
    return Record(
        Key(kind, "n"),
        draw(bodies(kind)),
        tuple(
            replace(item, status=REVOKED) if item.certificate_id in revoked else item
            for item in there
        ),
        tuple(sorted(gone)),
        tuple(sorted(revoked)),
        life=draw(st.sampled_from([0, 1])) if is_thing else 0,
    )


def present(draw, kind):
    """What somebody may have made of it."""
    body = draw(st.one_of(st.none(), bodies(kind)))
    there = draw(certificates()) if kind is Kind.THING and body else ()
    ids = frozenset(item.certificate_id for item in there)
    return Present(body, there, ids)


@st.composite
def outside(draw, kinds=tuple(Kind)):
    kind = draw(st.sampled_from(kinds))
    return draw(records(kind)), present(draw, kind)


@st.composite
def any_three(draw):
    kind = draw(st.sampled_from(tuple(Kind)))
    base = draw(st.one_of(st.none(), records(kind)))
    wanted = draw(records(kind))
    if draw(st.booleans()):
        ids = (c.certificate_id for c in wanted.certificates)
        gone = tuple(sorted((*wanted.gone, *ids)))
        wanted = replace(wanted, body=None, certificates=(), gone=gone, is_deleted=True)
        if kind is Kind.SHADOWS:
            wanted = replace(wanted, is_deleted=False, body=Shadows("n"))
    return base, present(draw, kind), wanted


def made(record):
    """What a Region holds once a record is applied."""
    return Present.of(record)


@given(st.sampled_from(tuple(Kind)).flatmap(records))
def test_untouched_region_changes_nothing(record):
    assert merge(record, made(record), record) == record
    assert merge(None, NOTHING, record) == record


@given(outside())
def test_what_only_changed_outside_is_taken_whole(pair):
    record, seen = pair
    merged = merge(record, seen, record)
    if seen.body is None and record.key.kind is not Kind.SHADOWS:
        assert merged.is_deleted
        assert merged.certificates == ()
        return
    assert merged.body == (seen.body or Shadows("n"))
    statuses = {c.certificate_id: c.status for c in merged.certificates}
    assert set(statuses) == set(seen.attached)
    for item in seen.certificates:
        is_revoked = item.certificate_id in record.revoked
        assert statuses[item.certificate_id] is (REVOKED if is_revoked else item.status)


@given(any_three())
def test_revoked_stays_revoked_and_a_revocation_seen_is_taken(three):
    base, seen, wanted = three
    closed = replace(
        seen,
        certificates=tuple(replace(c, status=REVOKED) for c in seen.certificates),
    )
    merged = merge(base, closed, wanted)
    assert set(wanted.revoked) | seen.attached <= set(merged.revoked)
    for item in merged.certificates:
        assert (item.status is REVOKED) == (item.certificate_id in merged.revoked)


@given(any_three())
def test_again_with_what_it_led_to_changes_nothing(three):
    merged = merge(*three)
    assert merge(merged, made(merged), merged) == merged


@given(outside())
def test_applying_the_merged_record_leaves_the_region_as_it_was_seen(pair):
    record, seen = pair
    merged = merge(record, seen, record)
    steps = plan(merged, seen).steps
    closing = {c.certificate_id for c in merged.certificates if c.status is REVOKED}
    for step in steps:
        # Only a revocation of the record may still have to be made here.
        assert step.certificate is not None
        assert step.certificate.certificate_id in closing


@given(any_three())
def test_deletion_is_concluded_only_where_the_record_was_applied_as_it_is(three):
    base, seen, wanted = three
    merged = merge(base, seen, wanted)
    if merged.is_deleted and not wanted.is_deleted:
        assert base is not None
        assert seen.body is None
        assert base.digest == replace(wanted, revoked=wanted.revoked).digest


@given(any_three())
def test_merged_record_is_read_again_as_it_was_written(three):
    base, seen, wanted = three
    merged = merge(base, seen, wanted)
    items = {item.sort_key: item for item in _items(wanted)}
    before = replace(wanted, stamps=tuple((name, "s") for name in items))
    for draft in drafts(merged, before):
        items[draft.sort_key] = Stored(
            draft.sort_key,
            draft.value,
            is_deleted=draft.is_deleted,
            life=draft.life,
        )
    assert record_of(wanted.key, items.values()).digest == merged.digest


def _items(record):
    kind = record.key.kind
    if kind is Kind.SHADOWS:
        yield Stored("shadow#gone", None, is_deleted=True)
        for name, document in record.body.documents:
            yield Stored(f"shadow#{name}", document)
        return
    yield Stored(
        kind.value, record.body, is_deleted=record.is_deleted, life=record.life
    )
    for item in record.certificates:
        name = f"certificate#{item.certificate_id}"
        yield Stored(name, item, life=record.life)
    for certificate_id in record.gone:
        yield Stored(f"certificate#{certificate_id}", None, is_deleted=True)
    for certificate_id in record.revoked:
        yield Stored(f"revoked#{certificate_id}", None)


OVEN = Record(
    thing_key("oven"),
    Thing("oven", None, (("a", "1"), ("b", "1")), ("p", "q")),
    (certificate("a"),),
)


def thing(record, **given):
    return replace(record, body=replace(record.body, **given))


def test_where_both_changed_the_same_the_record_wins_and_the_rest_is_taken():
    seen = made(thing(OVEN, attributes=(("a", "2"), ("b", "2"))))
    wanted = thing(OVEN, attributes=(("a", "3"), ("b", "1")))
    merged = merge(OVEN, seen, wanted)
    assert merged.body.attributes == (("a", "3"), ("b", "2"))


def test_group_left_outside_and_group_joined_in_the_record_are_both_kept():
    merged = merge(
        OVEN, made(thing(OVEN, groups=("q",))), thing(OVEN, groups=("p", "q", "r"))
    )
    assert merged.body.groups == ("q", "r")


def test_certificate_that_the_record_removed_is_not_taken_back():
    wanted = replace(OVEN, certificates=(), gone=(certificate("a").certificate_id,))
    assert merge(OVEN, made(OVEN), wanted) == wanted


def test_certificate_attached_again_after_its_removal_was_applied_is_taken():
    base = replace(OVEN, certificates=(), gone=(certificate("a").certificate_id,))
    assert merge(base, made(OVEN), base) == OVEN


def test_certificate_not_yet_applied_is_not_taken_for_removed():
    wanted = replace(OVEN, certificates=(certificate("a"), certificate("b")))
    merged = merge(OVEN, made(OVEN), wanted)
    assert {c.certificate_id for c in merged.certificates} == {
        certificate("a").certificate_id,
        certificate("b").certificate_id,
    }


def test_certificate_closed_outside_and_opened_in_the_record_is_closed():
    def with_status(status):
        return replace(OVEN, certificates=(certificate("a", status),))

    merged = merge(None, made(with_status(INACTIVE)), with_status(ACTIVE))
    assert merged.certificates[0].status is INACTIVE
    again = merge(
        with_status(INACTIVE), made(with_status(ACTIVE)), with_status(INACTIVE)
    )
    assert again.certificates[0].status is ACTIVE


def test_thing_of_a_former_life_is_not_taken_for_the_new_one():
    wanted = replace(OVEN, life=1, certificates=(certificate("b"),))
    assert merge(OVEN, made(OVEN), wanted) == wanted


def test_deleted_name_that_is_still_here_is_not_resurrected():
    wanted = replace(OVEN, body=None, certificates=(), is_deleted=True)
    assert merge(OVEN, made(OVEN), wanted) == wanted
    assert merge(None, made(OVEN), wanted) == wanted


def test_name_whose_tombstone_is_purged_is_not_resurrected():
    absent = Record(OVEN.key, None)
    assert merge(OVEN, made(OVEN), absent) == absent


def test_unknown_name_takes_certificates_that_came_before_its_body():
    early = Record(OVEN.key, None, (certificate("b"),))
    merged = merge(None, made(OVEN), early)
    assert len(merged.certificates) == 2
