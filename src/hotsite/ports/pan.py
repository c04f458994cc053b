"""What a device's PAN side needs from the device, and what carries its frames."""

from collections.abc import Mapping
from typing import Protocol

from hotsite.core.label import Label
from hotsite.core.pan import Endpoint
from hotsite.core.provisioning import Credentials, DeviceIdentity, Staged


class Cipher(Protocol):
    """One session's key and its one counter for both directions."""

    def encrypt(self, plain: bytes) -> bytes:
        """Return the next frame."""
        ...

    def decrypt(self, frame: bytes) -> bytes:
        """Return what the next frame says.

        Raises:
            InvalidInputError: It is not the next frame; nothing has changed.
        """
        ...


class DeviceHandshake(Protocol):
    """The device's half of one handshake."""

    @property
    def public(self) -> bytes:
        """Return the device's public value, 384 bytes."""
        ...

    def verify(self, proof: bytes) -> tuple[bytes, bytes, Cipher] | None:
        """Return the device's proof, its nonce and the session; None if wrong."""
        ...


class Security(Protocol):
    """The device's cryptography."""

    def answer(self, identity: DeviceIdentity, public: bytes) -> DeviceHandshake:
        """Begin a handshake with a client's public value.

        Raises:
            InvalidInputError: The value is not acceptable.
        """
        ...

    def make_key(self, serial: str) -> tuple[str, str]:
        """Make a key pair; return the private key's PEM and the request's."""
        ...

    def is_pair(self, certificate_pem: str, key_pem: str) -> bool:
        """Say whether a certificate is for a private key.

        Raises:
            InvalidInputError: One of them is not what it should be.
        """
        ...

    def check_authority(self, ca_pem: str) -> None:
        """Look whether it is one or more certificates.

        Raises:
            InvalidInputError: It is not.
        """
        ...


class Vault(Protocol):
    """Where a device keeps things across restarts; each write is whole or not there.

    Every method raises ``UnreachableError`` when the store cannot be used.
    """

    def failures(self) -> int:
        """Return how many wrong codes were counted."""
        ...

    def write_failures(self, count: int) -> None:
        """Keep the count."""
        ...

    def current(self) -> Credentials | None:
        """Return what is in use."""
        ...

    def current_key(self) -> str:
        """Return the private key in use, PEM; "" if there is none."""
        ...

    def staged(self) -> Staged:
        """Return what is not in use yet."""
        ...

    def stage(self, staged: Staged) -> None:
        """Keep what is not in use yet."""
        ...

    def promote(self) -> None:
        """Use what is staged from now on, and forget what was used before."""
        ...

    def reset(self) -> None:
        """Forget all but identity, failures and firmware."""
        ...


class Wifi(Protocol):
    """The device's own Wi-Fi, as a client of somebody's network."""

    def scan(self) -> list[Mapping[str, object]]:
        """Return networks as the protocol describes them, strongest first."""
        ...

    def join(self, ssid: str, passphrase: str) -> None:
        """Use a network from now on.

        Raises:
            RefusedError: It cannot be; the message is one word.
        """
        ...

    def status(self) -> Mapping[str, object]:
        """Return ``state``, ``ssid`` and ``reason``."""
        ...


class Firmware(Protocol):
    """Where the files of a firmware repository go; each refusal is ``RefusedError``."""

    def status(self) -> Mapping[str, object]:
        """Return ``state``, ``version``, ``counter``, ``wanted`` and ``reason``."""
        ...

    def start(self) -> None:
        """Forget what was received, and begin anew."""
        ...

    def receive(self, name: str, data: bytes) -> None:
        """Take one file, from a courier whom nobody trusts."""
        ...

    def absent(self, name: str) -> None:
        """Hear that the repository has no such file."""
        ...

    def apply(self) -> None:
        """Write what was verified to the other slot."""
        ...


class PanServer(Protocol):
    """A device, as a transport sees it."""

    @property
    def identity(self) -> DeviceIdentity:
        """Return who it is."""
        ...

    def handle(self, endpoint: str, value: bytes, *, peer: str) -> bytes:
        """Answer one value.

        Args:
            endpoint: Where it was written to.
            value: At most 480 bytes.
            peer: Who wrote it.

        Raises:
            NotFoundError: There is no such endpoint.
            InvalidInputError: It is no message of the protocol.
            RefusedError: There is no session, or the frame is not of it.
            UnreachableError: The device's store cannot be used.
        """
        ...

    def leave(self, peer: str) -> None:
        """Note that a connection has ended, and its session with it."""
        ...


class Link(Protocol):
    """A client's way to one device: write a value, read the answer."""

    async def exchange(self, endpoint: Endpoint, value: bytes) -> bytes:
        """Return the device's answer.

        Raises:
            UnreachableError: The link is gone, or the device knows no session.
        """
        ...

    async def close(self) -> None:
        """Let the device go."""
        ...


class ClientHandshake(Protocol):
    """The client's half of one handshake."""

    @property
    def public(self) -> bytes:
        """Return the client's public value, 384 bytes."""
        ...

    def prove(self, public: bytes, salt: bytes) -> bytes:
        """Return the client's proof, for a device's public value and salt.

        Raises:
            InvalidInputError: The device's value is not acceptable.
        """
        ...

    def conclude(self, proof: bytes, nonce: bytes) -> Cipher | None:
        """Return the session; None if the device does not know its verifier."""
        ...


class ClientSecurity(Protocol):
    """The client's cryptography."""

    def begin(self, username: str, pop: str) -> ClientHandshake:
        """Begin a handshake."""
        ...


class Reach(Protocol):
    """How a client gets to devices: one radio, or one network."""

    async def connect(self, label: Label) -> Link:
        """Return a link to the device of a label.

        Raises:
            UnreachableError: It is not there, or does not take the connection.
        """
        ...

    async def close(self) -> None:
        """Give the radio back."""
        ...
