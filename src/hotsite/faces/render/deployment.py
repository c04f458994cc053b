"""What a deployment would do, as words and as one JSON document."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from hotsite.core import deployment
from hotsite.core.account import Facts, Objection
from hotsite.core.deployment import Fate, Part
from hotsite.core.forecast.costs import Cost


@dataclass(frozen=True, slots=True)
class Shown:
    """A plan, and everything that is said beside it.

    Attributes:
        verb: Such as ``deploy``.
        facts: What is known of the account.
        parts: What becomes of each stack.
        objections: What speaks against it.
        cost: A month, where the size of the fleet is known.
        unpriced: What is paid for as well, at prices that hotsite does not know.
        notes: What else has to be known before it is done.
    """

    verb: str
    facts: Facts
    parts: tuple[Part, ...]
    objections: tuple[Objection, ...] = ()
    cost: Cost | None = None
    unpriced: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def text(shown: Shown) -> str:
    """Return a plan in words."""
    return "\n".join(_lines(shown))


def document(shown: Shown) -> dict[str, object]:
    """Return a plan as plain values."""
    cost = shown.cost
    return {
        "account": shown.facts.owner.account_id,
        "stacks": [
            {
                "name": part.stack,
                "region": part.region,
                "fate": part.fate.value,
                "resources": dict(part.counts),
                "changes": [
                    {
                        "action": change.action,
                        "name": change.name,
                        "kind": change.kind,
                        "is_replaced": change.is_replaced,
                    }
                    for change in part.changes
                    if part.fate is Fate.CHANGED
                ],
                "kept": [one.title or one.kind for one in part.kept],
                "reason": part.reason or None,
            }
            for part in shown.parts
        ],
        "cannot_be_undone": list(deployment.lasting(shown.parts)),
        "objections": [
            {"text": one.text, "blocks": one.blocks} for one in shown.objections
        ],
        "cost_usd_a_month": None
        if cost is None
        else {"fleet": round(cost.fleet, 2), "hotsite": round(cost.on_top, 2)},
        "not_priced": list(shown.unpriced),
        "notes": list(shown.notes),
    }


def _lines(shown: Shown) -> Iterator[str]:
    regions = ", ".join(region.region for region in shown.facts.regions)
    account = shown.facts.owner.account_id
    yield f"{shown.verb} in account {account}: {regions}"
    width = max((len(part.stack) for part in shown.parts), default=0)
    for part in shown.parts:
        yield f"  {part.stack:<{width}}  {part.region}  {_fate(part)}"
        yield from _details(part)
    kept = [one for part in shown.parts for one in part.kept]
    if kept:
        yield "what is kept, and goes on costing:"
        for part in shown.parts:
            for one in part.kept:
                yield f"  {one.title or one.name} ({one.kind}, {part.region})"
    lasting = list(deployment.lasting(shown.parts))
    if lasting:
        yield "what cannot be undone:"
        yield from (f"  {line}" for line in lasting)
    yield from _costs(shown)
    yield from (f"note: {one}" for one in shown.notes)
    for objection in shown.objections:
        yield f"{'against it' if objection.blocks else 'note'}: {objection.text}"


def _fate(part: Part) -> str:
    counted = ", ".join(f"{count} {verb}" for verb, count in part.counts.items())
    said = f"{part.fate.value}: {counted}" if counted else part.fate.value
    return f"{said} ({part.reason})" if part.reason else said


def _details(part: Part) -> Iterator[str]:
    if part.fate is Fate.CHANGED:
        for change in part.changes:
            how = "replaced" if change.is_replaced else change.action.lower()
            yield f"      {how} {change.name} ({change.kind})"


def _costs(shown: Shown) -> Iterator[str]:
    cost = shown.cost
    if cost is not None:
        yield (
            f"a month, only of what is priced: {cost.on_top:,.2f} USD on top of "
            f"{cost.fleet:,.2f} USD for the fleet itself; most is not priced here"
        )
    elif shown.unpriced:
        yield "a month: not known; say telemetry.fleet_size in hotsite.toml"
    if shown.unpriced:
        yield f"  not priced: {'; '.join(shown.unpriced)}"


def outcome(parts: Sequence[tuple[str, str]]) -> Mapping[str, str]:
    """Return what became of each stack, by name."""
    return {name: reason or "done" for name, reason in parts}
