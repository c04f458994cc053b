"""The device's side of the PAN protocol: one value in, one value out.

Whoever carries the values (a radio, HTTP) says only who wrote them. Read, decide,
act through ports, answer; nothing here knows a socket.
"""

from dataclasses import dataclass
from math import ceil

from hotsite.core import pan_frames, pan_handshake
from hotsite.core.lockout import Lockout
from hotsite.core.pan import (
    BODY_BYTES_MAX,
    IDLE_S_MAX,
    VALUE_BYTES_MAX,
    VERSION,
    Endpoint,
    RefusalError,
    Status,
)
from hotsite.core.pan_frames import Document, Op, Whole, offset_body
from hotsite.core.pan_handshake import (
    Challenge,
    HandshakeStatus,
    Opening,
    Proof,
    Verdict,
)
from hotsite.core.pan_transfer import Inbox, Outgoing
from hotsite.core.provisioning import DeviceIdentity, state_of
from hotsite.errors import InvalidInputError, NotFoundError, RefusedError
from hotsite.flows.pan_endpoints import Desk
from hotsite.ports.clock import Clock
from hotsite.ports.pan import Cipher, DeviceHandshake


@dataclass(frozen=True, slots=True)
class _Half:
    """A handshake that waits for its proof."""

    peer: str
    handshake: DeviceHandshake


@dataclass(slots=True)
class _Session:
    """Who proved possession, and when they were last heard, by a monotonic clock."""

    peer: str
    cipher: Cipher
    heard_at_s: float
    outgoing: Outgoing


class PanDevice:
    """One device, as phones see it.

    Attributes:
        identity: Who it is.
        desk: What its endpoints do.
    """

    def __init__(self, desk: Desk, *, clock: Clock) -> None:
        """Wake up: a lock-out begins anew.

        Args:
            desk: What the endpoints do.
            clock: Only differences count; it must not be set back.

        Raises:
            UnreachableError: The device's store cannot be read.
        """
        self.desk = desk
        self._clock = clock
        self._lockout = Lockout(desk.vault.failures(), clock.now_s())
        self._half: _Half | None = None
        self._session: _Session | None = None
        self._inbox = Inbox()

    @property
    def identity(self) -> DeviceIdentity:
        """Return who it is."""
        return self.desk.identity

    def handle(self, endpoint: str, value: bytes, *, peer: str = "") -> bytes:
        """Answer one value.

        Args:
            endpoint: Where it was written to.
            value: At most 480 bytes.
            peer: Who wrote it: one connection, or one phone's session over HTTP.

        Returns:
            The value that is read next, at most 480 bytes.

        Raises:
            NotFoundError: There is no such endpoint.
            InvalidInputError: It is no message of the protocol.
            RefusedError: There is no session, or the frame is not of it.
            UnreachableError: The device's store cannot be used.
        """
        place = Endpoint.named(endpoint)
        if place is None:
            raise NotFoundError(f"there is no endpoint {endpoint!r}")
        if len(value) > VALUE_BYTES_MAX:
            raise InvalidInputError(f"a value has at most {VALUE_BYTES_MAX} bytes")
        if place is Endpoint.PROTO_VER:
            return self._version(peer)
        if place is Endpoint.PROV_SESSION:
            return self._shake(value, peer)
        session = self._session
        if session is None or session.peer != peer or not self._is_heard(session):
            raise RefusedError("there is no session; begin with prov-session")
        try:
            plain = session.cipher.decrypt(value)
        except InvalidInputError as error:
            raise RefusedError(f"not of this session: {error}") from error
        session.heard_at_s = self._clock.now_s()
        return session.cipher.encrypt(self._serve(place, plain, session))

    def leave(self, peer: str) -> None:
        """Note that a connection has ended, and its session with it."""
        if self._session is not None and self._session.peer == peer:
            self._session = None
        if self._half is not None and self._half.peer == peer:
            self._half = None

    def _version(self, peer: str) -> bytes:
        now_s, vault = self._clock.now_s(), self.desk.vault
        said = {
            "ver": VERSION,
            "state": state_of(vault.current(), vault.staged()).value,
            "busy_s": self._busy_s(peer),
            "locked_s": self._lockout.left_s(now_s),
        }
        protocomm = {"ver": "v1.1", "sec_ver": 2, "sec_patch_ver": 1, "cap": []}
        return pan_frames.dump({"prov": protocomm, "hotsite": said})

    def _busy_s(self, peer: str) -> int:
        session = self._session
        if session is None or session.peer == peer or not self._is_heard(session):
            return 0
        return ceil(session.heard_at_s + IDLE_S_MAX - self._clock.now_s())

    def _is_heard(self, session: _Session) -> bool:
        return self._clock.now_s() < session.heard_at_s + IDLE_S_MAX

    def _shake(self, value: bytes, peer: str) -> bytes:
        match pan_handshake.decode(value):
            case Opening(_, public):
                return pan_handshake.encode(self._challenge(public, peer))
            case Proof(proof):
                return pan_handshake.encode(self._judge(proof, peer))
        raise InvalidInputError("a device answers messages 0 and 2 only")

    def _challenge(self, public: bytes, peer: str) -> Challenge:
        if busy_s := self._busy_s(peer):
            return Challenge(HandshakeStatus.BUSY, wait_s=busy_s)
        self._session = self._half = None
        if left_s := self._lockout.left_s(self._clock.now_s()):
            return Challenge(HandshakeStatus.NOT_NOW, wait_s=left_s)
        # A wrong user name shows as a wrong code, by a proof that cannot be right.
        try:
            handshake = self.desk.security.answer(self.identity, public)
        except InvalidInputError:
            return Challenge(HandshakeStatus.INVALID_PUBLIC)
        self._half = _Half(peer, handshake)
        return Challenge(HandshakeStatus.SUCCESS, handshake.public, self.identity.salt)

    def _judge(self, proof: bytes, peer: str) -> Verdict:
        half, now_s = self._half, self._clock.now_s()
        if half is None or half.peer != peer:
            return Verdict(HandshakeStatus.NOT_NOW)
        self._half = None
        # Counted first: whoever cuts the power now has used up the attempt.
        failed = self._lockout.failed(now_s)
        self.desk.vault.write_failures(failed.failures)
        self._lockout = failed
        opened = half.handshake.verify(proof)
        if opened is None:
            return Verdict(HandshakeStatus.WRONG_PROOF, wait_s=failed.left_s(now_s))
        self.desk.vault.write_failures(0)
        self._lockout = Lockout(0, now_s)
        ours, nonce, cipher = opened
        self._session = _Session(peer, cipher, now_s, Outgoing())
        return Verdict(HandshakeStatus.SUCCESS, ours, nonce)

    def _serve(self, endpoint: Endpoint, plain: bytes, session: _Session) -> bytes:
        try:
            op, body = pan_frames.decode_request(endpoint, plain)
            return self._run(endpoint, op, body, session.outgoing)
        except RefusalError as refusal:
            return pan_frames.encode_refusal(endpoint, refusal)

    def _run(
        self, endpoint: Endpoint, op: Op, body: bytes, outgoing: Outgoing
    ) -> bytes:
        done, inbox = Status.DONE, self._inbox
        if op is Op.READ:
            piece = outgoing.read(endpoint, body)
            return pan_frames.encode_answer(endpoint, done, piece)
        if op is Op.PUT:
            offset = offset_body(inbox.put(endpoint, body))
            return pan_frames.encode_answer(endpoint, done, offset)
        outgoing.forget(endpoint)
        if op is Op.BEGIN:
            offset = offset_body(inbox.begin(endpoint, Whole.decode(body)))
            return pan_frames.encode_answer(endpoint, done, offset)
        name, data = ("", body) if op is Op.CALL else inbox.commit(endpoint)
        answer = pan_frames.dump(self._answer(endpoint, name, data))
        if len(answer) <= BODY_BYTES_MAX:
            return pan_frames.encode_answer(endpoint, done, answer)
        whole = outgoing.offer(endpoint, answer)
        return pan_frames.encode_answer(endpoint, Status.LONG, whole.encode())

    def _answer(self, endpoint: Endpoint, name: str, data: bytes) -> Document:
        if name:
            return self.desk.take_file(name, data)
        try:
            document = pan_frames.load(data)
        except InvalidInputError as error:
            raise RefusalError(Status.MALFORMED, str(error)) from error
        return self.desk.call(endpoint, document)
