import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.error_budget import BudgetPolicy, ErrorBudget
from hotsite.errors import InvalidInputError

GOOD, LATE, REFUSED = (0.1, False), (2.1, False), (0.1, True)


def spent_after(publishes, **policy):
    """Return after how many publishes the budget is spent; None for never."""
    budget = ErrorBudget(BudgetPolicy(**policy))
    for count, (took_s, is_refused) in enumerate(publishes, start=1):
        budget.note(took_s, is_refused=is_refused)
        if budget.verdict():
            return count
    return None


@pytest.mark.parametrize(
    ("publishes", "spent"),
    [
        ([], None),
        ([GOOD] * 100, None),
        ([LATE] * 9, None),
        ([LATE] * 10, 10),
        ([REFUSED] * 10, 10),
        ([LATE, REFUSED] * 5, 10),
        ([(2.0, False)] * 50, None),
        ([GOOD] * 100 + [LATE] * 10, 110),
        ([LATE, GOOD] * 50, 19),
        ([LATE, GOOD, GOOD] * 50, None),
        (([LATE] * 9 + [GOOD] * 11) * 5, None),
    ],
)
def test_half_of_the_last_twenty_is_too_much(publishes, spent):
    assert spent_after(publishes) == spent


@given(st.lists(st.sampled_from([GOOD, LATE, REFUSED]), max_size=80))
def test_the_budget_is_spent_exactly_when_the_last_ones_hold_too_many_bad(publishes):
    expected = None
    for count in range(1, len(publishes) + 1):
        last = publishes[max(0, count - 20) : count]
        if sum(item != GOOD for item in last) >= 10:
            expected = count
            break
    assert spent_after(publishes) == expected


def test_the_reason_says_how_many_of_how_many():
    budget = ErrorBudget(BudgetPolicy(publish_count=4, bad_count=2))
    for took_s, is_refused in (GOOD, LATE, REFUSED):
        budget.note(took_s, is_refused=is_refused)
    assert budget.verdict() == "2 of 3 publishes were refused or took over 2 s"


@pytest.mark.parametrize(
    "changes", [{"bad_count": 0}, {"bad_count": 21}, {"late_s": 0}]
)
def test_a_budget_that_is_always_or_never_spent_is_refused(changes):
    with pytest.raises(InvalidInputError):
        BudgetPolicy(**changes)
