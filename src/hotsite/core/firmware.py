"""Firmware as a device judges it: what runs here, what is offered, and why (not).

Who signed an offer is settled before it comes here (``adapters/trusted_firmware``):
this module decides whether an *authentic* image may replace the one that runs. The
update framework protects the list, not the order of what is on it: an old image that
is still listed would be a rollback with valid signatures.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from hotsite.errors import RefusedError

_VERSION = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
# What a 32-bit fuse or flash counter holds.
COUNTER_MAX = 2**32 - 1


class Reason(StrEnum):
    """Why an offer is taken, left, or refused; one word each, for logs and status."""

    TAKEN = "taken"
    CURRENT = "current"
    PENDING = "waits-for-restart"
    NOTHING = "nothing-offered"
    BEHIND = "replica-behind"
    MODEL = "other-model"
    COUNTER = "security-counter"
    OLDER = "older"
    MIN_FROM = "min-from"
    FAILED_BEFORE = "failed-before"
    TOO_LARGE = "too-large"
    MALFORMED = "malformed"
    TAMPERED = "tampered"
    WRONG_KEY = "wrong-key"
    EXPIRED = "expired"
    INCOMPLETE = "incomplete"


class FirmwareRefusedError(RefusedError):
    """What was offered must not be installed; the slot that runs is untouched.

    Attributes:
        reason: Why, in one word.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(f"{reason.value}: {message}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Image:
    """One firmware image, as its signed description says.

    Attributes:
        name: Path of the target in the repository.
        version: Three numbers with points between.
        min_from: The lowest version that may be replaced by it.
        security_counter: Grows when a version before it must never run again.
        model: Which devices it is for.
        length: Bytes.
        sha256: Of all its bytes, 64 hex digits.
        built_at_s: When it was made, in seconds since the epoch; a device that runs
            it knows that it cannot be earlier.
    """

    name: str
    version: str
    min_from: str
    security_counter: int
    model: str
    length: int
    sha256: str
    built_at_s: int

    def __post_init__(self) -> None:
        """Refuse a description that means nothing."""
        rules = (
            (_VERSION.fullmatch(self.version), f"version {self.version!r}"),
            (_VERSION.fullmatch(self.min_from), f"min_from {self.min_from!r}"),
            (
                0 <= self.security_counter <= COUNTER_MAX,
                f"security_counter {self.security_counter}",
            ),
            (_MODEL.fullmatch(self.model), f"model {self.model!r}"),
            (self.length >= 1, f"length {self.length}"),
            (_SHA256.fullmatch(self.sha256), f"sha256 {self.sha256!r}"),
            (self.built_at_s >= 0, f"built_at_s {self.built_at_s}"),
        )
        for is_fine, what in rules:
            if not is_fine:
                raise FirmwareRefusedError(Reason.MALFORMED, f"{self.name} says {what}")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What a repository offers, after every signature was checked.

    Attributes:
        images: All that it lists.
        is_behind: Whether the repository is older than what this device has seen
            before: a replica that lags, or somebody who plays back an old one.
    """

    images: tuple[Image, ...]
    is_behind: bool = False


@dataclass(frozen=True, slots=True)
class Here:
    """What an offer is compared with.

    Attributes:
        running: The image that runs.
        counter_min: The security counter that was reached; never lowered.
        failed: Digests of images that ran here and were found unhealthy.
        bytes_max: How much a slot holds.
    """

    running: Image
    counter_min: int
    failed: Sequence[str]
    bytes_max: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """What to do about what is offered.

    Attributes:
        reason: ``TAKEN`` and nothing else means: install ``image``.
        image: What it is about, if it is about one.
    """

    reason: Reason
    image: Image | None = None


def numbers(version: str) -> tuple[int, ...]:
    """Return a version so that a later one compares greater."""
    return tuple(int(part) for part in version.split("."))


def described(name: str, length: int, sha256: str, custom: object) -> Image:
    """Return the image that a signed target describes.

    Args:
        name: Path of the target.
        length: Bytes, as signed.
        sha256: Digest, as signed.
        custom: The target's own fields; those that nobody knows are left alone.

    Raises:
        FirmwareRefusedError: A field is missing or means nothing.
    """
    kinds = {
        "version": str,
        "min_from": str,
        "security_counter": int,
        "model": str,
        "built_at_s": int,
    }
    if not isinstance(custom, Mapping):
        raise FirmwareRefusedError(Reason.MALFORMED, f"{name} is not described")
    for field, kind in kinds.items():
        if type(custom.get(field)) is not kind:
            raise FirmwareRefusedError(
                Reason.MALFORMED,
                f"{name}: {field} must be {kind.__name__}, not {custom.get(field)!r}",
            )
    known = {field: custom[field] for field in kinds}
    return Image(name=name, length=length, sha256=sha256, **known)


def judge(image: Image, here: Here) -> Judgement:
    """Decide about one authentic image; the first rule that applies wins.

    Args:
        image: What is offered.
        here: What runs, and what this device has reached.
    """
    running = here.running
    floor = max(here.counter_min, running.security_counter)
    rules = (
        (image.model != running.model, Reason.MODEL),
        (image.sha256 == running.sha256, Reason.CURRENT),
        (image.security_counter < floor, Reason.COUNTER),
        (numbers(image.version) <= numbers(running.version), Reason.OLDER),
        (numbers(running.version) < numbers(image.min_from), Reason.MIN_FROM),
        (image.sha256 in here.failed, Reason.FAILED_BEFORE),
        (image.length > here.bytes_max, Reason.TOO_LARGE),
    )
    reason = next((reason for applies, reason in rules if applies), Reason.TAKEN)
    return Judgement(reason, image)


def choose(catalogue: Catalogue, here: Here) -> Judgement:
    """Choose the newest image that may be installed, or say why there is none.

    With ``min_from`` that can be a step on the way to the newest one.

    Args:
        catalogue: What is offered.
        here: What runs.
    """
    if catalogue.is_behind:
        return Judgement(Reason.BEHIND)
    judged = [judge(image, here) for image in catalogue.images]
    own = [found for found in judged if found.reason is not Reason.MODEL]
    takable = [found for found in own if found.reason is Reason.TAKEN]
    if not own:
        return Judgement(Reason.NOTHING)
    # Of what is refused, the newest says why: an old image on the list is nothing odd.
    return max(takable or own, key=_newness)


def _newness(found: Judgement) -> tuple[int, ...]:
    return numbers(found.image.version) if found.image is not None else ()


def trusted_now_s(clock_s: float, running: Image) -> float:
    """Return the time to judge expiry by.

    A device without a battery wakes in 1970 and would call nothing expired: it is
    never earlier than its own firmware.

    Args:
        clock_s: What the clock says, in seconds since the epoch.
        running: The image that runs.
    """
    return max(clock_s, float(running.built_at_s))
