"""Random and mutated frames for one endpoint, and what must hold after each."""

import random
import struct

from tests.pan.pan_world import LABEL, Authority, DirectLink, SetClock, make_device

from hotsite.adapters.pan_security import PhoneSecurity
from hotsite.core import pan_frames, pan_handshake
from hotsite.core.pan import Endpoint
from hotsite.core.pan_frames import Op, Whole
from hotsite.core.pan_handshake import Challenge, HandshakeStatus, Opening, Proof
from hotsite.errors import InvalidInputError, RefusedError
from hotsite.flows.companion import open_session

AUTHORITY = Authority()
WORDS = ("read", "reset", "make", "store", "status", "try", "discard", "apply", "scan")


class Plain:
    """A session's frames in the clear: what is fuzzed lies behind the cipher."""

    def encrypt(self, plain):
        return bytes(plain)

    decrypt = encrypt


def documents(chance, serial):
    """Return a document that is nearly right, as bytes."""
    good = {"iot": {"names": ["iot.fleet.example.com"], "port": 8883}}
    document = {"do": chance.choice(WORDS), "serial": serial, "ssid": "home"}
    document |= {"passphrase": "x" * chance.choice((0, 7, 8)), "name": "2.root.json"}
    document |= good | {"api": "api.fleet.example.com", "fresh": chance.random() < 0.1}
    document["answer"] = {"thing": "oven-1", "certificate_id": "1", **good}
    document["answer"]["certificate"] = document["answer"]["ca"] = "-----BEGIN x"
    for _ in range(chance.randrange(3)):
        key = chance.choice(list(document))
        document[key] = chance.choice((None, 0, -1, "", [], {}, "x" * 99, True))
    return pan_frames.dump(document)


def mutated(chance, data):
    """Return data with a few bytes flipped, cut, doubled or added."""
    out = bytearray(data)
    for _ in range(chance.randrange(4)):
        place = chance.randrange(len(out) + 1)
        kind = chance.randrange(4)
        if kind == 0 and place < len(out):
            out[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del out[place:]
        elif kind == 2:
            out[place:place] = out[: chance.randrange(16)]
        else:
            out[place:place] = chance.randbytes(chance.randrange(8))
    return bytes(out[:480])


def plaintexts(chance, endpoint):
    """Return a request that is random, mutated, or nearly right."""
    document = documents(chance, "oven-2")
    whole = Whole.of(document, chance.choice(("", "", "image")))
    bodies = {
        Op.CALL: document[:462],
        Op.BEGIN: whole.encode(),
        Op.PUT: struct.pack(">I", chance.choice((0, 0, 458, 2**32 - 1)))
        + document[:458],
        Op.COMMIT: b"",
        Op.READ: struct.pack(">I", chance.choice((0, 1, 462, 2**32 - 1))),
    }
    op = chance.choice(list(Op))
    plain = pan_frames.encode_request(endpoint, op, bodies[op])
    kind = chance.randrange(4)
    if kind == 0:
        return chance.randbytes(chance.randrange(465))
    return plain if kind == 1 else mutated(chance, plain)[:464]


def fuzz_handshake(folder, count, seed):
    """Throw frames at ``prov-session``; wrong proofs count, and nothing else does."""
    chance, clock = random.Random(seed), SetClock()
    device = make_device(folder, clock)
    public = PhoneSecurity().begin("hotsite", LABEL.pop).public
    opening = pan_handshake.encode(Opening(b"hotsite", public))
    proof = pan_handshake.encode(Proof(bytes(64)))
    wrong = refused = 0
    for _ in range(count):
        # Openings that are whole cost two powers each: few of them.
        kind = chance.randrange(200)
        value = chance.randbytes(chance.randrange(481)) if kind % 2 else b""
        if kind == 0:
            value = opening
        elif kind % 2 == 0:
            value = mutated(chance, proof if kind % 4 else opening[:-1])
        try:
            answer = pan_handshake.decode(
                device.handle("prov-session", value, peer=str(chance.randrange(3)))
            )
        except InvalidInputError:
            refused += 1
            continue
        if isinstance(answer, Challenge):
            is_locked = device._lockout.left_s(clock.now_s()) > 0
            assert is_locked == (answer.status is HandshakeStatus.NOT_NOW)
        else:
            assert answer.status is not HandshakeStatus.SUCCESS
            wrong += answer.status is HandshakeStatus.WRONG_PROOF
        assert device._lockout.failures == wrong
        if chance.random() < 0.02:
            clock.sleep(chance.choice((5, 5000)))
    assert device.desk.vault.failures() == wrong
    assert device._session is None
    return {"frames": count, "refused": refused, "wrong_proofs": wrong}


async def fuzz_endpoint(folder, endpoint, count, seed, **parts):
    """Throw frames at an endpoint inside a session, and some from outside it."""
    chance = random.Random(seed)
    device = make_device(folder, **parts)
    session = await open_session(DirectLink(device), LABEL, PhoneSecurity())
    # What the cipher refuses is seen to be refused; then it is taken away.
    for _ in range(min(count, 1000)):
        frame = chance.randbytes(chance.randrange(481))
        try:
            device.handle(endpoint.word, frame, peer="phone")
        except RefusedError:
            continue
        raise AssertionError(frame)
    info = await session.call(Endpoint.INFO, {"do": "read"})
    assert info["serial"] == "oven-1"
    device._session.cipher = Plain()
    answered = 0
    for number in range(count):
        plain = plaintexts(chance, endpoint)
        answer = device.handle(endpoint.word, plain, peer="phone")
        assert answer[0] == endpoint.number | 0x80
        assert len(answer) <= 464
        answered += answer[1] < 0x10
        if number % 64 == 0 or number == count - 1:
            staged = device.desk.vault.staged()
            assert staged.credentials is None, "credentials without a certificate"
            assert device.desk.vault.current() is None
    return {"frames": count, "done": answered}
