from dataclasses import replace

import pytest
from tests.sample_registry import certificate

from hotsite.core.drift import Cause, Drift, failed, findings
from hotsite.core.registry import (
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
from hotsite.core.replication import NOTHING, Present

FIRST = certificate("first", policies=("tight",))
ID = f"{FIRST.certificate_id[:8]}…"
OVEN = Record(
    thing_key("oven"), Thing("oven", None, (("a", "1"),), ("hall",)), (FIRST,)
)
HALL = Record(
    Key(Kind.THING_GROUP, "hall"), ThingGroup("hall", None, "", (), ("tight",))
)
REVOKED = replace(FIRST, status=CertificateStatus.REVOKED)


def seen(record, **given):
    return replace(Present.of(record), **given)


CASES = [
    (OVEN, NOTHING, {"thing oven is missing", f"{{}}{ID} is missing"}),
    (
        OVEN,
        seen(OVEN, body=replace(OVEN.body, attributes=())),
        {"thing oven: type or attributes differ"},
    ),
    (
        OVEN,
        seen(OVEN, body=replace(OVEN.body, groups=("yard",))),
        {
            "thing oven: group hall is missing",
            "thing oven: group yard is here, and not in the record",
        },
    ),
    (
        OVEN,
        seen(OVEN, certificates=(REVOKED,)),
        {f"{{}}{ID} is REVOKED here, ACTIVE in the record"},
    ),
    (OVEN, seen(OVEN, attached=frozenset()), {f"{{}}{ID} is not attached"}),
    (
        OVEN,
        seen(OVEN, certificates=(replace(FIRST, policies=("wide",)),)),
        {
            f"{{}}{ID}: policy tight is missing",
            f"{{}}{ID}: policy wide is not in the record",
        },
    ),
    (
        replace(OVEN, certificates=()),
        seen(OVEN),
        {f"{{}}{ID} is here, and not in the record"},
    ),
    (
        Record(OVEN.key, None),
        seen(OVEN),
        {"thing oven is here, and not in the record"},
    ),
    (
        HALL,
        seen(HALL, body=replace(HALL.body, policies=("wide",))),
        {
            "thing group hall: policy tight is missing",
            "thing group hall: policy wide is here, and not in the record",
        },
    ),
    (
        Record(Key(Kind.POLICY, "p"), Policy("p", "{}")),
        Present(Policy("p", '{"a":1}')),
        {"policy p: document differs"},
    ),
    (
        Record(Key(Kind.SHADOWS, "oven"), Shadows("oven", (("", "{}"), ("x", "{}")))),
        Present(Shadows("oven", (("y", "{}"),))),
        {
            "shadows of oven: classic shadow differs",
            "shadows of oven: named shadow x differs",
            "shadows of oven: named shadow y is here, and not in the record",
        },
    ),
]


@pytest.mark.parametrize(("record", "there", "texts"), CASES)
def test_difference_is_told_in_words(record, there, texts):
    wanted = {text.format("thing oven: certificate ") for text in texts}
    found = {item.text for item in findings(record, there, Cause.OUTSIDE)}
    assert found == wanted


@pytest.mark.parametrize(("record", "there", "texts"), CASES[:-1])
def test_equal_has_no_finding(record, there, texts):
    if not record.is_absent:
        assert findings(record, Present.of(record), Cause.OUTSIDE) == ()


def test_name_that_is_deleted_in_the_record_is_extra():
    deleted = replace(OVEN, body=None, certificates=(), is_deleted=True)
    first, *_ = sorted(
        findings(deleted, seen(OVEN), Cause.OUTSIDE), key=lambda item: item.text
    )
    texts = {item.text for item in findings(deleted, seen(OVEN), Cause.OUTSIDE)}
    assert "thing oven is here, and deleted in the record" in texts
    assert first.drift is Drift.EXTRA


def test_what_a_plan_cannot_mend_is_told_with_the_reason():
    record = Record(Key(Kind.THING_TYPE, "t"), ThingType("t", "one"))
    (found,) = findings(record, Present(ThingType("t", "two")), Cause.OUTSIDE)
    assert "delete the type" in found.text


def test_failure_names_the_key_and_the_reason():
    assert failed(OVEN.key, "too long").text == (
        "thing oven can never be applied: too long"
    )
