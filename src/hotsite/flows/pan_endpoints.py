"""What a device does inside a PAN session, one endpoint after the other.

Each request is a document with ``do``. A refusal leaves the device as it was, and
whatever is stored is stored whole, so that a phone may leave at any time.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from hotsite.core.pan import FILE_BYTES_MAX, VERSION, Endpoint, RefusalError, Status
from hotsite.core.pan_frames import Document
from hotsite.core.provisioning import (
    Credentials,
    Custody,
    DeviceIdentity,
    Staged,
    names_document,
    read_answer,
    read_names,
    state_of,
)
from hotsite.errors import InvalidInputError, RefusedError, RetryableError
from hotsite.ports.pan import Firmware, Security, Vault, Wifi

_PASSPHRASE_MIN, _PASSPHRASE_MAX, _SSID_BYTES_MAX = 8, 63, 32
_Act = Callable[[Document], Document]


class Progress(Enum):
    """How far the device is with connecting as staged."""

    NONE = "none"
    WAITING = "waiting"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    FAILED = "failed"


@dataclass(slots=True)
class Trial:
    """What the agent says of what is staged; it writes here, phones read.

    Attributes:
        progress: How far it is.
        attempts: How often it was tried.
        reason: Why the last attempt failed.
        site: The name that it connected to.
    """

    progress: Progress = Progress.NONE
    attempts: int = 0
    reason: str | None = None
    site: str | None = None

    def wait(self) -> None:
        """Ask for an attempt."""
        self.progress, self.attempts = Progress.WAITING, 0
        self.reason = self.site = None

    def begin(self) -> None:
        """Note that an attempt has begun."""
        self.progress = Progress.CONNECTING
        self.attempts += 1

    def fail(self, reason: str) -> None:
        """Note that an attempt has failed."""
        self.progress, self.reason = Progress.FAILED, reason

    def connect(self, site: str) -> None:
        """Note that the device is connected."""
        self.progress, self.reason, self.site = Progress.CONNECTED, None, site


@dataclass(slots=True)
class Desk:
    """What the endpoints of one device do.

    Attributes:
        identity: Who the device is.
        vault: Where it keeps things.
        security: Its cryptography.
        wifi: Its Wi-Fi, or nothing for a device with a cable.
        firmware: Its slots, or nothing.
        trial: What the agent says of what is staged.
        on_change: Called when there is something to try, or nothing any more.
    """

    identity: DeviceIdentity
    vault: Vault
    security: Security
    wifi: Wifi | None = None
    firmware: Firmware | None = None
    trial: Trial = field(default_factory=Trial)
    on_change: Callable[[], None] = lambda: None

    def call(self, endpoint: Endpoint, document: Document) -> Document:
        """Do what a document asks, and return what is answered.

        Raises:
            RefusalError: It cannot be done; nothing has changed.
        """
        word = document.get("do")
        act = self._acts(endpoint).get(word) if isinstance(word, str) else None
        if act is None:
            detail = f'{endpoint.word} has no such "do"'
            raise RefusalError(Status.MALFORMED, detail)
        try:
            return act(document)
        except RetryableError as error:
            detail = "the device could not store it"
            raise RefusalError(Status.NOT_STORED, detail) from error

    def take_file(self, name: str, data: bytes) -> Document:
        """Take one file of a firmware repository."""
        firmware = self._firmware()
        return self._told(lambda: firmware.receive(name, data))

    def _acts(self, endpoint: Endpoint) -> Mapping[str, _Act]:
        tables: dict[Endpoint, dict[str, _Act]] = {
            Endpoint.INFO: {"read": self._info, "reset": self._reset},
            Endpoint.CSR: {"make": self._csr},
            Endpoint.CREDENTIALS: {
                "store": self._store,
                "status": self._status,
                "try": self._try,
                "discard": self._discard,
            },
            Endpoint.ENDPOINTS: {"read": self._names, "store": self._rename},
            Endpoint.FIRMWARE: {
                "status": lambda _: self._firmware().status(),
                "start": lambda _: self._told(self._firmware().start),
                "apply": lambda _: self._told(self._firmware().apply),
                "absent": self._absent,
            },
            Endpoint.WIFI: {
                "scan": lambda _: {"networks": self._wifi().scan()},
                "status": lambda _: self._wifi().status(),
                "store": self._join,
            },
        }
        return tables.get(endpoint, {})

    def _info(self, _: Document) -> Document:
        current, staged = self.vault.current(), self.vault.staged()
        firmware = self.firmware.status() if self.firmware is not None else {}
        return {
            "protocol": VERSION,
            "serial": self.identity.serial,
            "model": self.identity.model,
            "state": state_of(current, staged).value,
            "thing": current.thing if current is not None else None,
            "has_key": bool(staged.key_pem),
            "domain": self.identity.domain,
            "custody": self.identity.custody.value,
            "firmware": {key: firmware.get(key) for key in ("version", "counter")},
            "wifi": self.wifi is not None,
            "file_bytes_max": FILE_BYTES_MAX,
        }

    def _reset(self, document: Document) -> Document:
        if document.get("serial") != self.identity.serial:
            raise RefusalError(Status.SERIAL, "that is another device's serial number")
        self.vault.reset()
        self.trial.progress = Progress.NONE
        self.on_change()
        return {"state": self._state()}

    def _csr(self, document: Document) -> Document:
        claim = self.identity.claim
        said = {"id": claim.claim_id, "secret": claim.secret}
        if self.identity.custody is Custody.ESCROW:
            return {"claim": said, "custody": Custody.ESCROW.value}
        staged = self.vault.staged()
        if not staged.csr_pem or document.get("fresh") is True:
            key_pem, csr_pem = self.security.make_key(self.identity.serial)
            # What was staged for the key before cannot be used with this one.
            staged = Staged(key_pem, csr_pem)
            self.vault.stage(staged)
            self.on_change()
        return {"claim": said, "csr": staged.csr_pem}

    def _store(self, document: Document) -> Document:
        given = read_answer(document.get("answer"), self.identity)
        staged, current = self.vault.staged(), self.vault.current()
        if given == staged.credentials or (
            given == current and staged.credentials is None
        ):
            return self._pending()
        key_pem = given.private_key_pem or staged.key_pem
        if not key_pem:
            raise RefusalError(Status.FOREIGN_KEY, "there is no key: ask csr first")
        self._check(given, key_pem)
        return self._stage(Staged(key_pem, staged.csr_pem, given))

    def _check(self, given: Credentials, key_pem: str) -> None:
        try:
            is_ours = self.security.is_pair(given.certificate_pem, key_pem)
            self.security.check_authority(given.ca_pem)
        except InvalidInputError as error:
            raise RefusalError(Status.CERTIFICATE, str(error)) from error
        if not is_ours:
            raise RefusalError(Status.FOREIGN_KEY, "the certificate is for another key")

    def _rename(self, document: Document) -> Document:
        names = read_names(document, self.identity)
        staged, current = self.vault.staged(), self.vault.current()
        if staged.credentials is not None:
            renamed = replace(staged.credentials, names=names)
            return self._stage(replace(staged, credentials=renamed))
        if current is None:
            raise RefusalError(Status.STATE, "there is no certificate yet")
        if current.names == names:
            return self._pending()
        renamed = replace(current, names=names)
        return self._stage(Staged(self.vault.current_key(), "", renamed))

    def _stage(self, staged: Staged) -> Document:
        self.vault.stage(staged)
        self.trial.wait()
        self.on_change()
        return self._pending()

    def _pending(self) -> Document:
        return {"state": self._state(), "trial": self.trial.progress.value}

    def _try(self, _: Document) -> Document:
        if self.vault.staged().credentials is not None:
            self.trial.wait()
            self.on_change()
        return self._pending()

    def _status(self, _: Document) -> Document:
        trial = self.trial
        return {
            **self._pending(),
            "attempts": trial.attempts,
            "reason": trial.reason,
            "site": trial.site,
        }

    def _discard(self, _: Document) -> Document:
        self.vault.stage(Staged())
        self.trial.progress = Progress.NONE
        self.on_change()
        return {"state": self._state()}

    def _names(self, _: Document) -> Document:
        def said(credentials: Credentials | None) -> Document | None:
            return names_document(credentials.names) if credentials else None

        pending = self.vault.staged().credentials
        return {"current": said(self.vault.current()), "pending": said(pending)}

    def _absent(self, document: Document) -> Document:
        name, firmware = document.get("name"), self._firmware()
        if not isinstance(name, str):
            raise RefusalError(Status.MALFORMED, "name must be a file's name")
        return self._told(lambda: firmware.absent(name))

    def _told(self, act: Callable[[], None]) -> Document:
        try:
            act()
        except RefusedError as error:
            raise RefusalError(
                Status.FIRMWARE, str(error), reason=str(error)[:200]
            ) from error
        return self._firmware().status()

    def _join(self, document: Document) -> Document:
        ssid, passphrase = document.get("ssid"), document.get("passphrase")
        if not isinstance(ssid, str) or not isinstance(passphrase, str):
            raise RefusalError(Status.MALFORMED, "ssid and passphrase must be text")
        is_long_enough = _PASSPHRASE_MIN <= len(passphrase) <= _PASSPHRASE_MAX
        if passphrase and not is_long_enough:
            raise RefusalError(
                Status.WIFI, "a passphrase has 8 to 63 characters", reason="passphrase"
            )
        if not 0 < len(ssid.encode()) <= _SSID_BYTES_MAX:
            raise RefusalError(
                Status.WIFI, "a name has 1 to 32 bytes", reason="no-network"
            )
        wifi = self._wifi()
        try:
            wifi.join(ssid, passphrase)
        except RefusedError as error:
            raise RefusalError(Status.WIFI, str(error), reason=str(error)) from error
        return wifi.status()

    def _state(self) -> str:
        return state_of(self.vault.current(), self.vault.staged()).value

    def _wifi(self) -> Wifi:
        if self.wifi is None:
            raise RefusalError(Status.UNSUPPORTED, "this device has no Wi-Fi")
        return self.wifi

    def _firmware(self) -> Firmware:
        if self.firmware is None:
            raise RefusalError(Status.UNSUPPORTED, "no firmware is taken here")
        return self.firmware
