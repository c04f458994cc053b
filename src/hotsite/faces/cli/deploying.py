"""What deploying and removing work with: settings, templates, an account's Regions.

AWS, or whatever stands in for it, is what the environment points at: boto3's own
variables for the account and the endpoint, and three of ours for what a stand-in has
otherwise (``hotsite local env`` prints them all).
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from hotsite.core.account import Facts, RegionFacts, Wanted
from hotsite.core.headroom import Fleet
from hotsite.core.lighting import PARAMETER, Choice, Light, choose
from hotsite.core.stacks import (
    Event,
    Resource,
    Stack,
    read_stacks,
    reserved_runs,
    with_names,
)
from hotsite.errors import HotsiteError, InvalidInputError, NotFoundError
from hotsite.faces.cli import artefacts
from hotsite.faces.cli.deployworld import ASSET_KEY_PREFIX, World, asset_bucket
from hotsite.faces.cli.files import read_json, read_settings
from hotsite.flows.deployment import Deployment, Wish
from hotsite.flows.lighting import settle
from hotsite.ports.deployment import Packages
from hotsite.settings import Settings

# Where a stand-in for AWS has other ports, another name server, another processor.
PARAMETERS, NAME_SERVER, PLATFORM = (
    "HOTSITE_PARAMETERS",
    "HOTSITE_DNS",
    "HOTSITE_PLATFORM",
)
_HOST = "host"
# ACM's certificates are of one Region (ACM user guide, "Supported Regions").
_OF_ONE_REGION = frozenset({"ApiCertificateArn", "MqttCertificateArn"})
_FOLDER = Path("build/artefacts")


@dataclass(frozen=True, slots=True)
class Made:
    """What is deployed.

    Attributes:
        stacks: In the order in which they deploy.
        contents: Reads a Lambda package, by its name.
    """

    stacks: tuple[Stack, ...]
    contents: Mapping[str, Callable[[], bytes]]


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be deployed, or removed.

    Attributes:
        settings: The owner's.
        make: Makes templates and packages, which takes long; once.
        given: Values of parameters.
        world: Where.
    """

    settings: Settings
    make: Callable[[], Made]
    given: Mapping[str, str]
    world: World

    @property
    def stacks(self) -> tuple[Stack, ...]:
        """Return the stacks in the order in which they deploy."""
        return self.make().stacks

    @property
    def regions(self) -> tuple[str, ...]:
        """Return the Regions, the active one first."""
        return tuple(site.region for site in self.settings.sites)

    def deployment(self, tell: Callable[[Stack, Event], None]) -> Deployment:
        """Return what deploys and removes."""
        world = self.world
        return Deployment(world.stacks, world.clock, tell, world.pace)

    def packages(self, account_id: str) -> dict[str, Packages]:
        """Return the buckets of Lambda code by Region."""
        prefix = self.settings.prefix
        return {
            region: self.world.packages(
                region, asset_bucket(prefix, account_id, region)
            )
            for region in self.regions
        }

    def ground(self) -> Facts:
        """Read what is to be known of the account before anything is made for it."""
        account = self.world.account
        return Facts(
            owner=account.owner(),
            zone=account.zone(self.settings.domain),
            regions=tuple(map(account.region, self.regions)),
        )

    def facts(self, ground: Facts, *, takes_over: bool) -> Facts:
        """Read what is there of the stacks, and by the names that they need.

        Args:
            ground: What is known of the account.
            takes_over: Whether data that is there is meant to be.
        """
        there = self.deployment(lambda _stack, _event: None).look(self.stacks)
        return replace(
            ground,
            regions=tuple(
                self._with_taken(facts, there, takes_over=takes_over)
                for facts in ground.regions
            ),
            stacks=frozenset(there),
        )

    def wanted(self, account_id: str) -> Wanted:
        """Return what preflight compares the facts with."""
        settings = self.settings
        names = [settings.iot_name, settings.api_name]
        for site in settings.sites:
            names += [settings.own_iot_name(site), settings.own_api_name(site)]
        for site in settings.sites[1:-1]:
            names += [settings.from_name(noun, site) for noun in ("iot", "api")]
        fleet = Fleet(settings.telemetry.fleet_size, rto_s=settings.objectives.rto_s)
        return Wanted(settings.domain, fleet, tuple(names), account_id)

    def choice(self, facts: Facts, *, puts_out: bool) -> Choice:
        """Return what the standby's compute is to be; look at it where it is there.

        Raises:
            HotsiteError: It is not to be, or the standby does not answer.
        """
        if PARAMETER in self.given:
            raise InvalidInputError(
                f"{PARAMETER}: strategy in hotsite.toml says it, no parameter may"
            )
        standby = self.settings.standby
        is_pilot, light = self.settings.is_off(standby), None
        if is_pilot and self.may_wait(facts.stacks):
            light = self._light(standby.region)
        return choose(
            light,
            standby=standby.letter,
            is_pilot=is_pilot,
            puts_out=puts_out,
        )

    def _light(self, region: str) -> Light | None:
        """Return the standby as it is; None where its stacks were never made whole."""
        try:
            lit = self.world.compute(region).on()
        except NotFoundError:
            return None
        return Light(self.world.operations(region).read().newest, lit)

    def may_wait(self, there: Collection[str]) -> bool:
        """Tell whether the standby's compute is there, and may be off.

        Args:
            there: Names of the stacks that are deployed.
        """
        wanted = {one.name for one in self.stacks if PARAMETER in one.parameters}
        return bool(wanted) and wanted <= set(there)

    def settle(self, choice: Choice) -> Iterator[str]:
        """Switch what is not as it was chosen, and yield a line for each."""
        compute = self.world.compute(self.settings.standby.region)
        return settle(compute, is_on=choice.is_on)

    def wish(self, facts: Facts, choice: Choice, *, takes_over: bool) -> Wish:
        """Return what is to be there."""
        account_id = facts.owner.account_id
        given = {
            "AssetBucket": asset_bucket(self.settings.prefix, account_id, "{Region}"),
            "AssetKeyPrefix": ASSET_KEY_PREFIX,
            "HostedZoneId": facts.zone.id,
            PARAMETER: choice.value,
            **self.given,
        }
        stacks = self.stacks
        if takes_over:
            stacks = tuple(with_names(stack, account_id) for stack in stacks)
        active, standby, *_ = self.regions
        return Wish(
            stacks, given, takes_over=takes_over, standby=standby, active=active
        )

    def _with_taken(
        self, facts: RegionFacts, there: Mapping[str, object], *, takes_over: bool
    ) -> RegionFacts:
        # What a stack of ours has is not taken: neither is what it is about to have.
        new = [
            stack
            for stack in self.stacks
            if stack.region == facts.region and stack.name not in there
        ]
        facts = replace(facts, to_reserve=sum(map(reserved_runs, new)))
        wanted: list[Resource] = [
            one
            for stack in new
            for one in stack.resources
            if not (takes_over and one.is_kept)
        ]
        try:
            taken = self.world.account.taken(facts.region, wanted)
        except HotsiteError as error:
            return replace(facts, unread=(*facts.unread, f"could not {error}"))
        return replace(facts, taken=taken)


Open = Callable[[argparse.Namespace], Job]


def add_place(command: argparse.ArgumentParser) -> None:
    """Let a command be told whose settings and credentials it uses."""
    command.add_argument(
        "--config", type=Path, metavar="FILE", help="default: hotsite.toml"
    )
    command.add_argument("--aws-profile", metavar="NAME", help="of the AWS credentials")
    command.add_argument("--json", action="store_true", help="one JSON document")


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Let a command be told what to deploy, and into which account."""
    add_place(command)
    command.add_argument(
        "--account",
        default="",
        metavar="ID",
        help="refuse credentials of any other account",
    )
    command.add_argument(
        "--parameters",
        type=Path,
        metavar="FILE",
        help='JSON of template parameters, such as {"RaisedQuotas": ...}',
    )


def open_job(options: argparse.Namespace) -> Job:
    """Return the job that options and environment describe.

    Raises:
        HotsiteError: The settings are wrong, or templates could not be made.
    """
    settings = read_settings(options.config)
    return Job(
        settings=settings,
        make=cache(lambda: _make(settings)),
        given=_given(options.parameters),
        world=_open_world(options, settings),
    )


def _make(settings: Settings) -> Made:
    is_for_aws = os.environ.get(PLATFORM, "") != _HOST
    made = artefacts.make(settings, _FOLDER, say, is_for_aws=is_for_aws)
    entries = read_json(made.templates / "stacks.json")
    assert isinstance(entries, list)  # noqa: S101 - what synth has just written
    bodies = {
        path.name: path.read_text("utf-8")
        for path in made.templates.glob("*.template.json")
    }
    packages = sorted(made.lambdas.glob("*.zip"))
    return Made(
        stacks=read_stacks(entries, bodies),
        contents={path.name: path.read_bytes for path in packages},
    )


def say(line: str) -> None:
    """Tell the user something that is not the result."""
    print(line, file=sys.stderr, flush=True)


def _given(path: Path | None) -> dict[str, str]:
    """Return values of parameters, from the environment's file and the user's."""
    named = os.environ.get(PARAMETERS)
    files = [Path(named)] if named else []
    found: dict[str, str] = {}
    for file in [*files, *([path] if path is not None else [])]:
        document = read_json(file)
        if not isinstance(document, dict):
            raise InvalidInputError(f"{file}: must be a JSON object of parameters")
        for name, value in document.items():
            is_text = isinstance(value, str)
            found[name] = value if is_text else json.dumps(value)
    for name in sorted(found.keys() & _OF_ONE_REGION):
        raise InvalidInputError(
            f"{name} is of one Region, and both sites get the same parameters: "
            "leave it out, or deploy with CloudFormation or Terraform"
        )
    return found


def _open_world(options: argparse.Namespace, settings: Settings) -> World:
    # No other command of the agent's install needs boto3.
    from hotsite.faces.cli import awsworld  # noqa: PLC0415

    return awsworld.open_world(
        settings, options.aws_profile, os.environ.get(NAME_SERVER, "")
    )
