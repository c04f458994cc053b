"""``ports.pan``'s cryptography: SRP6a of Espressif's security 2, and AES-256-GCM.

srptools computes SRP; what it hashes differently from Espressif and RFC 5054 is put
right here: values are hashed in full width, and proofs are compared as bytes.
"""

import hashlib
import os
import secrets
import struct
from hmac import compare_digest
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from srptools import SRPContext
from srptools.constants import PRIME_3072, PRIME_3072_GEN

from hotsite.adapters import device_key
from hotsite.core.pan_handshake import PUBLIC_BYTES
from hotsite.core.provisioning import DeviceIdentity
from hotsite.errors import InvalidInputError

SALT_BYTES = 16
_KEY_BYTES, _PRIVATE_BYTES, _NONCE_RANDOM_BYTES = 32, 32, 8
_NONCE_BYTES = 12
_COUNTER_MAX = 0xFFFFFFFF


class FrameCipher:
    """Implements ``ports.pan.Cipher``: one counter for both directions."""

    def __init__(self, session_key: bytes, nonce: bytes) -> None:
        """Begin with the nonce that the device gave.

        Args:
            session_key: K of the handshake; its first 32 bytes are used.
            nonce: 12 bytes; the last four are the counter.
        """
        self._key = AESGCM(session_key[:_KEY_BYTES])
        self._random = nonce[:_NONCE_RANDOM_BYTES]
        (self._counter,) = struct.unpack(">I", nonce[_NONCE_RANDOM_BYTES:])

    def encrypt(self, plain: bytes) -> bytes:
        """Return the next frame."""
        frame = self._key.encrypt(self._nonce(), plain, None)
        self._counter += 1
        return frame

    def decrypt(self, frame: bytes) -> bytes:
        """Return what the next frame says; a wrong one changes nothing."""
        try:
            plain = self._key.decrypt(self._nonce(), frame, None)
        except InvalidTag as error:
            raise InvalidInputError("the frame is not the next one") from error
        self._counter += 1
        return plain

    def _nonce(self) -> bytes:
        if self._counter > _COUNTER_MAX:
            raise InvalidInputError("the session has used up its nonces")
        return self._random + struct.pack(">I", self._counter)


class _Srp:
    """SRP6a-3072 with SHA-512, hashed as Espressif and RFC 5054 do."""

    def __init__(self, username: str, pop: str = "") -> None:
        # Without types of its own (2.0.0 has annotations, but no py.typed).
        self._context: Any = SRPContext(
            username,
            pop,
            prime=PRIME_3072,
            generator=PRIME_3072_GEN,
            hash_func=hashlib.sha512,
        )
        self._prime = int(PRIME_3072, 16)
        self._username, self._pop = username.encode(), pop.encode()

    def server_public(self, verifier: int, private: int) -> bytes:
        """Return B."""
        return _wide(
            self._context.get_server_public(
                password_verifier=verifier, server_private=private
            )
        )

    def client_public(self, private: int) -> bytes:
        """Return A."""
        return _wide(self._context.get_client_public(client_private=private))

    def server_key(self, verifier: int, private: int, a: bytes, b: bytes) -> bytes:
        """Return K, as the device computes it."""
        secret = self._context.get_server_premaster_secret(
            password_verifier=verifier,
            server_private=private,
            client_public=_number(a),
            common_secret=_number(digest(a, b)),
        )
        key: bytes = self._context.get_common_session_key(secret)
        return key

    def client_key(self, salt: bytes, private: int, a: bytes, b: bytes) -> bytes:
        """Return K, as the client computes it."""
        secret = self._context.get_client_premaster_secret(
            password_hash=self._password_hash(salt),
            server_public=_number(b),
            client_private=private,
            common_secret=_number(digest(a, b)),
        )
        key: bytes = self._context.get_common_session_key(secret)
        return key

    def verifier(self, salt: bytes) -> bytes:
        """Return v."""
        number = self._password_hash(salt)
        return _wide(self._context.get_common_password_verifier(number))

    def prove(self, salt: bytes, client: bytes, server: bytes, key: bytes) -> bytes:
        """Return M1; srptools hashes g without the padding."""
        prime, base = digest(_wide(self._prime)), digest(_wide(int(PRIME_3072_GEN, 16)))
        mixed = bytes(one ^ two for one, two in zip(prime, base, strict=True))
        return digest(mixed, digest(self._username), salt, client, server, key)

    def is_acceptable(self, public: bytes) -> bool:
        """Say whether the other's public value may be used."""
        return len(public) == PUBLIC_BYTES and _number(public) % self._prime != 0

    def _password_hash(self, salt: bytes) -> int:
        return _number(digest(salt, digest(self._username + b":" + self._pop)))


def digest(*parts: bytes) -> bytes:
    """Return SHA-512 of some bytes."""
    return hashlib.sha512(b"".join(parts)).digest()


class DeviceSecurity:
    """Implements ``ports.pan.Security``."""

    def answer(self, identity: DeviceIdentity, public: bytes) -> "DeviceHalf":
        """Begin a handshake with a client's public value."""
        return DeviceHalf(identity, public)

    def make_key(self, serial: str) -> tuple[str, str]:
        """Make a P-256 key pair."""
        made = device_key.make(serial)
        return made.key_pem, made.csr_pem

    def is_pair(self, certificate_pem: str, key_pem: str) -> bool:
        """Say whether a certificate is for a private key."""
        return device_key.is_pair(certificate_pem, key_pem)

    def check_authority(self, ca_pem: str) -> None:
        """Look whether it is one or more certificates."""
        try:
            x509.load_pem_x509_certificates(ca_pem.encode())
        except ValueError as error:
            raise InvalidInputError("ca is no certificate") from error


class DeviceHalf:
    """Implements ``ports.pan.DeviceHandshake``."""

    def __init__(
        self, identity: DeviceIdentity, public: bytes, private: int | None = None
    ) -> None:
        """Draw the private value; the device's public one has no leading zero byte.

        Args:
            identity: Whose salt and verifier.
            public: The client's value.
            private: For test vectors.

        Raises:
            InvalidInputError: The client's value is not acceptable.
        """
        self._srp = _Srp(identity.username)
        if not self._srp.is_acceptable(public):
            raise InvalidInputError("A is not acceptable")
        self._client, self._salt = public, identity.salt
        self._verifier = _number(identity.verifier)
        while True:
            self._private = private or _draw()
            self.public = self._srp.server_public(self._verifier, self._private)
            if private or self.public[0]:
                break

    def verify(self, proof: bytes) -> tuple[bytes, bytes, FrameCipher] | None:
        """Return the device's proof, its nonce and the session; None if wrong."""
        client, server = self._client, self.public
        key = self._srp.server_key(self._verifier, self._private, client, server)
        want = self._srp.prove(self._salt, client, server, key)
        if not compare_digest(want, proof):
            return None
        nonce = os.urandom(_NONCE_RANDOM_BYTES) + struct.pack(">I", 1)
        return digest(client, want, key), nonce, FrameCipher(key, nonce)


class PhoneSecurity:
    """Implements ``ports.pan.ClientSecurity``."""

    def begin(self, username: str, pop: str) -> "ClientHalf":
        """Begin a handshake."""
        return ClientHalf(username, pop)


class ClientHalf:
    """Implements ``ports.pan.ClientHandshake``."""

    def __init__(self, username: str, pop: str, private: int | None = None) -> None:
        """Draw the private value.

        Args:
            username: As on the label.
            pop: As on the label, with its hyphens.
            private: For test vectors.
        """
        self._srp = _Srp(username, pop)
        while True:
            self._private = private or _draw()
            self.public = self._srp.client_public(self._private)
            if private or self.public[0]:
                break
        self._key = self._proof = b""

    def prove(self, public: bytes, salt: bytes) -> bytes:
        """Return the client's proof, for a device's public value and salt."""
        if not self._srp.is_acceptable(public):
            raise InvalidInputError("the device's public value is not acceptable")
        self._key = self._srp.client_key(salt, self._private, self.public, public)
        self._proof = self._srp.prove(salt, self.public, public, self._key)
        return self._proof

    def conclude(self, proof: bytes, nonce: bytes) -> FrameCipher | None:
        """Return the session; None if the device does not know its verifier."""
        want = digest(self.public, self._proof, self._key)
        if not compare_digest(want, proof) or len(nonce) != _NONCE_BYTES:
            return None
        return FrameCipher(self._key, nonce)


def make_verifier(
    username: str, pop: str, salt: bytes | None = None
) -> tuple[bytes, bytes]:
    """Return salt and verifier of a proof of possession: what a device stores.

    Args:
        username: Of the handshake.
        pop: As on the label.
        salt: For test vectors.
    """
    # Clients that read the salt as a number lose leading zeros: reference firmware.
    used = salt or bytes((1 + secrets.randbelow(255),)) + os.urandom(SALT_BYTES - 1)
    return used, _Srp(username, pop).verifier(used)


def _wide(number: int) -> bytes:
    return number.to_bytes(PUBLIC_BYTES, "big")


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _draw() -> int:
    return _number(os.urandom(_PRIVATE_BYTES)) | 1
