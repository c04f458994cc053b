"""What is printed on a device: its name, and the proof that one stands before it."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from hotsite.errors import InvalidInputError

# No 0 O 1 I L U: nobody can mistake one for another.
POP_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_GROUPS, _GROUP = 3, 4
USERNAME = "hotsite"
# A scan response has 31 bytes, two of them the name's header.
_SERIAL_CHARACTERS_MAX = 26
_SERIAL = re.compile(r"[a-zA-Z0-9_-]{1,128}")
TRANSPORTS = ("ble", "softap")
CSV_COLUMNS = ("serial", "name", "pop", "transport", "address")


@dataclass(frozen=True, slots=True)
class Label:
    """What a phone reads from a device.

    Attributes:
        serial: Serial number, and the claim's id.
        name: Bluetooth name, and the SSID of the device's Wi-Fi.
        pop: Proof of possession, as it is hashed; never logged.
        transport: ``ble`` or ``softap``, what is tried first.
        username: Of the handshake.
        address: Where the device is, if it is not where such devices are.
    """

    serial: str
    name: str
    pop: str = field(repr=False)
    transport: str = "ble"
    username: str = USERNAME
    address: str = ""

    def qr(self) -> str:
        """Return what the QR code holds: Espressif's JSON, and the serial number."""
        return json.dumps(
            {
                "ver": "v1",
                "name": self.name,
                "username": self.username,
                "pop": self.pop,
                "transport": self.transport,
                "serial": self.serial,
            },
            separators=(",", ":"),
        )


def device_name(serial: str) -> str:
    """Return the Bluetooth name of a serial number, at most 29 characters."""
    if len(serial) <= _SERIAL_CHARACTERS_MAX:
        return f"HS-{serial}"
    return f"HS-{hashlib.sha256(serial.encode()).hexdigest()[:12]}"


def make_pop(draw: Callable[[int], int]) -> str:
    """Draw a proof of possession, 58 bits.

    Args:
        draw: Returns a number below its argument, by chance nobody can foresee.
    """
    count = _GROUPS * _GROUP
    letters = [POP_ALPHABET[draw(len(POP_ALPHABET))] for _ in range(count)]
    return _grouped("".join(letters))


def read_pop(typed: str) -> str:
    """Return a proof of possession as it is hashed, however it was typed.

    Raises:
        InvalidInputError: It has another length, or letters that are not used.
    """
    bare = re.sub(r"[\s-]", "", typed).upper()
    if len(bare) != _GROUPS * _GROUP or not set(bare) <= set(POP_ALPHABET):
        raise InvalidInputError(
            "a code is 12 of 23456789ABCDEFGHJKMNPQRSTVWXYZ, as on the label"
        )
    return _grouped(bare)


def read_qr(text: str) -> Label:
    """Return the label of a QR code's text.

    Raises:
        InvalidInputError: It is no label of a device.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidInputError("this QR code is not that of a device") from error
    if not isinstance(document, dict) or document.get("ver") != "v1":
        raise InvalidInputError("this QR code is not that of a device")
    return read_label(document, where="the QR code")


def read_label(values: Mapping[str, object], *, where: str) -> Label:
    """Return the label of named values: a QR code's, or a row's.

    Raises:
        InvalidInputError: A value is missing or wrong.
    """

    def text(key: str, default: str = "") -> str:
        value = values.get(key)
        if value is not None and not isinstance(value, str):
            raise InvalidInputError(f"{where}: {key} must be text")
        return (value or "").strip() or default

    serial, transport = text("serial"), text("transport", "ble")
    if not _SERIAL.fullmatch(serial):
        raise InvalidInputError(f"{where}: serial must be 1 to 128 of a-z A-Z 0-9 _ -")
    if transport not in TRANSPORTS:
        raise InvalidInputError(f"{where}: transport must be ble or softap")
    try:
        pop = read_pop(text("pop"))
    except InvalidInputError as error:
        raise InvalidInputError(f"{where}: pop: {error}") from error
    name = text("name", device_name(serial))
    return Label(
        serial, name, pop, transport, text("username", USERNAME), text("address")
    )


def _grouped(bare: str) -> str:
    pieces = range(0, len(bare), _GROUP)
    return "-".join(bare[at : at + _GROUP] for at in pieces)
