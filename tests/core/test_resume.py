import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core import resume
from hotsite.core.intervals import Intervals
from hotsite.core.resume import Answer, Ask, Holding, Range
from hotsite.errors import InvalidInputError

NUMBERS = st.frozensets(st.integers(1, 60), max_size=60)
RANGES = st.tuples(st.integers(1, 60), st.integers(1, 60)).map(sorted)


def ask(*ranges, token=7):
    return Ask(token, tuple(Range(*item) for item in ranges))


@given(NUMBERS, RANGES)
def test_what_is_vouched_for_is_exactly_what_the_store_holds_of_it(stored, bounds):
    lo, hi = bounds
    question = ask((3, lo, hi))
    given = resume.answer(question, {3: Intervals.from_numbers(stored)})
    assert set(resume.vouched(question, given).get(3, ())) == {
        number for number in stored if lo <= number <= hi
    }


@given(NUMBERS, RANGES)
def test_the_watermark_is_the_end_of_the_first_unbroken_run(stored, bounds):
    lo, hi = bounds
    answer = resume.answer(ask((3, lo, hi)), {3: Intervals.from_numbers(stored)})
    watermark = answer.holdings[0].watermark
    assert all(number in stored for number in range(lo, watermark + 1))
    assert watermark == hi or watermark + 1 not in stored


@given(NUMBERS, RANGES)
def test_questions_and_answers_survive_the_wire(stored, bounds):
    question = ask((3, *bounds), (2, 1, 9))
    answer = resume.answer(
        question, {3: Intervals.from_numbers(stored)}, throttle_spread_s=12.5
    )
    assert resume.decode_ask(resume.encode(question)) == question
    assert resume.decode_answer(resume.encode(answer)) == answer


def test_an_epoch_that_was_not_looked_at_is_not_vouched_for():
    question = ask((3, 1, 9), (2, 1, 9))
    given = resume.answer(question, {3: Intervals(((1, 9),))})
    assert resume.vouched(question, given) == {3: Intervals(((1, 9),))}


@pytest.mark.no_cover
def test_an_answer_with_too_many_gaps_vouches_for_less_and_stays_short():
    stored = Intervals.from_numbers(range(2, 20_000, 2))
    question = ask((3, 1, 20_000))
    given = resume.answer(question, {3: stored})
    assert len(resume.encode(given)) < 128 * 1024
    vouched = resume.vouched(question, given)[3]
    assert 3_000 < vouched.size < stored.size
    assert not vouched.difference(stored)


@pytest.mark.parametrize(
    "holding",
    [
        Holding(9, 9, 9, Intervals()),
        Holding(3, 99, 4, Intervals(((5, 4_000),))),
        Holding(3, -5, -9, Intervals()),
    ],
)
def test_an_answer_vouches_for_nothing_that_was_not_asked(holding):
    vouched = resume.vouched(ask((3, 1, 4)), Answer(7, (holding,)))
    assert not set(vouched) - {3}
    assert all(1 <= number <= 4 for kept in vouched.values() for number in kept)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not JSON"),
        (b"[]", "must be a table"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"token":1}', "ranges is missing"),
        (b'{"token":1,"ranges":[],"v":2}', "version 2 is unknown"),
        (b'{"token":1,"ranges":[{"epoch":1,"lo":3,"hi":2}]}', "is no range"),
        (b'{"token":1,"ranges":[{"epoch":1,"lo":0,"hi":2}]}', "is no range"),
        (
            b'{"token":1,"ranges":['
            + b",".join([b'{"epoch":1,"lo":1,"hi":2}'] * 2)
            + b"]}",
            "each epoch can be asked for once",
        ),
        (
            b'{"token":1,"ranges":['
            + b",".join(b'{"epoch":%d,"lo":1,"hi":2}' % n for n in range(65))
            + b"]}",
            "at most 64 ranges",
        ),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused_in_one_line(payload, reason):
    with pytest.raises(InvalidInputError, match=reason) as refusal:
        resume.decode_ask(payload)
    assert "\n" not in str(refusal.value)


HERE, THERE = "x.iot.eu-west-1.amazonaws.com", "x.iot.eu-central-1.amazonaws.com"


@pytest.mark.parametrize(
    ("sites", "is_turned_away"),
    [((), False), ((HERE,), False), ((THERE,), True), ((HERE, THERE), True)],
)
def test_a_device_was_turned_away_where_another_region_did_not_let_it_in(
    sites, is_turned_away
):
    failed = tuple(resume.Failed(site, 2) for site in sites)
    question = resume.decode_ask(resume.encode(Ask(7, (Range(3, 1, 9),), failed)))
    assert question.failed == failed
    assert resume.was_turned_away(question, "eu-west-1") == is_turned_away


@pytest.mark.parametrize(
    "failed", [[{"site": HERE, "count": 0}], [{"site": HERE, "count": 1}] * 7]
)
def test_a_question_that_blames_nobody_or_too_many_is_refused(failed):
    wire = {"token": 1, "ranges": [], "failed": failed, "v": 1}
    with pytest.raises(InvalidInputError, match="can have failed"):
        resume.decode_ask(json.dumps(wire))
