from dataclasses import replace

import pytest
from tests.sample_registry import certificate

from hotsite.core.registry import (
    CaCertificate,
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
from hotsite.core.validity import certificate_id_of, check
from hotsite.errors import InvalidInputError

FIRST = certificate("c1")
OVEN = Thing("oven", "device", (("model", "x=1"),), ("fleet",))
LONG = "n" * 10_000


def thing(body=OVEN, *certificates):
    return Record(thing_key(body.name), body, certificates)


def of(kind, body):
    return Record(Key(kind, body.name), body)


FINE = [
    thing(OVEN, FIRST),
    thing(replace(OVEN, type_name=None, groups=())),
    Record(thing_key(LONG), None, is_deleted=True),
    of(Kind.THING_GROUP, ThingGroup("hall", "site", policies=("p",))),
    of(Kind.THING_TYPE, ThingType("device", searchable=("a", "b", "c"))),
    of(Kind.POLICY, Policy("p=1,@x", '{"Statement": []}')),
    of(Kind.CA_CERTIFICATE, CaCertificate(FIRST.certificate_id, FIRST.pem)),
    of(Kind.SHADOWS, Shadows("oven", (("", "{}"), ("config", "{}")))),
]


@pytest.mark.parametrize("record", FINE, ids=lambda record: str(record.key)[:20])
def test_what_aws_takes_passes(record):
    check(record)


BAD = [
    (thing(replace(OVEN, name=LONG)), r"nnn…' \(10000 characters\) is no name"),
    (thing(replace(OVEN, name="a b")), "'a b' is no name"),
    (thing(replace(OVEN, groups=(LONG,))), "10000 characters"),
    (thing(replace(OVEN, type_name="ü")), "'ü' is no name"),
    (thing(replace(OVEN, groups=tuple("abcdefghijk"))), "11 groups of a thing"),
    (thing(replace(OVEN, attributes=(("a", "b c"),))), "attribute a: 'b c'"),
    (thing(replace(OVEN, attributes=(("a", ""),))), "attribute a: ''"),
    (thing(replace(OVEN, attributes=(("a b", "c"),))), "'a b' is no attribute name"),
    (
        thing(replace(OVEN, type_name=None, attributes=tuple((c, c) for c in "abcd"))),
        "4 attributes, and AWS IoT takes 3",
    ),
    (thing(OVEN, replace(FIRST, pem="hello")), "is not PEM"),
    (thing(OVEN, replace(FIRST, pem=certificate("c2").pem)), "is not the SHA-256"),
    (
        thing(OVEN, replace(FIRST, policies=tuple("abcdefghijk"))),
        "11 policies of a certificate",
    ),
    (of(Kind.POLICY, Policy("p", '{"a": "' + "x" * 2048 + '"}')), "2056 characters"),
    (of(Kind.POLICY, Policy("p", "{nope")), "the policy is not JSON"),
    (of(Kind.POLICY, Policy("p q", "{}")), "'p q' is no name"),
    (of(Kind.THING_GROUP, ThingGroup("hall", "hall")), "its own parent"),
    (of(Kind.THING_TYPE, ThingType("d", searchable=tuple("abcd"))), "4 searchable"),
    (of(Kind.CA_CERTIFICATE, CaCertificate("c", "nothing")), "is not PEM"),
    (of(Kind.SHADOWS, Shadows("oven", (("a b", "{}"),))), "no shadow name"),
    (of(Kind.SHADOWS, Shadows("oven", (("", "x" * 30_721),))), "larger than 30720"),
]


@pytest.mark.parametrize(("record", "expected"), BAD, ids=lambda _: "")
def test_what_no_region_would_take_is_refused_in_one_line(record, expected):
    with pytest.raises(InvalidInputError, match=expected) as caught:
        check(record)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "-----BEGIN CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nü\n-----END CERTIFICATE-----",
        "-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----",
        "x -----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
    ],
)
def test_what_is_not_pem_has_no_id(pem):
    with pytest.raises(InvalidInputError, match="not PEM"):
        certificate_id_of(pem)
