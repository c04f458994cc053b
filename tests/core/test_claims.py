import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core import claims
from hotsite.core.claims import Format, State
from hotsite.core.onboarding import Claim, Entry
from hotsite.core.registry import Certificate
from hotsite.errors import InvalidInputError

DIGEST = hashlib.sha256(b"s3cret").hexdigest()


def read(text, kind=Format.CSV):
    return list(claims.read(text.splitlines(keepends=True), kind, where="list"))


def test_csv_gives_ids_digests_and_attributes_by_column():
    text = "id,secret,model,batch\noven-1,s3cret,x1,7\n\noven-2,other,x2,\n"
    first, second = read(text)
    assert (first.line, second.line) == (2, 4)
    assert first.entry == Entry("oven-1", DIGEST, (("batch", "7"), ("model", "x1")))
    assert second.entry.attributes == (("model", "x2"),)
    assert "s3cret" not in repr(first)


def test_list_may_hold_hashes_alone():
    (one,) = read(f"id,secret_sha256\noven-1,{DIGEST}\n")
    assert one.entry == Entry.of(Claim("oven-1", "s3cret"), {})


def test_both_ways_of_writing_say_the_same():
    row = {"id": "oven-1", "secret": "s3cret", "attributes": {"model": "x1"}}
    (one,) = read(json.dumps(row) + "\n\n", Format.JSONL)
    (other,) = read("\ufeffid,secret,model\noven-1,s3cret,x1\n")
    assert one.entry == other.entry


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "list: is empty"),
        ("serial,secret\n", "list:1: the first line must name each column"),
        ("id,id\n", "list:1: the first line must name each column"),
        ("id,secret\noven-1\n", "list:2: 1 fields, and the first line has 2"),
        ("id,secret\noven-1,\n", "list:2: needs either secret or secret_sha256"),
        (f"id,secret,secret_sha256\na,b,{DIGEST}\n", "list:2: needs either"),
        ("id,secret_sha256\na,XYZ\n", "list:2: secret_sha256 must be 64 hex digits"),
        ("id,secret\noven 1,s\n", "list:2: id must be 1 to 128 of"),
        ("id,secret\na,s\nb,s\na,t\n", "list:4: a is on line 2 already"),
        ("id,secret,model\na,s,two words\n", "list:2: attribute model: 'two words'"),
        ('id,secret\n"a,s\n', "list:2: unexpected end of data"),
    ],
)
def test_wrong_csv_is_told_by_line(text, message):
    with pytest.raises(InvalidInputError) as told:
        read(text)
    assert str(told.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "list:1: not JSON"),
        ("\n[]", "list:2: must be a JSON object"),
        ('{"id": "a", "secrets": "s"}', "list:1: unknown key 'secrets'"),
        ('{"id": "a", "secret": 7}', "list:1: secret must be"),
        ('{"id": "a", "secret": "s", "attributes": {"n": 1}}', "list:1: attributes"),
        ('{"id": "a", "secret": "\\ud800"}', "list:1: secret is no Unicode text"),
    ],
)
def test_wrong_json_lines_are_told_by_line(text, message):
    with pytest.raises(InvalidInputError) as told:
        read(text, Format.JSONL)
    assert str(told.value).startswith(message)


@given(st.text(), st.sampled_from(list(Format)))
def test_any_text_is_a_list_or_one_clear_error(text, kind):
    said = "list:"
    try:
        found = read(text, kind)
    except InvalidInputError as error:
        found, said = [], str(error)
    assert said.startswith("list:")
    assert len({one.entry.claim_id for one in found}) == len(found)


def test_state_follows_the_claims_life():
    free = Entry("a", DIGEST)
    taken = Entry("a", DIGEST, csr_digest="d")
    enrolled = Entry("a", DIGEST, csr_digest="d", certificate=Certificate("c", "PEM"))
    states = [claims.state_of(one) for one in (free, taken, enrolled)]
    assert states == [State.FREE, State.TAKEN, State.ENROLLED]
    assert claims.is_same(free, enrolled)
    assert not claims.is_same(free, Entry("a", DIGEST, (("model", "x1"),)))
