"""Quotas that an account has raised, as a stack's parameter says them."""

import pytest

from hotsite.core.apis import default_limits, limits_of
from hotsite.errors import InvalidInputError

REGION = "eu-central-1"


@pytest.mark.parametrize("raised", ["", "{}"])
def test_what_nobody_raised_is_the_default(raised):
    assert limits_of(REGION, raised, where="x") == default_limits(REGION)


def test_what_is_raised_replaces_the_default_alone():
    (api, limit), *rest = default_limits(REGION).items()
    found = limits_of(REGION, f'{{"{api}": {limit * 4:g}}}', where="x")
    assert found == {api: limit * 4, **dict(rest)}


@pytest.mark.parametrize(
    ("raised", "problem"),
    [
        ("{", "x: is not JSON"),
        ("[]", "x: is not a JSON object"),
        ('{"MakeTea": 5}', "x: no quota is known for 'MakeTea'"),
        ('{"%s": true}', "must be a number above 0"),
        ('{"%s": "5"}', "must be a number above 0"),
        ('{"%s": 0}', "must be a number above 0"),
    ],
)
def test_what_makes_no_sense_is_one_line(raised, problem):
    api = next(iter(default_limits(REGION)))
    with pytest.raises(InvalidInputError, match=problem):
        limits_of(REGION, raised.replace("%s", api), where="x")
