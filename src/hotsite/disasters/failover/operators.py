"""Operators with the commands' own flows, who may be killed in front of any call.

Who was killed, or told that a retry may help, does it again; who is refused does
not. The judge looks at what they leave behind.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from hotsite.core.operations import Kind, Pause
from hotsite.disasters.failover.estate import Estate
from hotsite.disasters.failover.network import FORCED, OUTSIDE
from hotsite.errors import RetryableError, UnsafePlanError
from hotsite.flows import pausing
from hotsite.flows.failover import Request, operate
from hotsite.sim.scheduler import Worker, WorkerKilledError

_KILLED_SHARE = 0.6
_CALLS_MAX = 40
_FORCE_SHARE = 0.3
_AGAIN_S = (1.0, 60.0)
_TRIES_MAX = 6
_PAUSE_S = (60.0, 400.0)


@dataclass(slots=True)
class Operator:
    """One person, who wants one thing.

    Attributes:
        estate: The world.
        request: What is wanted.
        chance: The operator's own luck.
        tries: How often it was tried.
        outcome: How it ended: "done", why it was refused, or nothing yet.
    """

    estate: Estate
    request: Request
    chance: random.Random
    tries: int = 0
    outcome: str = ""

    def begin(self, *, is_killed: bool) -> None:
        """Start the command, or start it again."""
        self.tries += 1
        target = self.request.target
        is_forced = self.request.kind is Kind.FORCED
        others = " ".join(self.estate.others(target))
        name = f"{FORCED}{others}" if is_forced else "operator"
        worker = Worker(name, OUTSIDE, self._run, on_end=self._ended)
        if is_killed:
            worker.calls_left = self.chance.randrange(_CALLS_MAX)
        self.estate.scheduler.start(worker)

    def _run(self) -> None:
        self.estate.tell("operator", f"{self.request}, try {self.tries}")
        operation = operate(self.request, self.estate.control())
        self.outcome = "done"
        self.estate.counts["operations done"] += 1
        self.estate.tell("operator", f"{operation.id} is done")

    def _ended(self, error: BaseException | None) -> None:
        if error is None:
            return
        self.estate.tell("operator", f"{type(error).__name__}: {error}")
        self.estate.counts[f"operators' {type(error).__name__}"] += 1
        is_again = isinstance(error, RetryableError | WorkerKilledError)
        if isinstance(error, UnsafePlanError):
            self.outcome = str(error)
        if is_again and self.tries < _TRIES_MAX and not self.estate.is_ending:
            delay_s = self.chance.uniform(*_AGAIN_S)
            is_killed = self.chance.random() < _KILLED_SHARE / 2
            self.estate.scheduler.at(delay_s, lambda: self.begin(is_killed=is_killed))


def start(estate: Estate, request: Request, chance: random.Random) -> Operator:
    """Let an operator begin, who may be killed."""
    operator = Operator(estate, request, chance)
    operator.begin(is_killed=chance.random() < _KILLED_SHARE)
    return operator


def _operation(kind: Kind) -> Callable[[Estate, str, random.Random], None]:
    def act(estate: Estate, region: str, chance: random.Random) -> None:
        target = "a" if kind is Kind.FAILBACK else region
        is_hasty = chance.random() < _FORCE_SHARE
        because = "the seed says so" if is_hasty else None
        start(estate, Request(kind, target, because), chance)

    return act


def _pause(estate: Estate, _region: str, chance: random.Random) -> None:
    until_s = estate.scheduler.now_s() + chance.uniform(*_PAUSE_S)
    _say(estate, Pause(True, chance.choice((until_s, None)), "operator", "work"))  # noqa: FBT003


def _resume(estate: Estate, _region: str, _chance: random.Random) -> None:
    resume(estate)


def resume(estate: Estate) -> None:
    """Let an operator end every pause."""
    _say(estate, Pause(is_paused=False, by="operator"))


def _say(estate: Estate, pause: Pause) -> None:
    control = estate.control()
    replicas = {letter: desk.operations for letter, desk in control.desks.items()}

    def job() -> None:
        said = pausing.say(pause, replicas, control.clock)
        estate.tell("operator", f"paused: {pause.is_paused}, in {said.written}")

    estate.scheduler.start(Worker("operator", OUTSIDE, job))


ACTS: Mapping[str, Callable[[Estate, str, random.Random], None]] = {
    "planned failover": _operation(Kind.PLANNED),
    "forced failover": _operation(Kind.FORCED),
    "failback": _operation(Kind.FAILBACK),
    "pause": _pause,
    "resume": _resume,
}
