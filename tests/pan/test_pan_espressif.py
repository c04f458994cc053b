"""Counter-parties that we did not write: Espressif's messages, and another SRP."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from esp_protocomm.proto import sec2_pb2, session_pb2
from tests.pan.pan_world import POP, make_device

from hotsite.adapters.pan_http import HttpDoor
from hotsite.core import pan_handshake
from hotsite.core.pan_handshake import (
    Challenge,
    HandshakeStatus,
    Opening,
    Proof,
    Verdict,
)

PHONE = Path(__file__).with_name("espressif_phone.py")


async def phone(door, pop):
    """Play the other phone in a process of its own."""
    command = (sys.executable, str(PHONE), f"127.0.0.1:{door.port}", pop)
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, error = await process.communicate()
    assert process.returncode == 0, error.decode()
    return json.loads(out)


@pytest.fixture
async def door(tmp_path):
    opened = HttpDoor(make_device(tmp_path))
    await opened.open("127.0.0.1", 0)
    yield opened
    await opened.close()


async def test_a_phone_of_another_make_opens_a_session_and_reads_who_it_is(door):
    said = await phone(door, POP)
    assert said["sec_patch_ver"] == 1
    assert said["statuses"] == [0, 0]
    assert said["headers"] == [[0x81, 0]] * 3
    assert said["info"]["serial"] == "oven-1"


async def test_a_phone_of_another_make_with_a_wrong_code_is_refused_then_locked(door):
    for _ in range(3):
        said = await phone(door, "2222-2222-2222")
        assert said["statuses"] == [0, HandshakeStatus.WRONG_PROOF]
        assert "info" not in said
    said = await phone(door, POP)
    assert said["statuses"] == [HandshakeStatus.NOT_NOW, None]


def test_every_message_is_what_espressifs_own_code_writes_and_reads():
    theirs = session_pb2.SessionData(sec_ver=session_pb2.SecScheme2)
    theirs.sec2.sc0.client_username = b"hotsite"
    theirs.sec2.sc0.client_pubkey = bytes(range(256))
    ours = Opening(b"hotsite", bytes(range(256)))
    assert pan_handshake.decode(theirs.SerializeToString()) == ours
    assert pan_handshake.encode(ours) == theirs.SerializeToString()
    theirs = session_pb2.SessionData(sec_ver=session_pb2.SecScheme2)
    theirs.sec2.msg = sec2_pb2.S2Session_Command1
    theirs.sec2.sc1.client_proof = b"proof"
    assert pan_handshake.decode(theirs.SerializeToString()) == Proof(b"proof")
    read = session_pb2.SessionData()
    read.ParseFromString(
        pan_handshake.encode(Challenge(HandshakeStatus.BUSY, wait_s=12))
    )
    assert read.sec2.msg == sec2_pb2.S2Session_Response0
    assert read.sec2.sr0.status == HandshakeStatus.BUSY
    read.ParseFromString(
        pan_handshake.encode(Verdict(HandshakeStatus.SUCCESS, b"proof", b"nonce"))
    )
    assert read.sec2.msg == sec2_pb2.S2Session_Response1
    assert (read.sec2.sr1.device_proof, read.sec2.sr1.device_nonce) == (
        b"proof",
        b"nonce",
    )
