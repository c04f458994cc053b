"""The tables of a report: the same rows for the terminal and for the page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from hotsite.core.verdict import Verdict
from hotsite.faces.render.story import Story, moments

_SLOWEST = 5
_GIBIBYTE = 2**30
UNKNOWN = "not measured"
NEVER = "not reached"


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a caption; the first cell of a row is its header.

    Attributes:
        caption: What the table is about.
        headers: One a column.
        rows: Cells as text.
        note: A sentence that the reader needs; may be empty.
    """

    caption: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure that decides the drill.

    Attributes:
        name: What it is.
        value: What was measured.
        wanted: What was wanted.
        is_met: Whether it was measured and met.
    """

    name: str
    value: str
    wanted: str
    is_met: bool

    @property
    def word(self) -> str:
        """Return the judgement as a word, for those who see no colour."""
        if self.value == UNKNOWN:
            return UNKNOWN
        return "met" if self.is_met else "missed"


def seconds(value_s: float | None) -> str:
    """Return a duration as people read it."""
    return UNKNOWN if value_s is None else f"{value_s:.1f} s"


def count(value: int | None) -> str:
    """Return a number of things as people read it."""
    return UNKNOWN if value is None else f"{value:,}".replace(",", "\u202f")


def figures(verdict: Verdict) -> tuple[Figure, ...]:
    """Return the figures that decide the drill, the most important first."""
    rto, rpo, goals = verdict.rto, verdict.rpo, verdict.objectives
    connectable = verdict.registry.connectable_in_standby
    return (
        Figure(
            "RTO p99",
            _reached(rto.p99_s, verdict),
            f"at most {goals.rto_s:g} s",
            is_met=rto.p99_s is not None and rto.p99_s <= goals.rto_s,
        ),
        Figure(
            "Messages lost",
            count(rpo.lost),
            f"at most {goals.rpo_messages}",
            is_met=rpo.lost is not None and rpo.lost <= goals.rpo_messages,
        ),
        Figure(
            "Devices recovered",
            _share(rto.recovered, verdict.devices),
            "all",
            is_met=rto.recovered == verdict.devices,
        ),
        Figure(
            "Ready in the standby",
            _share(connectable, verdict.devices),
            "all",
            is_met=connectable == verdict.devices,
        ),
        Figure(
            "Duplicate rows",
            count(rpo.duplicates),
            "none",
            is_met=rpo.duplicates == 0,
        ),
        *_figures_of_hardship(verdict),
    )


def _figures_of_hardship(verdict: Verdict) -> Iterable[Figure]:
    """Yield what a drill shows that asks for more than the loss of a Region."""
    goals, trusted = verdict.objectives, verdict.rpo.lost_if_puback_trusted
    if goals.puback_loss_min:
        yield Figure(
            "Lost if PUBACK were trusted",
            count(trusted),
            f"at least {goals.puback_loss_min}, or nothing is proved",
            is_met=trusted is not None and trusted >= goals.puback_loss_min,
        )
    if goals.power_cuts_min:
        cuts = verdict.hardship.power_cuts if verdict.hardship else 0
        yield Figure(
            "Power cuts",
            count(cuts),
            f"at least {goals.power_cuts_min}",
            is_met=cuts >= goals.power_cuts_min,
        )
    if verdict.returned is not None:
        wrong = verdict.returned.wrong
        yield Figure(
            "Changed by the Region's return", count(wrong), "nothing", is_met=not wrong
        )


def _reached(value_s: float | None, verdict: Verdict) -> str:
    """Return a percentile; one that falls on a lost device was never reached."""
    is_never = value_s is None and verdict.rto.recovered is not None
    return NEVER if is_never else seconds(value_s)


def _share(part: int | None, whole: int) -> str:
    return UNKNOWN if part is None else f"{part} of {whole}"


def figure_table(found: Iterable[Figure], how: str = "Measured") -> Table:
    """Return the deciding figures as a table; ``how`` says how they were found."""
    return Table(
        "Objectives",
        ("Figure", how, "Wanted", "Judgement"),
        tuple((f.name, f.value, f.wanted, f.word) for f in found),
    )


def recovery_table(verdict: Verdict) -> Table:
    """Return what the recovery was made of, beside what was forecast of it."""
    rto, phases, foreseen = verdict.rto, verdict.phases, verdict.forecast
    rows = (
        ("Health checks gave the site up", seconds(phases.detected_s), None),
        ("DNS answered the other site", seconds(phases.dns_switched_s), None),
        ("First telemetry stored", _reached(rto.first_s, verdict), None),
        ("Half of the fleet connected", seconds(phases.reconnected_p50_s), None),
        ("Half of the fleet stored (p50)", _reached(rto.p50_s, verdict), "p50_s"),
        ("90 % stored (p90)", _reached(rto.p90_s, verdict), "p90_s"),
        ("99 % stored (p99)", _reached(rto.p99_s, verdict), "p99_s"),
        ("Last device stored", _reached(rto.max_s, verdict), "max_s"),
    )
    caption, headers = "Recovery, step by step", ("Step", "After the fault")
    if foreseen is None:
        return Table(caption, headers, tuple((step, at) for step, at, _ in rows))
    beside = (
        (step, at, "" if key is None else seconds(getattr(foreseen, key)))
        for step, at, key in rows
    )
    return Table(caption, (*headers, "Forecast"), tuple(beside))


def loss_table(story: Story) -> Table:
    """Return the account of every message."""
    rpo, books, survivor = story.verdict.rpo, story.books, story.history.survivor
    return Table(
        "Messages, accounted for",
        ("Messages", "Count", "Meaning"),
        (
            ("Published", count(rpo.published), "made by the devices"),
            ("Acknowledged", count(rpo.acknowledged), "PUBACK received, in any site"),
            ("Stored", count(rpo.stored), f"distinct, in {survivor} at the end"),
            ("Lost", count(rpo.lost), "acknowledged, but not stored"),
            ("Duplicates", count(rpo.duplicates), "rows beyond one a message"),
            ("Ghosts", count(books.ghosts), "stored, but never published"),
            ("Dropped", count(books.dropped), "given up by a full outbox"),
            (
                "Lost if PUBACK were trusted",
                count(rpo.lost_if_puback_trusted),
                "acknowledged before the fault, not yet replicated when it came",
            ),
        ),
        note=(
            "A PUBACK says that one site has the message, not that the other has"
            " it too. The last row is what a device loses that forgets a message"
            " at its PUBACK; devices here keep it and send again what is missing."
        ),
    )


def return_table(verdict: Verdict) -> Table:
    """Return what the dead Region's return changed; no rows if it stayed dead."""
    found = verdict.returned
    rows = (
        ()
        if found is None
        else (
            ("Added", count(found.added), "missing before, shown now"),
            ("Vanished", count(found.vanished), "shown before, missing now"),
            ("Changed", count(found.changed), "series that show another content"),
            ("Duplicates", count(found.duplicates), "rows beyond one a message"),
            ("Ghosts", count(found.ghosts), "shown, but never published"),
            ("Apart", count(found.apart), "in one Region, and not in the other"),
        )
    )
    return Table(
        "When the dead Region returned", ("Messages", "Count", "Meaning"), rows
    )


def registry_table(story: Story) -> Table:
    """Return how far the standby was ready for the fleet."""
    registry, standby = story.verdict.registry, story.history.started.standby
    newcomers = len(story.history.newcomers)
    return Table(
        "Registry",
        ("Registry", "Measured"),
        (
            ("Devices onboarded", count(registry.onboarded)),
            (f"Proved to connect in {standby}", count(registry.connectable_in_standby)),
            ("Lag from record to standby, p99", seconds(registry.lag_p99_s)),
            ("Onboarded after the fault", count(newcomers)),
        ),
    )


def slowest_table(story: Story) -> Table:
    """Return the devices that were away longest, the never recovered first.

    It has no rows if there was no fault.
    """
    if story.history.fault is None:
        return Table("Longest away", ("Device", "Away"), ())
    never = sorted(story.history.fleet - story.away_s.keys())
    known = sorted(story.away_s.items(), key=lambda item: (-item[1], item[0]))
    rows = (
        *((thing, "never came back") for thing in never),
        *((thing, seconds(away_s)) for thing, away_s in known),
    )
    return Table("Longest away", ("Device", "Away"), rows[:_SLOWEST])


def moment_table(story: Story) -> Table:
    """Return what happened, in order."""
    zero = "fault" if story.history.fault else "start"
    return Table(
        "What happened",
        (f"Since the {zero}", "Event"),
        tuple((f"{_signed(at_s)} s", text) for at_s, text in moments(story)),
    )


def _signed(at_s: float) -> str:
    # A true minus sign lines up with the plus sign and the digits.
    return f"{at_s:+.1f}".replace("-", "\u2212")


def run_table(story: Story) -> Table:
    """Return what one needs to compare or repeat the drill."""
    started, machine = story.history.started, story.history.started.machine
    versions = ", ".join(f"{k} {v}" for k, v in sorted(started.versions.items()))
    begun = datetime.fromtimestamp(story.history.events[0].world_s, UTC)
    memory = machine.memory_bytes / _GIBIBYTE
    ended = story.history.ended
    return Table(
        "This run",
        ("What", "Value"),
        (
            ("Scenario", started.scenario),
            ("World", started.world),
            ("Seed", str(started.seed)),
            ("Devices", str(started.devices)),
            ("Active, standby", f"{started.active}, {started.standby}"),
            ("Begun", f"{begun:%Y-%m-%d %H:%M:%S} UTC (the world's clock)"),
            ("Ended", ended.reason if ended else "it did not: the journal stops"),
            ("Machine", f"{machine.cpus} CPUs, {memory:.1f} GiB, {machine.system}"),
            ("Versions", versions),
        ),
    )


def commands(story: Story) -> Iterable[str]:
    """Return the commands that repeat the drill and its report."""
    started = story.history.started
    yield (
        f"hotsite drill drills/{started.scenario}.toml --world {started.world}"
        f" --devices {started.devices} --seed {started.seed} --out DIR"
    )
    yield "hotsite report DIR"
