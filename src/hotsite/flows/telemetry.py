"""Take in what devices send in batches: hot, then cold, and errors to the archive.

Every step may come twice, because whoever called is called again when a step failed:
a row is overwritten by itself, and what was refused is kept under the name that its
content gives it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from hotsite.core.arrivals import Arrival, Origin, Refused, reason_of
from hotsite.core.backoff import BackoffPolicy, full_jitter_s
from hotsite.core.telemetry import batch_topic, unpack
from hotsite.errors import ThrottledError
from hotsite.ports.clock import Clock
from hotsite.ports.telemetry import ColdStream, ErrorArchive, HotStore

_Put = Callable[[Sequence[Arrival]], tuple[Arrival, ...]]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to go on with what a store has no room for.

    Attributes:
        tries_max: How often it is put, 1 or more.
        backoff: How to space the tries.
    """

    tries_max: int = 6
    backoff: BackoffPolicy = field(
        default_factory=lambda: BackoffPolicy(base_s=0.1, cap_s=2.0)
    )


@dataclass(frozen=True, slots=True)
class Stores:
    """Where one site keeps telemetry.

    Attributes:
        hot: Its hot store.
        cold: Its cold stream, where there is one.
        archive: What it refuses.
        origin: What it writes on all that arrives.
        clock: Its time.
        uniform: Gives random numbers, 0 to 1.
        patience: How long to go on with what a store has no room for.
    """

    hot: HotStore
    cold: ColdStream | None
    archive: ErrorArchive
    origin: Origin
    clock: Clock
    uniform: Callable[[], float]
    patience: Patience = field(default_factory=Patience)


@dataclass(frozen=True, slots=True)
class Published:
    """What a device has published, as the topic rule tells it.

    Attributes:
        thing: Who, by the topic.
        payload: What, byte for byte.
        at_s: When it arrived, by the site's clock, seconds since the epoch.
    """

    thing: str
    payload: bytes
    at_s: float


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a batch.

    Attributes:
        stored: How many messages are in the stores.
        refused: How many are in the archive.
        reason: Why they were refused.
    """

    stored: int
    refused: int = 0
    reason: str = ""


def take_batch(published: Published, stores: Stores) -> Taken:
    """Store every message of a batch that is one, and archive the rest.

    Args:
        published: The batch.
        stores: Of the site.

    Raises:
        RetryableError: A store did not answer, or had no room for long; doing all
            of it again is safe.
    """
    thing = published.thing
    messages, rejects = unpack(published.payload, thing=thing)
    store(stores.origin.arrivals(thing, messages, at_s=published.at_s), stores)
    if not rejects:
        return Taken(len(messages))
    reason = reason_of(rejects)
    topic = batch_topic(thing)
    stores.archive.put(Refused(topic, published.payload, reason, published.at_s))
    return Taken(len(messages), len(rejects), reason)


def store(arrivals: Sequence[Arrival], stores: Stores) -> None:
    """Put messages into the hot store and the cold stream.

    Args:
        arrivals: What arrived, at most one for each thing and key.
        stores: Of the site.

    Raises:
        RetryableError: As ``take_batch`` does.
    """
    _put_all(stores.hot.put, arrivals, stores)
    if stores.cold is not None:
        _put_all(stores.cold.put, arrivals, stores)


def _put_all(put: _Put, arrivals: Sequence[Arrival], stores: Stores) -> None:
    left = tuple(arrivals)
    for round_ in range(stores.patience.tries_max):
        if not left:
            return
        if round_:
            backoff = stores.patience.backoff
            stores.clock.sleep(full_jitter_s(round_ - 1, stores.uniform(), backoff))
        left = put(left)
    if left:
        raise ThrottledError(f"no room for {len(left)} of {len(arrivals)} messages")
