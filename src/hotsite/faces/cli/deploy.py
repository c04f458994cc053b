"""``hotsite deploy``, ``hotsite diff`` and ``hotsite upgrade``."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from hotsite.core import account
from hotsite.core.account import Facts
from hotsite.core.deployment import Fate
from hotsite.core.forecast import costs
from hotsite.core.forecast.costs import Cost, Prices
from hotsite.core.forecast.plan import Plan
from hotsite.core.lighting import Choice
from hotsite.core.stacks import Event, Stack
from hotsite.core.strategy import Strategy
from hotsite.errors import HotsiteError, InvalidInputError, UnsafePlanError
from hotsite.faces.cli.deploying import Job, Open, add_arguments, open_job, say
from hotsite.faces.cli.failover import add_command
from hotsite.faces.cli.pricelist import known_prices
from hotsite.faces.render import deployment as render
from hotsite.faces.render.deployment import Shown
from hotsite.flows.deployment import upload
from hotsite.settings import Settings

_EPILOG = """\
First the account is looked at, and everything that speaks against it is said at once:
a Region that is not enabled, a domain that is not delegated, a quota that is too small
for the fleet, a name that is taken. Then nothing is made. Then follows the plan: what
is made where, what it costs a month, what cannot be undone. Only --yes, or your yes on
a terminal, makes it.

Order: keys, tables, then both sites side by side. Changes go to the standby first. A
stack that fails is rolled back by CloudFormation, and the command ends there: stacks
before it are done, those behind it are as they were. A command that was killed goes on
when it is run again.

Where: what the environment of boto3 points at. A local cloud is such a place:
eval "$(hotsite local env)" (see hotsite local up --empty).

exit codes:
  0 done  2 refused, all reasons in one line  3 a Region does not answer: run it again

examples:
  hotsite deploy --dry-run
  hotsite deploy --yes --account 123456789012
  hotsite deploy --take-over --yes
"""
_DIFF_EPILOG = """\
CloudFormation reviews each change, and forgets it again.

exit codes:
  0 everything is as hotsite.toml says  1 something differs  2 wrong input  3 no answer

examples:
  hotsite diff
  hotsite diff --json
"""
_UPGRADE_EPILOG = """\
As hotsite deploy, of what is there already: the standby is changed before the active
site, so that a change that does harm does it where nobody is served, and is rolled
back there.

A pilot light that is lit stays lit, and the plan says so; --put-out puts it out, unless
it is the active site.

examples:
  hotsite upgrade --dry-run
  hotsite upgrade --yes
  hotsite upgrade --put-out --yes
"""


def register(commands: Any, open_job: Open = open_job) -> None:
    """Add the commands.

    Args:
        commands: Where to add them.
        open_job: Opens what settings and environment point at.
    """
    deploy = add_command(commands, "deploy", "make both sites in an account", _EPILOG)
    deploy.add_argument(
        "--take-over",
        action="store_true",
        help="give data that an earlier destroy has kept to the new stacks",
    )
    diff = add_command(
        commands, "diff", "say what deploying would change", _DIFF_EPILOG
    )
    upgrade = add_command(
        commands, "upgrade", "bring both sites up to these settings", _UPGRADE_EPILOG
    )
    upgrade.add_argument(
        "--put-out",
        action="store_true",
        help="switch a pilot light off again, after a failback",
    )
    for command in (deploy, upgrade):
        add_consent(command)
    for command, run_it in ((deploy, run), (diff, compare), (upgrade, run)):
        add_arguments(command)
        command.set_defaults(run=run_it, open_job=open_job)
    for command in (diff, upgrade):
        command.set_defaults(take_over=False)
    for command in (deploy, diff):
        command.set_defaults(put_out=False)


def add_consent(command: argparse.ArgumentParser) -> None:
    """Let a command be told to go on, or to say only what it would do."""
    how = command.add_mutually_exclusive_group()
    how.add_argument("--yes", action="store_true", help="do it, without asking")
    how.add_argument("--dry-run", action="store_true", help="say what would be done")


def run(options: argparse.Namespace) -> int:
    """Deploy, or say what that would be."""
    job: Job = options.open_job(options)
    facts = _facts(job, options)
    if options.command == "upgrade" and not facts.stacks:
        raise InvalidInputError("upgrade: nothing is deployed here; run hotsite deploy")
    choice = job.choice(facts, puts_out=options.put_out)
    shown = _plan(job, facts, choice, options)
    if options.dry_run:
        return _show(shown, is_json=options.json)
    if not options.json:
        say(render.text(shown))
    consent(options, f"{options.command} this")
    began_s = time.monotonic()
    done = _deploy(job, facts, choice, options)
    took_s = round(time.monotonic() - began_s, 1)
    if options.json:
        document = {"stacks": render.outcome(done), "took_s": took_s}
        print(json.dumps({**document, "plan": render.document(shown)}))
    else:
        changed = sum(not reason for _, reason in done)
        print(f"{len(done)} stacks, {changed} of them changed, in {took_s:.0f} s")
    return 0


def compare(options: argparse.Namespace) -> int:
    """Say what deploying would change; exit code 1 when it would."""
    job: Job = options.open_job(options)
    facts = _facts(job, options)
    choice = job.choice(facts, puts_out=options.put_out)
    shown = _plan(job, facts, choice, options)
    _show(shown, is_json=options.json)
    return 0 if all(part.fate is Fate.SAME for part in shown.parts) else 1


def consent(options: argparse.Namespace, what: str) -> None:
    """Ask for a yes, unless it was given.

    Raises:
        InvalidInputError: It was not given, or nobody is there to ask.
    """
    if options.yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise InvalidInputError(
            f"{options.command}: nothing was done; say --yes to {what}"
        )
    print(f"{what}? yes/no: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() != "yes":
        raise InvalidInputError(f"{options.command}: nothing was done")


def teller() -> Callable[[Stack, Event], None]:
    """Return what shows events: a line each, in colours on a terminal."""
    began_s = time.monotonic()

    def say_it(stack: Stack, event: Event) -> None:
        if not event.status.endswith("_IN_PROGRESS"):
            say(_line(stack, event, began_s))

    if not sys.stderr.isatty():
        return say_it
    # Only who looks at a terminal needs it.
    from rich.console import Console  # noqa: PLC0415

    console = Console(stderr=True, highlight=False)

    def tell(stack: Stack, event: Event) -> None:
        if event.status.endswith("_IN_PROGRESS"):
            return
        style = "red" if event.is_failure else "green"
        console.print(_line(stack, event, began_s), style=style, markup=False)

    return tell


def _facts(job: Job, options: argparse.Namespace) -> Facts:
    """Return what is known, where nothing speaks against going on.

    Templates are made only for an account in which they can be deployed.
    """
    wanted = job.wanted(options.account)
    ground = job.ground()
    known = (one for one in account.objections(ground, wanted) if not one.may_be_ours)
    if refusal := account.refused(tuple(known)):
        raise UnsafePlanError(refusal)
    facts = job.facts(ground, takes_over=options.take_over)
    if refusal := account.refused(account.objections(facts, wanted)):
        raise UnsafePlanError(refusal)
    return facts


def _plan(job: Job, facts: Facts, choice: Choice, options: argparse.Namespace) -> Shown:
    objections = account.objections(facts, job.wanted(options.account))
    wish = job.wish(facts, choice, takes_over=options.take_over)
    parts = tuple(job.deployment(lambda _stack, _event: None).foresee(wish))
    prices = known_prices()
    return Shown(
        verb=options.command,
        facts=facts,
        parts=parts,
        objections=objections,
        cost=_cost(job.settings, prices),
        unpriced=prices.missing,
        notes=(choice.reason,) if choice.reason else (),
    )


def _cost(settings: Settings, prices: Prices) -> Cost | None:
    devices = settings.telemetry.fleet_size
    if devices is None:
        return None
    canaries = 1 if settings.strategy is Strategy.PILOT_LIGHT else len(settings.sites)
    # A device connects and subscribes once in a failover that goes well.
    return costs.cost(Plan(devices=devices), prices, canaries=canaries, connects=1.0)


def _deploy(
    job: Job, facts: Facts, choice: Choice, options: argparse.Namespace
) -> list[tuple[str, str]]:
    for region, name in upload(
        job.packages(facts.owner.account_id), job.make().contents
    ):
        say(f"put {name} into {region}")
    wish = job.wish(facts, choice, takes_over=options.take_over)
    done = []
    try:
        for stack, decision in job.deployment(teller()).deploy(wish):
            say(f"{stack.name} in {stack.region}: {decision.reason or 'done'}")
            done.append((stack.name, decision.reason))
    except HotsiteError:
        # The way back of a stack puts out what was lit before it.
        if choice.is_on and job.may_wait(facts.stacks):
            _relight(job, choice)
        raise
    if job.may_wait([name for name, _ in done]):
        for line in job.settle(choice):
            say(f"{job.settings.standby.region}: {line}")
    return done


def _relight(job: Job, choice: Choice) -> None:
    region = job.settings.standby.region
    try:
        for line in job.settle(choice):
            say(f"{region}: {line}")
    except HotsiteError as error:
        say(f"{region}: look whether canary and meter are on (hotsite status): {error}")


def _show(shown: Shown, *, is_json: bool) -> int:
    print(json.dumps(render.document(shown)) if is_json else render.text(shown))
    return 0


def _line(stack: Stack, event: Event, began_s: float) -> str:
    what = f"{event.status} {event.resource} ({event.kind})"
    why = f": {event.reason}" if event.is_failure and event.reason else ""
    return f"[{time.monotonic() - began_s:5.0f} s] {stack.name}: {what}{why}"
