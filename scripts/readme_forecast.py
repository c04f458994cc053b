"""Write the README's forecast and its picture from what the command says.

Nothing is typed by hand; ``tests/docs/test_readme_forecast.py`` holds both to it.
"""

import sys
from importlib import resources
from pathlib import Path

from hotsite.core.forecast.outlook import Goals, Outlook, look_ahead
from hotsite.faces.cli.foresight import plan_of
from hotsite.faces.cli.main import parser
from hotsite.faces.render.charts import WIDE
from hotsite.faces.render.forecast import duration
from hotsite.faces.render.forecastcurve import drawing
from hotsite.settings import Settings

BEGIN, END = "<!-- forecast -->", "<!-- /forecast -->"
README = Path("README.md")
PICTURE = Path("docs/forecast.svg")
FLEETS = (50, 10_000, 1_000_000, 10_000_000)
POLICIES = ("dns", "own-names", "pre-warmed")
PICTURED = ("1000000", "own-names")


def foresee(devices: str, policy: str) -> Outlook:
    """Return what the command says of the settings that ``hotsite init`` writes."""
    words = ["forecast", "--devices", devices, "--policy", policy]
    settings = Settings("fleet.example.com")
    plan = plan_of(parser().parse_args(words), settings)
    goals = Goals(settings.objectives.rto_s, settings.objectives.rpo_messages)
    return look_ahead(plan, goals)


def cell(outlook: Outlook) -> str:
    """Return the two figures of one fleet and policy."""
    rto = outlook.found.rto
    return f"{duration(rto.p50_s)} / {duration(rto.p99_s)}"


def wall(outlook: Outlook) -> str:
    """Return what the quota does to the fleet."""
    found = outlook.found.walls[0]
    if found.is_enough:
        return "none"
    needed = "no quota is enough" if found.needed is None else f"{found.needed:,}/s"
    return f"{duration(found.floor_s)}; raise to {needed}"


def section() -> str:
    """Return the README's part between the marks."""
    heads = (
        "devices",
        "`iot.` alone",
        "own names",
        "second connection",
        "admission wall (own names)",
    )
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for devices in FLEETS:
        found = [foresee(str(devices), policy) for policy in POLICIES]
        cells = [f"{devices:,}", *map(cell, found), wall(found[1])]
        lines.append(f"| {' | '.join(cells)} |")
    million = foresee(*PICTURED)
    connects, _, room = million.found.walls
    said = (
        f"A million devices with their own names are back after"
        f" {duration(million.found.rto.p99_s)}, because the standby admits"
        f" {connects.limit:,.0f} CONNECTs a second and needs"
        f" {duration(connects.floor_s)} for all: for"
        f" {million.goals.rto_s:g} s raise *{connects.quota}* to"
        f" {connects.needed:,} and *{room.quota}* to {room.needed:,}, or keep a"
        f" second connection."
    )
    return "\n".join([*lines, "", said])


def picture() -> str:
    """Return the drawing of a million devices, its style inside."""
    style = resources.files("hotsite.faces.render").joinpath("report.css")
    text = drawing(foresee(*PICTURED), WIDE)
    # An image has a width of its own: rules for narrow pages would hide it.
    inner, _, _ = style.read_text("utf-8").partition("@media (max-width")
    inner += "svg.chart { font-family: system-ui, sans-serif; }"
    ground = '<rect width="100%" height="100%" fill="var(--paper)"/>'
    opening, rest = text.split(">", 1)
    return (
        f'{opening} xmlns="http://www.w3.org/2000/svg">'
        f"<style>{inner}</style>{ground}{rest}\n"
    )


def main() -> int:
    """Write the README's part and the picture."""
    PICTURE.write_text(picture())
    head, _, rest = README.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    README.write_text(f"{head}{BEGIN}\n{section()}\n{END}{tail}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
