"""The PAN protocol's places, sizes and refusals: docs/pan-protocol.md.

What a phone and a device beside it agree on before a byte is sent. Nothing here
knows a radio, a key or a file.
"""

from enum import Enum, IntEnum

from hotsite.errors import RefusedError

VERSION = 1
# ESP-IDF's Bluedroid takes no more in one characteristic: reference firmware.
VALUE_BYTES_MAX = 480
TAG_BYTES = 16
HEADER_BYTES = 2
BODY_BYTES_MAX = VALUE_BYTES_MAX - TAG_BYTES - HEADER_BYTES
JSON_BYTES_MAX = 16 * 1024
FILE_BYTES_MAX = 8 * 1024 * 1024
# The session of a phone that went away ends by itself.
IDLE_S_MAX = 30.0

_UUID = "427b{}-c418-4e6f-b74c-4ef4a412933f"
SERVICE_UUID = _UUID.format("9004")


class Endpoint(Enum):
    """A place that is written to and read from; the number goes into frames."""

    PROTO_VER = ("proto-ver", 0, "ff53")
    PROV_SESSION = ("prov-session", 0, "ff51")
    INFO = ("info", 1, "ff60")
    CSR = ("csr", 2, "ff61")
    CREDENTIALS = ("credentials", 3, "ff62")
    ENDPOINTS = ("endpoints", 4, "ff63")
    FIRMWARE = ("firmware", 5, "ff64")
    WIFI = ("wifi", 6, "ff65")

    @property
    def word(self) -> str:
        """Return its name: in HTTP's path, and in the 0x2901 descriptor."""
        return self.value[0]

    @property
    def number(self) -> int:
        """Return its number in frames; 0 for those outside a session."""
        return self.value[1]

    @property
    def uuid(self) -> str:
        """Return the UUID of its characteristic."""
        return _UUID.format(self.value[2])

    @classmethod
    def named(cls, word: str) -> "Endpoint | None":
        """Return the endpoint of a name, if there is one."""
        return _BY_WORD.get(word)


_BY_WORD = {endpoint.word: endpoint for endpoint in Endpoint}


class Status(IntEnum):
    """How a request inside a session ended."""

    DONE = 0x00
    LONG = 0x01
    MALFORMED = 0x10
    UNSUPPORTED = 0x11
    STATE = 0x12
    OFFSET = 0x13
    DIGEST = 0x14
    TOO_LARGE = 0x15
    FOREIGN_NAME = 0x16
    FOREIGN_KEY = 0x17
    CERTIFICATE = 0x18
    NOT_STORED = 0x19
    WIFI = 0x1A
    FIRMWARE = 0x1B
    SERIAL = 0x1C


class RefusalError(RefusedError):
    """A device says no to a request inside a session; nothing has changed.

    Attributes:
        status: Which no.
        facts: What else the answer says.
    """

    def __init__(self, status: Status, detail: str, **facts: int | str) -> None:
        super().__init__(detail)
        self.status = status
        self.facts = facts
