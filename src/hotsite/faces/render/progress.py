"""Live progress of a drill: a view on a terminal, plain lines without one.

Shows what the journal gets, as it gets it; decides and measures nothing. Writes
to standard error, so that standard output stays for the result.
"""

import sys
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from hotsite.core.churn import RegionSwept, RegistryChanged, SiteReturned
from hotsite.core.hardship import SiteSick
from hotsite.core.journal import (
    DeviceConnectable,
    DeviceOnboarded,
    DeviceRecovered,
    DeviceUnconnectable,
    DnsAnswered,
    DrillEnded,
    DrillStarted,
    Event,
    FaultInjected,
    FleetSampled,
    Note,
    Phase,
    PhaseStarted,
    SiteHealth,
)
from hotsite.faces.render.coursewords import words
from hotsite.faces.render.story import plain

SAMPLE_EVERY_S = 5.0
_REFRESH_HZ = 4
_LINES_KEPT = 6
_CHURN_PHASES = (
    Phase.ONBOARD,
    Phase.CHURN,
    Phase.PROVE,
    Phase.FAULT,
    Phase.MEANWHILE,
    Phase.RETURN,
    Phase.AFTERWARDS,
    Phase.QUIET,
    Phase.VERIFY,
)
_COURSE_PHASES = (
    Phase.ONBOARD,
    Phase.PROVE,
    Phase.STEADY,
    Phase.COURSE,
    Phase.SETTLE,
    Phase.COLLECT,
)
_PHASES = (
    Phase.UP,
    Phase.ONBOARD,
    Phase.PROVE,
    Phase.STEADY,
    Phase.FAULT,
    Phase.RECOVER,
    Phase.ONBOARD_AFTER,
    Phase.STAY_HEALTHY,
    Phase.COLLECT,
)


class Progress(Protocol):
    """Something that shows a drill as it happens; a context manager."""

    def event(self, event: Event) -> None:
        """Show one event; never raises for what an event says."""
        ...

    def __enter__(self) -> Self:
        """Begin to show."""
        ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End showing; the terminal is left as it was."""
        ...


def progress(stream: TextIO | None = None) -> Progress:
    """Return what fits the stream: a live view on a terminal, else lines.

    Args:
        stream: Where to write; standard error if None.
    """
    target = stream or sys.stderr
    return LiveProgress(target) if target.isatty() else LineProgress(target)


def sentence(event: Event) -> str | None:
    """Return a notable event as one line, or None if it is not notable."""
    text: str | None = None
    match event.fact:
        case DrillStarted() as fact:
            text = (
                f"drill {fact.scenario}: {fact.devices} devices, seed {fact.seed},"
                f" world {fact.world}"
            )
        case FaultInjected() | SiteSick() | Note():
            text = plain(event.fact)
        case SiteHealth(region=region, is_healthy=is_healthy):
            text = f"{region} is {'healthy' if is_healthy else 'unhealthy'}"
        case DnsAnswered(name=name, region=answer):
            text = f"{name} answers {answer or 'nothing'}"
        case DeviceUnconnectable(thing=thing, region=region, reason=reason):
            text = f"{thing} cannot connect in {region}: {reason}"
        case SiteReturned(region=region, took_s=took_s):
            text = f"{region} is back after {took_s:.1f} s"
        case RegionSwept() as fact:
            text = sweep_line(fact)
        case DrillEnded(reason=reason):
            text = f"drill ended: {reason}"
        case _:
            text = words(event.fact)
    return text


def sweep_line(found: RegionSwept) -> str:
    """Return a comparison of a Region with the record as one line."""
    text = (
        f"{found.region}: {found.drift} differences, {found.pending} at work, of"
        f" {found.names} names"
    )
    return f"{text}; {found.adopted} taken in" if found.is_repair else text


def fleet_line(sample: FleetSampled) -> str:
    """Return a sample of the fleet as one line."""
    sites = ", ".join(f"{region} {n}" for region, n in sample.connected.items())
    lag_s = sample.replication_lag_s
    lag = "unknown" if lag_s is None else f"{lag_s:.1f} s"
    return (
        f"connected: {sites or 'none'}; offline {sample.offline};"
        f" backlog {sample.backlog}; replication lag {lag}"
    )


class LineProgress:
    """One line for each phase and notable event, and a sample now and then."""

    def __init__(self, stream: TextIO) -> None:
        """Write to a stream that is no terminal, such as a log of CI."""
        self._stream = stream
        self._sampled_at_s: float | None = None

    def event(self, event: Event) -> None:
        """Write the event's line, if it is worth one."""
        match event.fact:
            case PhaseStarted(phase=phase):
                text: str | None = f"phase: {_name(phase)}"
            case FleetSampled() as sample:
                text = fleet_line(sample) if self._is_due(event.at_s) else None
            case RegistryChanged(number=number):
                text = f"changes: {number}" if self._is_due(event.at_s) else None
            case _:
                text = sentence(event)
        if text is not None:
            print(f"{event.at_s:7.1f} s  {text}", file=self._stream, flush=True)

    def _is_due(self, at_s: float) -> bool:
        last_s = self._sampled_at_s
        if last_s is not None and at_s - last_s < SAMPLE_EVERY_S:
            return False
        self._sampled_at_s = at_s
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stream.flush()


class LiveProgress:
    """A view that is redrawn in place: phases, sites, backlog, last events."""

    def __init__(self, stream: TextIO) -> None:
        """Draw on a terminal."""
        console = Console(file=stream)
        self._live = Live(console=console, refresh_per_second=_REFRESH_HZ)
        self._started: DrillStarted | None = None
        self._phase: Phase | None = None
        self._sample: FleetSampled | None = None
        self._at_s = 0.0
        self._fault_at_s: float | None = None
        self._counts: dict[str, int] = {}
        self._lines: list[str] = []
        self._changes = 0

    def event(self, event: Event) -> None:
        """Take the event into the view."""
        self._at_s = event.at_s
        match event.fact:
            case DrillStarted() as fact:
                self._started = fact
            case PhaseStarted(phase=phase):
                self._phase = phase
            case FleetSampled() as sample:
                self._sample = sample
            case FaultInjected():
                self._fault_at_s = event.at_s
            case DeviceOnboarded():
                self._add("onboarded")
            case DeviceConnectable():
                self._add("proved")
            case DeviceRecovered():
                self._add("recovered")
            case RegistryChanged():
                self._changes += 1
            case _:
                pass
        text = sentence(event)
        if text is not None:
            self._lines = [*self._lines, f"{event.at_s:7.1f} s  {text}"][-_LINES_KEPT:]
        self._live.update(self._view())

    def _add(self, name: str) -> None:
        self._counts[name] = self._counts.get(name, 0) + 1

    def _view(self) -> Group:
        table = Table.grid(padding=(0, 2))
        table.add_row("elapsed", self._clock())
        table.add_row("phase", self._phases())
        devices = self._started.devices if self._started else 0
        for name, count in self._counts.items():
            table.add_row(name, _bar(count, devices))
        if self._changes:
            table.add_row("changes", str(self._changes))
        if self._sample is not None:
            for region, count in self._sample.connected.items():
                table.add_row(region, _bar(count, devices))
            table.add_row("offline", _bar(self._sample.offline, devices))
            table.add_row("backlog", f"{self._sample.backlog} messages")
            lag_s = self._sample.replication_lag_s
            table.add_row("lag", "unknown" if lag_s is None else f"{lag_s:.1f} s")
        return Group(table, Text("\n".join(self._lines), style="dim"))

    def _clock(self) -> str:
        if self._fault_at_s is None:
            return f"{self._at_s:.0f} s"
        return f"{self._at_s:.0f} s, {self._at_s - self._fault_at_s:.0f} s since fault"

    def _phases(self) -> Text:
        text = Text()
        is_churn = self._started is not None and self._started.churn is not None
        is_course = self._started is not None and self._started.course is not None
        usual = _COURSE_PHASES if is_course else _PHASES
        for phase in _CHURN_PHASES if is_churn else usual:
            style = "bold reverse" if phase is self._phase else "dim"
            text.append(f" {_name(phase)} ", style=style)
        return text

    def __enter__(self) -> Self:
        self._live.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.__exit__(kind, error, traceback)


def _name(phase: Phase) -> str:
    return phase.replace("_", " ")


def _bar(count: int, total: int) -> str:
    width = 30
    full = round(width * min(count, total) / total) if total else 0
    bar = "\u2588" * full + "\u2591" * (width - full)
    return f"{bar} {count}"
