"""Frames, messages, transfers, lock-out, labels, names: by table and by law."""

import contextlib
import hashlib
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.pan.pan_world import DOMAIN, POP, identity

from hotsite.adapters.pan_security import (
    ClientHalf,
    DeviceHalf,
    FrameCipher,
    make_verifier,
)
from hotsite.core import label, pan_frames, pan_handshake
from hotsite.core.lockout import Lockout
from hotsite.core.pan import Endpoint, RefusalError, Status
from hotsite.core.pan_frames import Whole
from hotsite.core.pan_handshake import Challenge, Opening, Proof, Verdict
from hotsite.core.pan_transfer import Inbox
from hotsite.core.provisioning import read_names
from hotsite.errors import HotsiteError, InvalidInputError

PAGE = (Path(__file__).parents[2] / "docs" / "pan-protocol.md").read_text()
statuses = st.sampled_from(pan_handshake.HandshakeStatus)
waits = st.integers(0, 2**40)
messages = st.one_of(
    st.builds(Opening, st.binary(max_size=40), st.binary(max_size=384)),
    st.builds(Challenge, statuses, st.binary(), st.binary(), waits),
    st.builds(Proof, st.binary(max_size=64)),
    st.builds(Verdict, statuses, st.binary(), st.binary(), waits),
)


def vectors():
    """The vectors of the documentation, as a firmware developer copies them."""
    text = PAGE[PAGE.index("## 9.") :]
    found, name = {}, ""
    for line in text.splitlines():
        match = re.fullmatch(r"(v|A|B|u|K|M1|M2|request|answer)? +([0-9a-f]+)", line)
        if match:
            name = match[1] or name
            found[name] = found.get(name, "") + match[2]
    return {name: bytes.fromhex(text) for name, text in found.items()}


def test_documented_vectors_are_what_both_sides_compute():
    known = vectors()
    salt, verifier = make_verifier("hotsite", POP, bytes(range(1, 17)))
    assert verifier == known["v"]
    a, b = (int.from_bytes(bytes(range(at, at + 32))) for at in (0x20, 0x60))
    phone = ClientHalf("hotsite", POP, a)
    assert phone.public == known["A"]
    device = DeviceHalf(identity(), phone.public, b)
    assert device.public == known["B"]
    assert phone.prove(device.public, salt) == known["M1"]
    proof, nonce, _ = device.verify(known["M1"])
    assert proof == known["M2"]
    assert phone.conclude(proof, nonce) is not None
    assert phone.conclude(bytes(64), nonce) is None


def test_documented_exchange_is_what_a_cipher_writes():
    known = vectors()
    nonce = bytes.fromhex("a0a1a2a3a4a5a6a700000001")
    cipher = FrameCipher(known["K"], nonce)
    assert cipher.encrypt(b"\x01\x00{}") == known["request"]
    assert cipher.encrypt(b'\x81\x00{"state":"new"}') == known["answer"]


def test_a_frame_that_is_not_the_next_changes_nothing():
    ours, theirs = (FrameCipher(bytes(64), bytes(8) + b"\0\0\0\1") for _ in "12")
    first, second = ours.encrypt(b"one"), ours.encrypt(b"two")
    for wrong in (second, first[:-1], b"", bytes(480)):
        with pytest.raises(InvalidInputError):
            theirs.decrypt(wrong)
    assert theirs.decrypt(first) == b"one"
    with pytest.raises(InvalidInputError):
        theirs.decrypt(first)


@given(messages)
def test_each_handshake_message_is_read_as_it_was_written(message):
    assert pan_handshake.decode(pan_handshake.encode(message)) == message


@given(st.binary(max_size=480))
def test_any_bytes_are_a_handshake_message_or_invalid(value):
    with contextlib.suppress(InvalidInputError):
        pan_handshake.decode(value)


@given(st.binary(max_size=3000), st.integers(1, 400), st.randoms())
def test_an_upload_arrives_whole_however_often_it_is_begun_again(data, size, chance):
    inbox, whole = Inbox(), Whole.of(data)
    offset = inbox.begin(Endpoint.CREDENTIALS, whole)
    while offset < len(data):
        if chance.random() < 0.3:
            offset = inbox.begin(Endpoint.CREDENTIALS, whole)
        piece = data[offset : offset + size]
        body = pan_frames.offset_body(offset, piece)
        offset = inbox.put(Endpoint.CREDENTIALS, body)
    assert inbox.commit(Endpoint.CREDENTIALS) == ("", data)
    with pytest.raises(RefusalError):
        inbox.commit(Endpoint.CREDENTIALS)


def test_a_piece_elsewhere_a_missing_one_and_a_wrong_one_are_refused():
    inbox, data = Inbox(), b"x" * 10
    inbox.begin(Endpoint.FIRMWARE, Whole.of(data, "image"))
    for offset, piece, status in (
        (5, b"x", Status.OFFSET),
        (0, b"x" * 11, Status.MALFORMED),
        (0, b"", Status.MALFORMED),
    ):
        with pytest.raises(RefusalError) as refused:
            inbox.put(Endpoint.FIRMWARE, pan_frames.offset_body(offset, piece))
        assert refused.value.status is status
    with pytest.raises(RefusalError) as refused:
        inbox.commit(Endpoint.FIRMWARE)
    assert refused.value.status is Status.STATE
    inbox.put(Endpoint.FIRMWARE, pan_frames.offset_body(0, b"y" * 10))
    with pytest.raises(RefusalError) as refused:
        inbox.commit(Endpoint.FIRMWARE)
    assert refused.value.status is Status.DIGEST
    large = Whole(2**31, bytes(32), "image")
    with pytest.raises(RefusalError) as refused:
        inbox.begin(Endpoint.FIRMWARE, large)
    assert refused.value.status is Status.TOO_LARGE


def test_the_wait_grows_from_the_third_wrong_code_to_an_hour():
    waits = [Lockout(count, 0.0).wait_s() for count in range(14)]
    assert waits[:6] == [0, 0, 0, 10, 20, 40]
    assert waits[-2:] == [3600, 3600]
    assert waits == sorted(waits)
    lockout = Lockout(2, 0.0).failed(100.0)
    assert [lockout.left_s(at) for at in (100.0, 100.5, 109.9, 110.0)] == [10, 10, 1, 0]


@pytest.mark.parametrize("typed", ["7f3k9qwdxm4t", " 7F3K 9QWD xm4t", POP])
def test_a_code_is_read_however_it_was_typed(typed):
    assert label.read_pop(typed) == POP


@pytest.mark.parametrize("typed", ["", "7F3K-9QWD", "0F3K-9QWD-XM4T", POP + "2"])
def test_what_is_no_code_is_refused(typed):
    with pytest.raises(InvalidInputError):
        label.read_pop(typed)


def test_a_drawn_code_is_one_and_every_letter_can_be_drawn():
    assert label.make_pop(lambda _: 0) == "2222-2222-2222"
    assert label.read_pop(label.make_pop(lambda count: count - 1)) == "ZZZZ-ZZZZ-ZZZZ"


def test_the_documented_qr_code_is_a_label_and_back():
    text = re.search(r'^\{"ver":"v1".*\}$', PAGE, re.MULTILINE)[0]
    read = label.read_qr(text)
    assert (read.serial, read.name, read.pop) == ("oven-1", "HS-oven-1", POP)
    assert read.qr() == text
    assert POP not in repr(read)


def test_names_of_long_serial_numbers_fit_a_scan_response():
    long = label.device_name("x" * 128)
    assert long == "HS-" + hashlib.sha256(b"x" * 128).hexdigest()[:12]
    assert label.device_name("y" * 26) == "HS-" + "y" * 26


@pytest.mark.parametrize(
    ("name", "status"),
    [
        (f"iot.{DOMAIN}", None),
        (DOMAIN, Status.FOREIGN_NAME),
        (f"evil{DOMAIN}", Status.FOREIGN_NAME),
        ("iot.example.com", Status.FOREIGN_NAME),
        ("x-ats.iot.eu-central-1.amazonaws.com", Status.FOREIGN_NAME),
        (f"iot.{DOMAIN}.amazonaws.com", Status.FOREIGN_NAME),
        (f"IOT.{DOMAIN}", Status.MALFORMED),
        (f"iot.{DOMAIN}.", Status.MALFORMED),
        (f"iot.{DOMAIN}/x", Status.MALFORMED),
        (7, Status.MALFORMED),
        (None, Status.MALFORMED),
    ],
)
def test_only_names_under_the_owners_domain_are_believed(name, status):
    good = f"api.{DOMAIN}"
    for iot, api in ((name, good), (good, name)):
        document = {"iot": {"names": [iot], "port": 8883}, "api": api}
        if status is None:
            assert read_names(document, identity()).iot == (iot,)
            continue
        with pytest.raises(RefusalError) as refused:
            read_names(document, identity())
        assert refused.value.status is status


def test_no_aws_name_is_believed_even_by_a_device_that_aws_owns():
    who = identity()
    object.__setattr__(who, "domain", "amazonaws.com")
    document = {"iot": {"names": ["x.amazonaws.com"], "port": 1}, "api": "x.y"}
    with pytest.raises(RefusalError) as refused:
        read_names(document, who)
    assert refused.value.status is Status.FOREIGN_NAME


@given(st.binary(max_size=464), st.sampled_from(Endpoint))
def test_any_plaintext_is_a_request_or_refused(plain, endpoint):
    try:
        op, body = pan_frames.decode_request(endpoint, plain)
    except RefusalError as error:
        answer = pan_frames.encode_refusal(endpoint, error)
        assert len(answer) <= 464
        with pytest.raises(RefusalError):
            pan_frames.decode_answer(endpoint, answer)
    else:
        assert pan_frames.encode_request(endpoint, op, body) == plain


@pytest.mark.parametrize("text", [b"\xff", b"[]", b'{"a":"\\ud800"}', b'{"a":NaN}'])
def test_what_could_not_be_said_again_is_no_document(text):
    with pytest.raises(HotsiteError):
        pan_frames.load(text)


def test_a_long_detail_is_cut_to_what_fits():
    answer = pan_frames.encode_refusal(
        Endpoint.WIFI, RefusalError(Status.WIFI, "é" * 999, reason="passphrase")
    )
    assert len(answer) <= 464
