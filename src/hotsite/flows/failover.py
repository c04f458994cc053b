"""Fail over and back as an operator: refuse, or begin, or go on where it was left.

No step calls a control plane, and a forced failover calls the target's Region alone.
"""

from dataclasses import dataclass, replace

from hotsite.core.absence import Absence
from hotsite.core.epoch import check_site
from hotsite.core.operations import DONE, Book, Kind, Operation
from hotsite.core.preflight import Facts, Objection, objections
from hotsite.errors import InvalidInputError, NotReadyError, UnsafePlanError
from hotsite.flows.absence import absence
from hotsite.flows.control import Control
from hotsite.flows.steps import COMPUTE, STEPS, Run, behind


@dataclass(frozen=True, slots=True)
class Request:
    """What an operator asks for.

    Attributes:
        kind: What shall be done.
        target: The letter of the site that shall be active.
        force_because: Why objections that only cost something shall not count.
    """

    kind: Kind
    target: str
    force_because: str | None = None

    def __post_init__(self) -> None:
        """Refuse a site that there is not.

        Raises:
            InvalidInputError: The target is no site.
        """
        check_site(self.target)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an operation would do.

    Attributes:
        request: What was asked for.
        book: What the target's replica held.
        objections: What speaks against it.
        steps: The names of its steps, from the one that it begins with.
        resumed: The operation that it goes on with, or nothing.
        drain_s: How long moving the fleet takes, in seconds; None if not known,
            or nobody is moved.
        absence: For a failback: what happened while the target was away.
    """

    request: Request
    book: Book
    objections: tuple[Objection, ...]
    steps: tuple[str, ...]
    resumed: Operation | None
    drain_s: float | None
    absence: Absence | None

    @property
    def refused(self) -> tuple[Objection, ...]:
        """Return the objections that still count."""
        if self.request.force_because is None:
            return self.objections
        return tuple(one for one in self.objections if not one.may_override)


def plan(request: Request, control: Control) -> Plan:
    """Look at everything; change nothing.

    Raises:
        InvalidInputError: There is no such site here.
        UnreachableError: The target's table does not answer.
    """
    if request.target not in control.desks:
        known = ", ".join(control.desks)
        raise InvalidInputError(
            f"there is no site {request.target!r}; there are {known}"
        )
    book = control.desks[request.target].operations.read()
    found = book.operation(request.target)
    is_hot = control.desks[request.target].compute is None
    steps = (step.name for step in STEPS[request.kind])
    names = tuple(name for name in steps if not (is_hot and name == COMPUTE))
    drain_s = None
    if request.kind is not Kind.FORCED:
        drain_s = control.limits.fleet.drain_s
    if found is not None and _goes_on(found, request, book):
        left = names[names.index(found.step) :]
        return Plan(request, book, (), left, found, drain_s, None)
    missed = None
    if request.kind is Kind.FAILBACK:
        desk = control.desks[request.target]
        since_s = book.left_at_s(request.target)
        missed = absence(desk.records, desk.applied, since_s=since_s)
    facts = _facts(request, control, book, missed)
    against = objections(facts, control.limits)
    return Plan(request, book, against, names, None, drain_s, missed)


def operate(request: Request, control: Control) -> Operation:
    """Carry out what was asked for, or the rest of it.

    Returns:
        The operation, which is over.

    Raises:
        UnsafePlanError: Something speaks against it; nothing was changed. Or a
            later epoch came in between.
        NotReadyError: A step was not done within its time; run it again.
        ConflictError: Another run of it is under way.
        UnreachableError: A Region that it needs does not answer.
    """
    found = plan(request, control)
    if found.refused:
        reasons = "; ".join(one.text for one in found.refused)
        raise UnsafePlanError(f"refused: {reasons}")
    run = _run(found, control)
    if found.absence is not None:
        run.note("conflict report", str(found.absence))
    for step in STEPS[request.kind]:
        if step.name not in found.steps:
            continue
        if run.operation.step != step.name:
            run.save(replace(run.operation, step=step.name, token=None, moved=0))
        control.tell(f"step: {step.name}")
        began_s = control.clock.now_s()
        missing = step.missing(run)
        if missing is not None:
            step.act(run)
            missing = step.missing(run)
        if missing is not None:
            run.note(f"{step.name} is not done", missing)
            raise NotReadyError(f"{step.name}: {missing}; run it again to go on")
        control.tell(f"{step.name}: done in {control.clock.now_s() - began_s:.1f} s")
    run.save(replace(run.operation, step=DONE, token=None))
    run.note(f"{request.kind.value} to {request.target} is done", run.operation.id)
    return run.operation


def _goes_on(found: Operation, request: Request, book: Book) -> bool:
    """Say whether an operation has issued its epoch, and that one still holds.

    One that has not issued it is begun anew: what was true then may not be now.
    """
    is_same = found.kind is request.kind and not found.is_over
    newest = book.newest
    is_issued = found.epoch is not None and newest.number >= found.epoch
    return is_same and is_issued and newest.active == request.target


def _facts(
    request: Request, control: Control, book: Book, missed: Absence | None
) -> Facts:
    target, source = request.target, _source(request, control, book)
    seen, compute = control.seen(target), control.desks[target].compute
    is_off = compute is not None and bool(compute.off())
    now_s = control.clock.now_s()
    if request.kind is Kind.FORCED:
        return Facts(request.kind, target, book, now_s, seen, is_off=is_off)
    behind_s = [(target, control.behind_s(target, source))]
    if request.kind is not Kind.PLANNED:
        behind_s.append((source, control.behind_s(source, target)))
    return Facts(
        request.kind,
        target,
        book,
        now_s,
        seen,
        control.seen(source),
        tuple(behind_s),
        missed.conflicts if missed else (),
        is_off,
        source,
    )


def _source(request: Request, control: Control, book: Book) -> str:
    """Return the site that is left: the active one, or that before the target.

    Raises:
        InvalidInputError: A site is active that the operator was not told of.
    """
    target, newest = request.target, book.newest
    before = newest if newest.active != target else book.before(target)
    if before is None:
        return next(site for site in control.desks if site != target)
    if before.active not in control.desks:
        raise InvalidInputError(
            f"{before} leads to a site that is not in your settings: add it there"
        )
    return before.active


def _run(found: Plan, control: Control) -> Run:
    """Write down that an operation was begun, or take the one that was."""
    request = found.request
    if found.resumed is not None:
        run = Run(control, found.resumed)
        run.note(f"going on with {found.resumed.id}", f"at step {found.resumed.step}")
        return run
    now_s = control.clock.now_s()
    operation = Operation(
        id=f"{request.kind.value}-{request.target}-{now_s:.3f}",
        kind=request.kind,
        source=_source(request, control, found.book),
        target=request.target,
        step=found.steps[0],
        begun_s=now_s,
        by=control.by,
        overridden=tuple(one.text for one in found.objections),
        force_because=request.force_because,
    )
    if request.force_because is not None and request.kind is not Kind.FORCED:
        late = behind(control, operation)
        more = () if late is None else (late,)
        told = tuple(dict.fromkeys((*operation.overridden, *more)))
        operation = replace(operation, overridden=told)
    before = found.book.operation(request.target)
    control.desks[request.target].operations.write(operation, previous=before)
    run = Run(control, operation)
    run.note(f"{request.kind.value} to {request.target} is begun", operation.id)
    if before is not None and not before.is_over:
        run.note(f"{before.id} is given up", f"at step {before.step}")
    if operation.overridden:
        because = request.force_because or ""
        run.note(f"overridden: {'; '.join(operation.overridden)}", because)
    return run
