"""100,000 random and mutated frames for each endpoint of a device."""

import time

import pytest
from tests.pan.pan_fuzz import fuzz_endpoint, fuzz_handshake
from tests.pan.test_pan_device import Home, Shelf

from hotsite.core.pan import Endpoint

FRAMES = 100_000
pytestmark = pytest.mark.timeout(600)


@pytest.mark.parametrize("endpoint", [one for one in Endpoint if one.number])
async def test_no_frame_breaks_an_endpoint(tmp_path, endpoint):
    started = time.monotonic()
    parts = {"firmware": Shelf(), "wifi": Home()}
    said = await fuzz_endpoint(tmp_path, endpoint, FRAMES, 11, **parts)
    print(f"\n{endpoint.word}: {said} in {time.monotonic() - started:.1f} s")


def test_no_frame_breaks_the_handshake_and_the_lock_out_holds(tmp_path):
    started = time.monotonic()
    said = fuzz_handshake(tmp_path, FRAMES, 11)
    print(f"\nprov-session: {said} in {time.monotonic() - started:.1f} s")
    assert said["wrong_proofs"] > 50
