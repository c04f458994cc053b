"""``hotsite destroy``: remove both sites; data stays."""

import argparse
import json
from typing import Any

from hotsite.core import account
from hotsite.core.account import Facts, RegionFacts, ZoneFacts
from hotsite.core.deployment import Fate, removal_of
from hotsite.core.stacks import with_names
from hotsite.errors import UnsafePlanError
from hotsite.faces.cli.deploy import add_consent, consent, teller
from hotsite.faces.cli.deploying import Job, Open, add_arguments, open_job, say
from hotsite.faces.cli.failover import add_command
from hotsite.faces.render import deployment as render
from hotsite.faces.render.deployment import Shown

_EPILOG = """\
The stacks go, the last first, and with them the names, functions, rules and the bucket
of code. What holds data stays, and goes on costing: tables, buckets, the key that they
are encrypted with. Things and certificates stay in AWS IoT Core as well. hotsite
deploy --take-over gives it all to new stacks. A command that was killed goes on when
it is run again.

examples:
  hotsite destroy --dry-run
  hotsite destroy --yes --account 123456789012
"""


def register(commands: Any, open_job: Open = open_job) -> None:
    """Add the command.

    Args:
        commands: Where to add it.
        open_job: Opens what settings and environment point at.
    """
    command = add_command(
        commands, "destroy", "remove both sites; data is kept", _EPILOG
    )
    add_consent(command)
    add_arguments(command)
    command.set_defaults(run=run, open_job=open_job)


def run(options: argparse.Namespace) -> int:
    """Remove everything but data, or say what that would be."""
    job: Job = options.open_job(options)
    owner = job.world.account.owner()
    regions = tuple(RegionFacts(region) for region in job.regions)
    facts = Facts(owner, ZoneFacts(job.settings.domain), regions)
    if options.account and options.account != owner.account_id:
        wanted = job.wanted(options.account)
        raise UnsafePlanError(account.objections(facts, wanted)[0].text)
    deployment = job.deployment(teller())
    there = deployment.look(job.stacks)
    # Named as they are in the account, by people who look for them there.
    stacks = [with_names(stack, owner.account_id) for stack in job.stacks]
    parts = tuple(removal_of(stack, there.get(stack.name)) for stack in stacks)
    shown = Shown("destroy", facts, parts)
    if options.dry_run:
        text = render.text(shown)
        print(json.dumps(render.document(shown)) if options.json else text)
        return 0
    if not options.json:
        say(render.text(shown))
    consent(options, "destroy this")
    for stack, _decision in deployment.remove(job.stacks):
        if stack.name in there:
            say(f"{stack.name} in {stack.region}: removed")
    buckets = [
        place.bucket
        for place in job.packages(owner.account_id).values()
        if place.remove()
    ]
    removed = [part.stack for part in parts if part.fate is Fate.REMOVED]
    kept = [
        {"name": one.title or one.name, "kind": one.kind, "region": part.region}
        for part in parts
        for one in part.kept
    ]
    if options.json:
        print(json.dumps({"removed": removed, "buckets": buckets, "kept": kept}))
    else:
        print(f"{len(removed)} stacks are gone; {len(kept)} things with data are kept")
    return 0
