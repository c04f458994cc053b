"""The steps of a failover: each looks first, acts if it must, and looks again.

A step that finds its work done does nothing, so a rerun after a kill anywhere ends
in the same state. Before a step acts, that it was begun is written down in the
target's Region, where the next run, the other operator and ``status`` can see it.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from hotsite.core.epoch import Epoch, number_after
from hotsite.core.move import Move
from hotsite.core.operations import Action, Book, Claim, Entry, Kind, Look, Operation
from hotsite.core.standing import posture
from hotsite.core.takeover import SiteSeen
from hotsite.errors import ConflictError, RetryableError, UnsafePlanError
from hotsite.flows import drain
from hotsite.flows.control import Control, Desk
from hotsite.ports.operations import Commands

# Most writes are in the other Region within a second or two.
_REPLICATION_S = 6.0


@dataclass(slots=True)
class Run:
    """One run of an operation, which may be its second or third.

    Attributes:
        control: What it works with.
        operation: How far it is; what the target's table holds.
    """

    control: Control
    operation: Operation

    @property
    def target(self) -> Desk:
        """Return the ports of the site that shall be active."""
        return self.control.desks[self.operation.target]

    @property
    def source(self) -> Desk:
        """Return the ports of the site that was active."""
        return self.control.desks[self.operation.source]

    @property
    def bystanders(self) -> tuple[Desk, ...]:
        """Return the ports of the sites that neither were active nor shall be."""
        ends = {self.operation.source, self.operation.target}
        return tuple(
            desk for desk in self.control.desks.values() if desk.site not in ends
        )

    def save(self, operation: Operation) -> None:
        """Write down how far the operation is.

        Raises:
            ConflictError: Another run of it is under way.
            UnreachableError: The target's Region does not answer.
        """
        self.target.operations.write(operation, previous=self.operation)
        self.operation = operation

    def book(self) -> Book:
        """Return what the target's replica holds.

        Raises:
            UnsafePlanError: A later epoch led away from the target meanwhile.
        """
        book, mine = self.target.operations.read(), self.operation
        newest = book.newest
        is_away = newest.active != mine.target
        if mine.epoch is not None and is_away and newest.number > mine.epoch:
            raise UnsafePlanError(
                f"{newest} came after epoch {mine.epoch} of this operation: "
                "look at it, and begin a new one"
            )
        return book

    def note(self, what: str, reason: str) -> None:
        """Add a line to the journal in the target's Region, and tell it."""
        control, site = self.control, self.operation.target
        entry = Entry(control.clock.now_s(), site, control.by, what, reason)
        self.target.operations.note(entry)
        control.tell(f"{what}: {reason}")

    def wait(self, missing: Callable[["Run"], str | None], wait_s_max: float) -> None:
        """Look again and again until nothing is missing, or the time is over."""
        clock, limits = self.control.clock, self.control.limits
        give_up_s = clock.now_s() + wait_s_max
        told = ""
        while (text := missing(self)) is not None and clock.now_s() < give_up_s:
            if text != told:
                self.control.tell(f"waiting: {text}")
                told = text
            clock.sleep(limits.look_every_s)


@dataclass(frozen=True, slots=True)
class Step:
    """One step.

    Attributes:
        name: What it is.
        missing: Looks; returns what is missing, or nothing when it is done.
        act: Does it.
    """

    name: str
    missing: Callable[[Run], str | None]
    act: Callable[[Run], None]


def _compute_missing(run: Run) -> str | None:
    """Return what of a pilot light is off; lit, it still has to prove its health."""
    compute = run.target.compute
    if compute is None:
        return None
    off = compute.off()
    if off:
        return f"off at {run.operation.target}: {', '.join(off)}"
    return None if run.operation.force_because else _health_missing(run)


def _light(run: Run) -> None:
    """Switch on what is off, in its order, and wait for the canary's verdict."""
    compute, clock = run.target.compute, run.control.clock
    if compute is None:
        return
    for name in compute.off():
        began_s = clock.now_s()
        compute.switch_on(name)
        run.note(f"{name} is on", f"took {clock.now_s() - began_s:.1f} s")
    run.wait(_compute_missing, run.control.limits.light_wait_s_max)


def behind(control: Control, operation: Operation) -> str | None:
    """Return which site is too far behind, or nothing.

    The target counts, and for a failback the source as well: it has to have what
    the target kept to itself when it left.
    """
    is_back, limits = operation.kind is Kind.FAILBACK, control.limits
    ends = (operation.target, operation.source)
    for site, other in (ends, ends[::-1]) if is_back else (ends,):
        behind_s = control.behind_s(site, other)
        if behind_s is None:
            return f"how far {site} is behind was not measured"
        if behind_s > limits.lag_s_max:
            allowed = f"{limits.lag_s_max:.0f} s allowed"
            return f"{site} is {behind_s:.0f} s behind, {allowed}"
    return None


def _lag_missing(run: Run) -> str | None:
    """Return what to wait for; who has a reason to hurry does not wait."""
    if run.operation.force_because is not None:
        return None
    return behind(run.control, run.operation)


def _wait_for_lag(run: Run) -> None:
    run.wait(_lag_missing, run.control.limits.lag_wait_s_max)


def _epoch_missing(run: Run) -> str | None:
    number, newest = run.operation.epoch, run.book().newest
    if number is None:
        return "no epoch was issued yet"
    is_there = newest.active == run.operation.target and newest.number >= number
    return None if is_there else f"{newest} holds"


def _issue(run: Run) -> None:
    """Issue the epoch: in one write it is fence, switch and record."""
    operation, target = run.operation, run.operation.target
    book = run.book()
    newest, seen = book.newest, run.control.seen(target)
    is_active = newest.active == target and seen is not None and seen.is_on
    # Active already and sure of it: there is nothing to switch, only to move.
    number = newest.number if is_active else number_after(newest.number, target)
    run.save(replace(operation, epoch=number))
    if is_active:
        return
    epoch = Epoch(
        number,
        target,
        run.control.clock.now_s(),
        run.control.by,
        operation.force_because or f"{operation.kind.value} operation {operation.id}",
        is_forced=operation.kind is Kind.FORCED,
    )
    try:
        run.target.operations.write(Claim(epoch), previous=book.claim(target))
    except ConflictError:
        # The target's guard has taken over in the same moment: looked at next.
        return
    run.note(f"issued {epoch}", epoch.reason)


def _fence_missing(run: Run) -> str | None:
    newest = run.book().newest
    try:
        known = run.source.operations.read().newest
    except RetryableError as error:
        # Who cannot read the table says that its switch is off, and hears of the
        # epoch as soon as it can.
        if run.operation.force_because is None:
            raise
        run.control.tell(f"{run.operation.source} cannot be told: {error}")
        return None
    is_told = known.number >= newest.number
    return None if is_told else f"{run.operation.source} has not heard of {newest}"


def _fence(run: Run) -> None:
    """Tell the source of the epoch, in its own Region, if nobody else can.

    Replication does it within seconds. Where the line between the Regions is cut,
    the operator is the line; a forced failover has nobody to tell.
    """
    run.wait(_fence_missing, _REPLICATION_S)
    source, now_s = run.source, run.control.clock.now_s()
    book, newest = source.operations.read(), run.book().newest
    if book.newest.number >= newest.number:
        return
    told = Look(
        source.site,
        newest,
        at_s=now_s,
        confirmed_at_s=now_s,
        heard_at_s=now_s,
        action=Action.STAND_DOWN,
        reason=f"{run.control.by} told of {newest}",
    )
    source.operations.write(told, previous=book.look(source.site))
    run.note(f"told {source.site} of {newest}", "replication did not")


def _dns_missing(run: Run) -> str | None:
    run.book()
    try:
        leads_to = run.control.names.leads_to()
    except RetryableError as error:
        return str(error)
    if leads_to == run.operation.target:
        return None
    return f"{run.control.name} leads to {leads_to or 'neither site'}"


def _wait_for_dns(run: Run) -> None:
    limits = run.control.limits
    run.wait(_dns_missing, limits.dns_wait_s_max)
    # Who has just asked remembers the old answer for one TTL.
    run.control.clock.sleep(limits.ttl_s)


def _health_missing(run: Run) -> str | None:
    return _sick(run, run.control.seen(run.operation.target))


def _sick(run: Run, seen: SiteSeen | None) -> str | None:
    target = run.operation.target
    if seen is None:
        return f"{target} does not answer"
    return None if seen.is_healthy else f"{target} is not healthy: {seen.reason}"


def _fenced(run: Run, book: Book, seen: SiteSeen | None) -> str | None:
    """Return why nothing may be said to devices in the name of the target.

    By the target's own clock: how sure it is is a difference of that clock's times.
    """
    now_s = run.control.clock.now_s() if seen is None else seen.now_s
    fence, target = run.control.limits.fence, run.operation.target
    found = posture(book, target, now_s=now_s, policy=fence)
    if found.may_command:
        return None
    return f"{target} is {found.standing.value}: {found.reason}"


def _moved_missing(run: Run) -> str | None:
    token = run.operation.token
    return None if token == drain.END else f"{run.operation.moved} devices so far"


@dataclass(frozen=True, slots=True)
class _Everywhere:
    """``Commands`` through the site that is left, and through others as they can.

    Devices that hold each site's own name may be at a third site by a detour.
    """

    source: Commands
    others: tuple[Commands, ...]

    def order(self, thing: str, move: Move) -> None:
        """Tell a device to move, wherever it is."""
        self.source.order(thing, move)
        for commands in self.others:
            with suppress(RetryableError):
                commands.order(thing, move)

    def disconnect(self, thing: str) -> bool:
        """End a device's connections."""
        found = [self.source.disconnect(thing)]
        for commands in self.others:
            with suppress(RetryableError):
                found.append(commands.disconnect(thing))
        return any(found)


def _left(run: Run) -> Commands:
    """Return what speaks to all devices that are not at the target."""
    there = [one for one in run.bystanders if run.control.seen(one.site)]
    if not there:
        return run.source.commands
    return _Everywhere(run.source.commands, tuple(one.commands for one in there))


def _fleet_step(
    act: Callable[[drain.Drain, tuple[str, ...]], int],
) -> Callable[[Run], None]:
    def go_through(run: Run) -> None:
        control, operation = run.control, run.operation
        plan = drain.Drain(
            run.target.records,
            _left(run),
            control.clock,
            control.limits,
            to=control.name,
            epoch=operation.epoch or 0,
        )

        def keep(token: str, moved: int) -> None:
            total = run.operation.moved + moved
            run.save(replace(run.operation, token=token, moved=total))
            control.tell(f"{run.operation.step}: {total} devices")

        def is_fine() -> str | None:
            book, seen = run.book(), run.control.seen(run.operation.target)
            return _sick(run, seen) or _fenced(run, book, seen)

        drain.go_through(plan, act, operation.token, drain.Checks(keep, is_fine))

    return go_through


def _end_missing(run: Run) -> str | None:
    target, seen = run.operation.target, run.control.seen(run.operation.target)
    if seen is None or not seen.is_on:
        return f"the switch of {target} is off"
    if run.operation.kind is not Kind.FORCED:
        for desk in (run.source, *run.bystanders):
            seen = run.control.seen(desk.site)
            if seen is not None and seen.is_on:
                return f"the switch of {desk.site} is still on"
    return _health_missing(run) or _dns_missing(run)


def _wait_for_end(run: Run) -> None:
    run.wait(_end_missing, run.control.limits.dns_wait_s_max)


COMPUTE = "compute"
_COMPUTE = Step(COMPUTE, _compute_missing, _light)
_LAG = Step("lag gate", _lag_missing, _wait_for_lag)
_EPOCH = Step("epoch", _epoch_missing, _issue)
_FENCE = Step("fence", _fence_missing, _fence)
_DNS = Step("dns", _dns_missing, _wait_for_dns)
_ORDERS = Step("move orders", _moved_missing, _fleet_step(drain.order))
_CUTS = Step("disconnects", _moved_missing, _fleet_step(drain.cut))
_VERIFY = Step("verify", _end_missing, _wait_for_end)

STEPS: Mapping[Kind, tuple[Step, ...]] = {
    Kind.PLANNED: (_COMPUTE, _LAG, _EPOCH, _FENCE, _DNS, _ORDERS, _CUTS, _VERIFY),
    Kind.FORCED: (_COMPUTE, _EPOCH, _DNS, _VERIFY),
    Kind.FAILBACK: (_LAG, _EPOCH, _FENCE, _DNS, _ORDERS, _CUTS, _VERIFY),
}
