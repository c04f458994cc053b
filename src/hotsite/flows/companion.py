"""The phone's side of the PAN protocol, and the course of an onboarding.

Whoever calls says how values travel (a link) and who issues certificates. Each step
may be repeated from any phone: the device keeps what it has.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from hotsite.core import pan_frames, pan_handshake
from hotsite.core.label import Label
from hotsite.core.pan import BODY_BYTES_MAX, Endpoint, RefusalError, Status
from hotsite.core.pan_frames import Document, Op, Whole, offset_body, offset_of
from hotsite.core.pan_handshake import (
    Challenge,
    HandshakeStatus,
    Opening,
    Proof,
    Verdict,
)
from hotsite.errors import (
    InvalidInputError,
    NotReadyError,
    RefusedError,
    ThrottledError,
    UnreachableError,
)
from hotsite.ports.pan import Cipher, ClientSecurity, Link

_DRAWS_MAX = 3
# What a device says of firmware that it has looked at to the end.
_JUDGED = frozenset({"current", "refused"})


class WaitError(ThrottledError):
    """The device does not listen now: another phone has it, or it is locked.

    Attributes:
        wait_s: How long, in seconds.
    """

    def __init__(self, message: str, wait_s: int) -> None:
        super().__init__(message)
        self.wait_s = wait_s


@dataclass(slots=True)
class PanSession:
    """An open session with one device."""

    link: Link
    cipher: Cipher

    async def call(self, endpoint: Endpoint, document: Document) -> Document:
        """Send a document and return the answer, however long they are.

        Raises:
            RefusalError: The device says no.
            UnreachableError: The link is lost, or the session.
        """
        data = pan_frames.dump(document)
        if len(data) <= BODY_BYTES_MAX:
            status, body = await self._ask(endpoint, Op.CALL, data)
        else:
            status, body = await self._upload(endpoint, Whole.of(data), data)
        return await self._document(endpoint, status, body)

    async def send_file(self, name: str, data: bytes) -> Document:
        """Deliver one file of a firmware repository; return the new status."""
        whole = Whole.of(data, name)
        status, body = await self._upload(Endpoint.FIRMWARE, whole, data)
        return await self._document(Endpoint.FIRMWARE, status, body)

    async def _upload(
        self, endpoint: Endpoint, whole: Whole, data: bytes
    ) -> tuple[Status, bytes]:
        _, begun = await self._ask(endpoint, Op.BEGIN, whole.encode())
        for body in pan_frames.puts(data, offset_of(begun)):
            await self._ask(endpoint, Op.PUT, body)
        return await self._ask(endpoint, Op.COMMIT, b"")

    async def _document(
        self, endpoint: Endpoint, status: Status, body: bytes
    ) -> Document:
        if status is Status.DONE:
            return pan_frames.load(body)
        whole, data = Whole.decode(body), b""
        while len(data) < whole.length:
            _, piece = await self._ask(endpoint, Op.READ, offset_body(len(data)))
            if not piece:
                raise UnreachableError("the device's answer has no end")
            data += piece
        if hashlib.sha256(data).digest() != whole.digest:
            raise UnreachableError("the device's answer has another digest")
        return pan_frames.load(data)

    async def _ask(
        self, endpoint: Endpoint, op: Op, body: bytes
    ) -> tuple[Status, bytes]:
        plain = pan_frames.encode_request(endpoint, op, body)
        frame = await self.link.exchange(endpoint, self.cipher.encrypt(plain))
        try:
            answer = self.cipher.decrypt(frame)
        except InvalidInputError as error:
            raise UnreachableError("the session is lost; begin again") from error
        return pan_frames.decode_answer(endpoint, answer)


async def open_session(
    link: Link, label: Label, security: ClientSecurity
) -> PanSession:
    """Prove possession to a device, and see that it is the right one.

    Args:
        link: The way to it.
        label: What is printed on it.
        security: The cryptography.

    Returns:
        The session.

    Raises:
        WaitError: Another phone has the device, or it is locked for a time.
        RefusedError: The code is wrong, or the device does not know it.
        UnreachableError: The link is lost.
    """
    for _ in range(_DRAWS_MAX):
        shake = security.begin(label.username, label.pop)
        opening = Opening(label.username.encode(), shake.public)
        challenge = await _shake(link, opening, Challenge)
        if challenge.status is not HandshakeStatus.INVALID_PUBLIC:
            break
    if challenge.status is HandshakeStatus.BUSY:
        raise WaitError(
            f"{label.name} is busy with another phone; it is free in "
            f"{challenge.wait_s} s at the latest",
            challenge.wait_s,
        )
    if challenge.status is HandshakeStatus.NOT_NOW:
        raise WaitError(
            f"{label.name} was shown too many wrong codes; it listens again in "
            f"{challenge.wait_s} s",
            challenge.wait_s,
        )
    if challenge.status is not HandshakeStatus.SUCCESS:
        raise UnreachableError(f"{label.name} does not take up a session")
    proof = shake.prove(challenge.public, challenge.salt)
    verdict = await _shake(link, Proof(proof), Verdict)
    if verdict.status is HandshakeStatus.WRONG_PROOF:
        wait = f"; it listens again in {verdict.wait_s} s" if verdict.wait_s else ""
        raise RefusedError(f"{label.name}: the code is wrong{wait}")
    if verdict.status is not HandshakeStatus.SUCCESS:
        raise UnreachableError(f"{label.name} has begun another handshake")
    cipher = shake.conclude(verdict.proof, verdict.nonce)
    if cipher is None:
        raise RefusedError(f"{label.name} does not know its own code: not the device")
    return PanSession(link, cipher)


async def _shake(link: Link, message: Any, kind: type[Any]) -> Any:
    value = await link.exchange(Endpoint.PROV_SESSION, pan_handshake.encode(message))
    try:
        answer = pan_handshake.decode(value)
    except InvalidInputError as error:
        raise UnreachableError(f"the device's answer: {error}") from error
    if not isinstance(answer, kind):
        raise UnreachableError("the device's answer is another message")
    return answer


@dataclass(frozen=True, slots=True)
class Network:
    """Whose Wi-Fi a device joins."""

    ssid: str
    passphrase: str


@dataclass(frozen=True, slots=True)
class Course:
    """How devices are onboarded.

    Attributes:
        claim: Sends a device's document to the onboarding API, returns its answer.
        pause: Waits a moment between two looks at the device.
        network: The Wi-Fi to join, for devices that have one.
        looks_max: How often to look whether the device has connected; 0 to leave
            once it has its credentials.
        is_fresh: Whether a key that the device has staged is thrown away.
        tell: Hears of each step.
    """

    claim: Callable[[Document], Awaitable[Document]]
    pause: Callable[[], Awaitable[None]]
    network: Network | None = None
    looks_max: int = 60
    is_fresh: bool = False
    tell: Callable[[str], None] = lambda _: None


async def onboard(session: PanSession, course: Course) -> Document:
    """Bring one device from where it is to connected; return what it says then.

    Args:
        session: Open.
        course: How.

    Raises:
        RefusalError: The device says no.
        RefusedError: The API does.
        NotReadyError: It has its credentials, but has not connected yet.
        UnreachableError: Link, session or API are lost; begin again.
    """
    info = await session.call(Endpoint.INFO, {"do": "read"})
    if course.network is not None and info.get("wifi"):
        course.tell("wifi")
        await _join(session, course)
    state = info.get("state")
    if state == "pending" and not course.is_fresh:
        # What a phone before this one brought is being tried, or can be again.
        await session.call(Endpoint.CREDENTIALS, {"do": "try"})
    elif state != "provisioned" or course.is_fresh:
        course.tell("csr")
        request = {"do": "make", "fresh": course.is_fresh}
        document = await session.call(Endpoint.CSR, request)
        course.tell("claim")
        answer = await course.claim(document)
        course.tell("credentials")
        await session.call(Endpoint.CREDENTIALS, {"do": "store", "answer": answer})
    course.tell("connecting")
    return await _watch(session, course)


async def _watch(session: PanSession, course: Course) -> Document:
    status = await session.call(Endpoint.CREDENTIALS, {"do": "status"})
    for _ in range(course.looks_max):
        if status.get("state") == "provisioned":
            return status
        await course.pause()
        status = await session.call(Endpoint.CREDENTIALS, {"do": "status"})
    if status.get("state") != "provisioned" and course.looks_max:
        raise NotReadyError(
            f"the device has its credentials, but is {status.get('trial')}: "
            f"{status.get('reason') or 'no reason is known'}"
        )
    return status


async def _join(session: PanSession, course: Course) -> None:
    assert course.network is not None  # noqa: S101 - asked by the one caller
    wanted = {"ssid": course.network.ssid, "passphrase": course.network.passphrase}
    status = await session.call(Endpoint.WIFI, {"do": "store", **wanted})
    for _ in range(course.looks_max):
        if status.get("state") != "joining":
            break
        await course.pause()
        status = await session.call(Endpoint.WIFI, {"do": "status"})
    if status.get("state") == "failed":
        reason = str(status.get("reason"))
        raise RefusalError(Status.WIFI, f"the Wi-Fi: {reason}", reason=reason)


async def carry(
    session: PanSession, fetch: Callable[[str], Awaitable[bytes | None]]
) -> Document:
    """Bring a device the firmware files that it wants, then let it apply them.

    Args:
        session: Open.
        fetch: Returns a file of the repository, or None if there is none.

    Raises:
        RefusalError: The device refuses a file, or takes no firmware.
        UnreachableError: The link or the repository is lost.
    """
    status = await session.call(Endpoint.FIRMWARE, {"do": "status"})
    if status.get("state") in _JUDGED:
        # Some other day, by what was there then.
        status = await session.call(Endpoint.FIRMWARE, {"do": "start"})
    while wanted := status.get("wanted"):
        name = str(wanted[0])
        data = await fetch(name)
        if data is None:
            absent = {"do": "absent", "name": name}
            status = await session.call(Endpoint.FIRMWARE, absent)
        else:
            status = await session.send_file(name, data)
    if status.get("state") == "ready":
        status = await session.call(Endpoint.FIRMWARE, {"do": "apply"})
    return status
