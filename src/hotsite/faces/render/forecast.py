"""A forecast for people and for scripts: the same figures, as text and as JSON."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from hotsite.core import records
from hotsite.core.forecast.costs import Prices
from hotsite.core.forecast.outcome import Wall
from hotsite.core.forecast.outlook import Option, Outlook
from hotsite.core.forecast.plan import FaultKind, Plan
from hotsite.core.hardship import Follow
from hotsite.faces.render.tables import Figure, Table, figure_table
from hotsite.faces.render.text import table_lines

SCHEMA = 1
FAULTS = {
    FaultKind.BLACK_HOLE: "the Region falls silent",
    FaultKind.RESET: "the Region resets every connection",
    FaultKind.PLANNED: "a planned move",
}
POLICIES = {
    Follow.DNS: "devices follow iot. alone",
    Follow.OWN_NAMES: "devices know the sites' own names",
    Follow.PRE_WARMED: "devices keep a second connection",
}
_SHORT_S, _LONG_S = 120.0, 7200.0
_NEVER = "never"
_WIDTH, _HEIGHT = 60, 8
_LEVELS = " \u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"


def duration(value_s: float | None) -> str:
    """Return a time in the unit that people would use."""
    if value_s is None:
        return _NEVER
    if value_s < _SHORT_S:
        return f"{value_s:.1f} s"
    if value_s < _LONG_S:
        return f"{value_s:,.0f} s"
    return f"{value_s / 3600:.1f} h"


def headline(outlook: Outlook) -> str:
    """Return the forecast in one sentence."""
    plan, rto = outlook.plan, outlook.found.rto
    if plan.fault is FaultKind.PLANNED:
        move = duration(outlook.found.move_s)
        return (
            f"{plan.devices:,} devices move in {move}; 99 % are away for at most"
            f" {duration(rto.p99_s)} each."
        )
    return (
        f"Of {plan.devices:,} devices half are back after {duration(rto.p50_s)},"
        f" 99 % after {duration(rto.p99_s)}."
    )


def figures(outlook: Outlook) -> tuple[Figure, ...]:
    """Return the figures that decide, the most important first."""
    plan, goals, found = outlook.plan, outlook.goals, outlook.found
    reached_s, limit = found.rto.p99_s, plan.quotas.connections
    lost = max(loss.kept_messages for loss in found.losses[:2])
    room = plan.devices if limit is None else min(plan.devices, int(limit))
    return (
        Figure(
            "RTO p99",
            duration(reached_s),
            f"at most {goals.rto_s:g} s",
            is_met=reached_s is not None and reached_s <= goals.rto_s,
        ),
        Figure(
            "Messages lost",
            f"{lost:,}",
            f"at most {goals.rpo_messages}",
            is_met=lost <= goals.rpo_messages,
        ),
        Figure(
            "Room in the standby",
            f"{room:,} of {plan.devices:,}",
            "all",
            is_met=room == plan.devices,
        ),
    )


def tables(outlook: Outlook) -> Iterator[Table]:
    """Yield what the forecast says, table by table."""
    yield _recovery(outlook)
    yield _parts(outlook)
    yield _walls(outlook)
    yield _losses(outlook)
    yield _advice(outlook)
    yield assumed(outlook.plan)


def _recovery(outlook: Outlook) -> Table:
    found = outlook.found
    rows = [
        (name, duration(connected), duration(back))
        for name, connected, back in (
            ("Half of the fleet (p50)", found.connected.p50_s, found.rto.p50_s),
            ("90 % (p90)", found.connected.p90_s, found.rto.p90_s),
            ("99 % (p99)", found.connected.p99_s, found.rto.p99_s),
            ("The last device", found.connected.p100_s, found.rto.p100_s),
        )
    ]
    if found.obeyed_p99_s is not None:
        at = duration(found.obeyed_p99_s)
        rows.append(("99 % where resolvers obey the TTL", "", at))
    better, worse = found.p99_s_range
    if better != worse:
        span = f"{duration(better)} to {duration(worse)}"
        rows.append(("99 %, in nine of ten failovers", "", span))
    if found.commands_s is not None:
        rows.append(("99 % hear commands again", duration(found.commands_s), ""))
    rows.append(("CONNECTs a device", f"{found.connects_per_device:.1f}", ""))
    rows.append(("Most CONNECTs in a second", f"{found.offered_per_s_max:,.0f}", ""))
    return Table("Recovery", ("Who", "Connected", "Telemetry stored"), tuple(rows))


def _parts(outlook: Outlook) -> Table:
    rows = tuple(
        (part.name, duration(part.p50_s), duration(part.p99_s))
        for part in outlook.found.parts
    )
    return Table("What it is made of", ("Waiting for", "Half", "99 %"), rows)


def _walls(outlook: Outlook) -> Table:
    goal = f"needed for {outlook.goals.rto_s:g} s"
    rows = tuple(
        (
            wall.quota,
            f"{wall.limit:,.0f}",
            "" if wall.floor_s is None else duration(wall.floor_s),
            _needed(wall),
        )
        for wall in outlook.found.walls
    )
    return Table(
        "Quotas of the surviving Region",
        ("Quota", "Limit", "Fleet needs at least", goal),
        rows,
        note=(
            "Devices behind resolvers that stretch the TTL are left out of what is"
            " needed: no quota helps them."
        )
        if outlook.plan.device.follow is Follow.DNS
        else "",
    )


def _needed(wall: Wall) -> str:
    if wall.is_enough:
        return "enough"
    return "no quota is enough" if wall.needed is None else f"raise to {wall.needed:,}"


def _losses(outlook: Outlook) -> Table:
    rows = tuple(
        (
            loss.path,
            f"{loss.lag_s:g} s",
            f"{loss.messages:,}",
            f"{loss.kept_messages:,}",
        )
        for loss in outlook.found.losses
    )
    reach = f"devices keep {outlook.plan.device.reach_s:g} s"
    return Table(
        "Acknowledged messages that the Region takes with it",
        ("Store", "Lag", "PUBACK trusted", reach),
        rows,
    )


def _advice(outlook: Outlook) -> Table:
    rows = tuple(
        (
            change.text,
            duration(change.p99_s),
            f"{change.gain_s:+,.1f} s".replace("-", "\u2212"),
            f"{change.connects_per_device:.1f}",
        )
        for change in outlook.changes
    )
    return Table(
        "What to change first",
        ("Change", "RTO p99 then", "Sooner by", "CONNECTs a device"),
        rows,
        note="Each alone, everything else as it is." if rows else "",
    )


def assumed(plan: Plan) -> Table:
    """Return what the forecast stands on."""
    check, resolvers, device = plan.check, plan.resolvers, plan.device
    policy, quotas = device.policy, plan.quotas
    share = f"{100 * resolvers.stretch_share:.2f} %"
    rows = (
        ("Fault", FAULTS[plan.fault]),
        ("Devices", POLICIES[device.follow]),
        ("A message every", f"{device.publish_interval_s:g} s"),
        ("No PUBACK, PINGRESP", f"{policy.ack_s_max:g} s, {policy.ping_s_max:g} s"),
        ("Attempt, back-off at most", _limits(plan)),
        ("Refused devices spread over", f"{plan.spread_s:.0f} s"),
        (
            "Health check",
            f"every {check.interval_s:g} s, {check.failure_threshold} failures",
        ),
        (
            "A probe of a silent endpoint",
            f"{check.silent_s:g} s",
        ),
        ("TTL", f"{resolvers.ttl_s:g} s"),
        ("Resolvers that stretch it", f"{share}, to {resolvers.stretch_s:g} s"),
        ("CONNECTs, subscriptions a second", _rates(quotas.connects_per_s, plan)),
        ("Handshake, and storing", f"{plan.handshake_s:g} s"),
    )
    return Table("Assumed", ("What", "Value"), rows)


def _limits(plan: Plan) -> str:
    policy = plan.device.policy
    return f"{policy.attempt_s_max:g} s, {policy.backoff.cap_s:g} s"


def _rates(connects: float | None, plan: Plan) -> str:
    rates = (connects, plan.quotas.subscribes_per_s)
    return ", ".join("no limit" if r is None else f"{r:,.0f}" for r in rates)


def comparison(options: Sequence[Option], prices: Prices) -> Table:
    """Return strategies beside each other."""
    rows = tuple(
        (
            option.name,
            duration(option.p99_s),
            f"{option.away:,}",
            f"{option.lost_messages:,} / {option.kept_messages:,}",
            f"${option.cost.fleet:,.0f}",
            f"${option.cost.on_top:,.2f}",
            f"${option.cost.failover:,.2f}",
        )
        for option in options
    )
    dates = sorted({price.date for price in prices.prices})
    return Table(
        "Strategies",
        (
            "Strategy",
            "RTO p99",
            "Devices away",
            "Lost: PUBACK trusted / kept",
            "Fleet, a month",
            "On top, a month",
            "A failover",
        ),
        rows,
        note=(
            f"Prices as of {', '.join(dates)}. Not in these sums, their prices being"
            f" unknown here: {'; '.join(prices.missing)}."
        ),
    )


def chart(outlook: Outlook) -> Iterator[str]:
    """Yield the lines of a drawing for a terminal: who is back, over time."""
    series, devices = outlook.found.series, outlook.plan.devices
    count = len(series.recovered)
    places = [min(count - 1, (n + 1) * count // _WIDTH - 1) for n in range(_WIDTH)]
    shares = [series.recovered[max(0, place)] / devices for place in places]
    for row in range(_HEIGHT, 0, -1):
        label = {_HEIGHT: "100 %", _HEIGHT // 2: " 50 %"}.get(row, "     ")
        bars = "".join(_bar(share * _HEIGHT - row + 1) for share in shares)
        yield f"  {label} \u2502{bars.rstrip()}"
    yield "    0 % \u2514" + "\u2500" * _WIDTH
    end = f"{count * series.step_s:,.0f} s"
    yield f"         0{end.rjust(_WIDTH - 1)}"
    yield "         devices whose telemetry is stored again, since the fault"


def _bar(filled: float) -> str:
    return _LEVELS[round(min(1.0, max(0.0, filled)) * (len(_LEVELS) - 1))]


def text(outlook: Outlook, *, more: Iterable[Table] = ()) -> str:
    """Return the forecast as text that ends with a line feed."""
    word = "MISSED" if outlook.reasons else "MET"
    lines = [f"{word}  {headline(outlook)}", ""]
    lines += table_lines(figure_table(figures(outlook), "Forecast"))
    lines += [f"- {reason}" for reason in outlook.reasons]
    lines += ["", *chart(outlook), ""]
    for table in (*tables(outlook), *more):
        if table.rows:
            lines += [table.caption.upper(), *table_lines(table)]
            lines += [f"  {table.note}", ""] if table.note else [""]
    return "\n".join(lines).rstrip("\n") + "\n"


def document(outlook: Outlook, options: Sequence[Option] = ()) -> dict[str, Any]:
    """Return the forecast as a JSON object."""
    plan = outlook.plan
    found = records.write(outlook.found)
    return {
        "schema": SCHEMA,
        "devices": plan.devices,
        "fault": plan.fault.value,
        "policy": plan.device.follow.value,
        "objectives": records.write(outlook.goals),
        "verdict": "missed" if outlook.reasons else "met",
        "reasons": list(outlook.reasons),
        **found,
        "changes": [records.write(change) for change in outlook.changes],
        "strategies": [records.write(option) for option in options],
        "assumed": {what: value for what, value, *_ in assumed(plan).rows},
    }
