"""The two rules on live messages: one of them fires for each, whatever comes."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ministack.services import iot

from hotsite.core.outbox import Key
from hotsite.core.telemetry import decode_message, sort_key
from hotsite.errors import InvalidInputError
from hotsite.infra.constructs.telemetry import IS_MESSAGE, IS_NO_MESSAGE
from hotsite.local.region import sql

pytestmark = pytest.mark.local

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**13), 10**13)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
NAMES = ("sk", "epoch", "seq", "published_at_s", "data", "thing")


@pytest.fixture(scope="module", autouse=True)
def functions():
    """The functions that the Region adds to the emulator."""
    original = iot._eval_select_function
    iot._eval_select_function = sql.more_functions(iot)(original)
    yield
    iot._eval_select_function = original


def good(epoch=3, seq=7, **changes):
    message = {
        "sk": sort_key(Key(epoch, seq)),
        "epoch": epoch,
        "seq": seq,
        "published_at_s": 1.5,
        "data": {"celsius": 20.5},
    }
    return message | changes


def fires(where, payload):
    message = iot._rule_message(payload)
    return iot._eval_where(where, "dt/oven/telemetry", payload, message)


def assert_one_fires(payload):
    is_message = fires(IS_MESSAGE, payload)
    assert fires(IS_NO_MESSAGE, payload) is not is_message
    return is_message


@given(
    st.integers(0, 9_999_999_999),
    st.integers(1, 999_999_999_999),
    st.floats(-1e12, 1e12),
    st.dictionaries(st.text(max_size=5), JSON, max_size=3),
)
def test_what_the_core_encodes_is_a_message(epoch, seq, at_s, data):
    message = good(epoch, seq, published_at_s=at_s, data=data)
    assert assert_one_fires(json.dumps(message).encode())


@given(st.dictionaries(st.sampled_from(NAMES), JSON), st.sets(st.sampled_from(NAMES)))
def test_either_rule_fires_and_never_both(changes, missing):
    message = good() | changes
    message = {key: value for key, value in message.items() if key not in missing}
    payload = json.dumps(message).encode()
    is_message = assert_one_fires(payload)
    try:
        decode_message(json.loads(payload), thing="oven")
    except InvalidInputError as error:
        # The rule sees neither of these: the table, or a reader, does.
        is_seen_later = "seconds since" in str(error) or (
            "data must be" in str(error) and isinstance(message.get("data"), str)
        )
        # To this language 7.0 is 7 (SQL version 2016-03-23).
        is_whole = any(isinstance(message.get(n), float) for n in ("epoch", "seq"))
        assert not is_message or is_seen_later or is_whole


@given(st.binary(max_size=200))
def test_bytes_that_are_no_json_are_turned_away(payload):
    assert_one_fires(payload)


@pytest.mark.parametrize("value", ["null", "1", "[]", '"x"', "{}"])
def test_json_that_is_no_message_is_turned_away(value):
    assert not assert_one_fires(value.encode())
