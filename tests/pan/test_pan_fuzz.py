"""A few hundred frames for each endpoint; rehearsals throw 100,000."""

import pytest
from tests.pan.pan_fuzz import fuzz_endpoint, fuzz_handshake
from tests.pan.test_pan_device import Home, Shelf

from hotsite.core.pan import Endpoint

INSIDE = [endpoint for endpoint in Endpoint if endpoint.number]


@pytest.mark.parametrize("endpoint", INSIDE)
async def test_no_frame_breaks_an_endpoint(tmp_path, endpoint):
    parts = {"firmware": Shelf(), "wifi": Home()}
    said = await fuzz_endpoint(tmp_path, endpoint, 300, 7, **parts)
    assert said["done"] > 0


def test_no_frame_breaks_the_handshake_and_wrong_proofs_count(tmp_path):
    said = fuzz_handshake(tmp_path, 2000, 7)
    assert said["wrong_proofs"] > 0
    assert said["refused"] > 0
