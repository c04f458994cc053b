"""A phone before devices that lie, stammer or are of another make."""

import pytest
from tests.pan.pan_fuzz import Plain
from tests.pan.pan_world import LABEL, SALT, DirectLink, make_device
from tests.pan.test_pan_device import course

from hotsite.adapters.pan_security import PhoneSecurity
from hotsite.core import label, pan_frames, pan_handshake
from hotsite.core.pan import Endpoint, RefusalError, Status
from hotsite.core.pan_frames import Whole
from hotsite.core.pan_handshake import (
    Challenge,
    HandshakeStatus,
    Opening,
    Proof,
    Verdict,
)
from hotsite.errors import HotsiteError, InvalidInputError, UnreachableError
from hotsite.flows.companion import Network, PanSession, onboard, open_session


class Script:
    """A device that says what the test wrote down, value by value."""

    def __init__(self, *answers):
        self.answers = list(answers)

    async def exchange(self, endpoint, value):
        return self.answers.pop(0)

    async def close(self):
        """Nothing is open."""


def said(body, status=Status.DONE, endpoint=Endpoint.INFO):
    return pan_frames.encode_answer(endpoint, status, body)


ANSWER = b'{"serial": "oven-1"}'
LONG = said(Whole.of(ANSWER).encode(), Status.LONG)


async def test_a_long_answer_is_put_together(tmp_path):
    script = Script(LONG, said(ANSWER[:5]), said(ANSWER[5:]))
    told = await PanSession(script, Plain()).call(Endpoint.INFO, {"do": "read"})
    assert told == {"serial": "oven-1"}


@pytest.mark.parametrize(
    ("answers", "kind"),
    [
        ((LONG, said(b"")), UnreachableError),
        ((LONG, said(b"x" * len(ANSWER))), UnreachableError),
        ((said(ANSWER, endpoint=Endpoint.WIFI),), InvalidInputError),
        ((b"",), InvalidInputError),
        ((b"\x81\x77",), InvalidInputError),
        ((said(b"[]"),), InvalidInputError),
        ((said(b"{", Status.STATE),), InvalidInputError),
        ((said(b"{}", Status.STATE),), RefusalError),
        ((said(b"", Status.LONG),), RefusalError),
    ],
)
async def test_a_stammering_device_is_an_error_and_never_an_answer(answers, kind):
    session = PanSession(Script(*answers), Plain())
    with pytest.raises(kind):
        await session.call(Endpoint.INFO, {"do": "read"})


PUBLIC = b"\1" * 384


@pytest.mark.parametrize(
    "answers",
    [
        (Challenge(HandshakeStatus.INVALID_PUBLIC),) * 3,
        (Verdict(HandshakeStatus.SUCCESS),),
        (Proof(b""),),
        (Challenge(HandshakeStatus.SUCCESS, bytes(384), SALT),),
        (Challenge(HandshakeStatus.SUCCESS, b"\1", SALT),),
        (Challenge(HandshakeStatus.SUCCESS, PUBLIC, SALT), Opening(b"", b"")),
        (
            Challenge(HandshakeStatus.SUCCESS, PUBLIC, SALT),
            Verdict(HandshakeStatus.NOT_NOW),
        ),
        (
            Challenge(HandshakeStatus.SUCCESS, PUBLIC, SALT),
            Verdict(HandshakeStatus.SUCCESS, bytes(64), bytes(12)),
        ),
    ],
)
async def test_a_device_that_cannot_prove_itself_gets_no_session(answers):
    script = Script(*map(pan_handshake.encode, answers))
    with pytest.raises(HotsiteError):
        await open_session(script, LABEL, PhoneSecurity())


async def test_a_device_that_answers_nonsense_gets_no_session():
    with pytest.raises(UnreachableError, match="answer"):
        await open_session(Script(b"\xff"), LABEL, PhoneSecurity())


class Refusing:
    """A device's Wi-Fi with a passphrase that is not the owner's."""

    def scan(self):
        return []

    def join(self, ssid, passphrase):
        """Take it; that it is wrong shows later."""

    def status(self):
        return {"state": "failed", "ssid": "home", "reason": "passphrase"}


async def test_a_wrong_passphrase_is_told_before_a_claim_is_used(tmp_path):
    device = make_device(tmp_path, wifi=Refusing())
    session = await open_session(DirectLink(device), LABEL, PhoneSecurity())
    steps = []
    with pytest.raises(RefusalError, match="passphrase"):
        await onboard(
            session, course(device, network=Network("home", "x" * 8), tell=steps.append)
        )
    assert steps == ["wifi"]


async def test_what_a_phone_before_brought_is_tried_again(tmp_path):
    device = make_device(tmp_path)
    session = await open_session(DirectLink(device), LABEL, PhoneSecurity())
    await onboard(session, course(None, looks_max=0))
    device.desk.trial.fail("no answer in time")
    steps = []
    told = await onboard(session, course(device, tell=steps.append))
    assert told["state"] == "provisioned"
    assert steps == ["connecting"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "https://example.com",
        "[]",
        '{"ver":"v2"}',
        '{"ver":"v1"}',
        '{"ver":"v1","serial":"oven 1","pop":"2222-2222-2222"}',
        '{"ver":"v1","serial":"oven-1","pop":7}',
        '{"ver":"v1","serial":"oven-1","pop":"short"}',
        '{"ver":"v1","serial":"oven-1","pop":"2222-2222-2222","transport":"nfc"}',
    ],
)
def test_what_is_no_label_is_refused(text):
    with pytest.raises(InvalidInputError):
        label.read_qr(text)


def test_a_row_of_a_factorys_table_is_a_label():
    row = {"serial": "oven-1", "pop": "222222222222", "address": "10.0.0.7:80"}
    read = label.read_label(row, where="line 2")
    assert (read.name, read.transport, read.username) == ("HS-oven-1", "ble", "hotsite")
    assert read.address == "10.0.0.7:80"
