"""A thousand requests nobody would send; ``tests/rehearsal`` has a hundred thousand."""

import pytest
from tests.faces.api_fuzz import Player, from_the_document


@pytest.mark.parametrize("seed", [1, 2])
def test_broken_requests_get_promised_answers_and_leave_nothing_in_part(seed):
    told = Player(seed).play(600)
    assert {201, 204, 200, 400, 403, 404, 409} <= told.keys()


def test_requests_made_from_the_document_get_promised_answers():
    told = from_the_document(240, derandomize=True)
    assert told.total() >= 200
    assert {200, 400} <= told.keys()
