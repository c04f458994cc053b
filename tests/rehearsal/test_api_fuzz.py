"""A hundred thousand requests to the onboarding API in memory: see ``api_fuzz``."""

import secrets
from collections import Counter

from tests.faces.api_fuzz import Player, from_the_document

PLAYED, MADE = 90_000, 10_000


def test_hundred_thousand_requests_are_no_500_no_crash_and_nothing_in_part():
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    told = Counter(Player(seed).play(PLAYED))
    made = from_the_document(MADE, derandomize=False)
    print(f"played {dict(told)}, made {dict(made)}")
    assert told.total() + made.total() >= 0.99 * (PLAYED + MADE)
