"""Which sites a command works with: on AWS by the settings, or a local cloud's."""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from hotsite.adapters.aws.session import translated
from hotsite.core.apis import default_limits, limits_of
from hotsite.core.policies import Place
from hotsite.core.strategy import Strategy
from hotsite.errors import (
    HotsiteError,
    InvalidInputError,
    NotFoundError,
    RetryableError,
    UnreachableError,
)
from hotsite.faces.cli.files import read_settings
from hotsite.faces.lambdas.site import Clients, Layout, intake_of
from hotsite.flows.pacing import PacingBudget
from hotsite.flows.sight import Intake
from hotsite.local import cloud
from hotsite.local.client import LocalCloud
from hotsite.settings import OutboxSettings

LOCAL = "local"
_PREFIX = "hotsite"
_RAISED = "RaisedQuotas"
_REPLICATION = "replication"
# A Region that says nothing is dead; commands must get on with the other one.
_ANSWER_S_MAX = 8.0
# A person waits rather than starts again; the functions of the site go on meanwhile.
_BUDGET = PacingBudget(attempt_count_max=8, wait_s_max=120.0)

_Open = Callable[[str], Any]
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Remote:
    """One site that a command talks to from outside.

    Attributes:
        letter: ``a`` to ``d``.
        region: AWS Region code.
        prefix: First part of the names of everything that hotsite made.
        tables: Names of the registry table and of the site's own.
        open_client: Gives a boto3 client of a service in the Region.
        account: Gives the AWS account.
        outbox_reach_s: How far back devices can send again, in seconds.
        is_pilot_light: Whether its compute is off until it is needed.
    """

    letter: str
    region: str
    prefix: str
    tables: tuple[str, str]
    open_client: _Open
    account: Callable[[], str]
    outbox_reach_s: float = OutboxSettings().reach_s
    is_pilot_light: bool = False

    def client(self, service: str) -> Any:
        """Return a boto3 client of this Region."""
        return self.open_client(service)

    @property
    def operations(self) -> str:
        """Return the name of the operations table."""
        return f"{self.prefix}-operations"

    @property
    def clients(self) -> Clients:
        """Return the clients that replication works with."""
        return Clients(*map(self.client, ("dynamodb", "iot", "iot-data")))

    def limits(self) -> Mapping[str, float]:
        """Return the quotas that the site's own functions were told to keep.

        Without an answer they are AWS's defaults, and that is said: slower than
        need be, and never wrong.
        """
        where = f"stack {self._stack(_REPLICATION)}, parameter {_RAISED}"
        try:
            found = self._described().get("Parameters", ())
            raised = {one["ParameterKey"]: one["ParameterValue"] for one in found}
            return limits_of(self.region, raised.get(_RAISED, ""), where=where)
        except HotsiteError as error:
            say(f"{self.region}: keeping to AWS's default quotas: {error}")
            return default_limits(self.region)

    def output(self, name: str, *, noun: str = _REPLICATION) -> str:
        """Return an output of one of the site's stacks.

        Args:
            name: Of the output.
            noun: Which stack.

        Raises:
            HotsiteError: The Region does not answer, or there is no such output.
        """
        for output in self._described(noun).get("Outputs", ()):
            if output["OutputKey"] == name:
                return str(output["OutputValue"])
        stack = self._stack(noun)
        raise NotFoundError(f"stack {stack} in {self.region} has no output {name}")

    def intake(self, limits: Mapping[str, float] | None = None) -> Intake:
        """Return the ports that flows over the whole site work with.

        Args:
            limits: How often each API may be called, a second; AWS's defaults for
                work that calls few.

        Raises:
            HotsiteError: The account could not be told.
        """
        registry, applied = self.tables
        place = Place(self.region, self.account())
        limits = limits or default_limits(self.region)
        layout = Layout(place, self.prefix, registry, applied, limits)
        return intake_of(self.clients, layout, budget=_BUDGET)

    def _stack(self, noun: str) -> str:
        return f"{self.prefix}-{noun}-{self.region}"

    def _described(self, noun: str = _REPLICATION) -> dict[str, Any]:
        name = self._stack(noun)
        with translated(f"look up stack {name} in {self.region}"):
            answer = self.client("cloudformation").describe_stacks(StackName=name)
        stack: dict[str, Any] = answer["Stacks"][0]
        return stack


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Let a command be pointed at a world."""
    world = command.add_argument_group("world")
    world.add_argument(
        "--config", type=Path, metavar="FILE", help="default: hotsite.toml, on AWS"
    )
    world.add_argument("--aws-profile", metavar="NAME", help="of the AWS credentials")
    world.add_argument(
        "--local",
        nargs="?",
        const=LOCAL,
        metavar="NAME",
        help="a local cloud that is up, instead of AWS",
    )
    command.add_argument("--json", action="store_true", help="one JSON document")


def open_all(options: argparse.Namespace) -> tuple[Remote, ...]:
    """Return the sites, the active one first; nothing is called yet.

    Args:
        options: What ``add_arguments`` added.

    Raises:
        InvalidInputError: The settings are missing or wrong.
        NotReadyError: The local cloud is not up.
    """
    if options.local is not None:
        if options.config is not None or options.aws_profile is not None:
            raise InvalidInputError("--local is a world of its own: without --config")
        return tuple(of_cloud(local_cloud(options.local)))
    return tuple(_aws_sites(options))


def open_one(options: argparse.Namespace, name: str) -> Remote:
    """Return one site.

    Args:
        options: What ``add_arguments`` added.
        name: Its letter or Region.

    Raises:
        InvalidInputError: There is no such site, or the settings are wrong.
        NotReadyError: The local cloud is not up.
    """
    sites = open_all(options)
    for site in sites:
        if name in {site.letter, site.region}:
            return site
    known = ", ".join(f"{site.letter} ({site.region})" for site in sites)
    raise InvalidInputError(f"there is no site {name!r}; there are {known}")


def selected(options: argparse.Namespace) -> tuple[Remote, ...]:
    """Return the site of ``--region``, or all."""
    if options.region is None:
        return open_all(options)
    return (open_one(options, options.region),)


def say(line: str) -> None:
    """Tell the user something that is not the result."""
    print(line, file=sys.stderr, flush=True)


def first_answer(
    sites: tuple[Remote, ...], ask: Callable[[Remote], _Answer]
) -> tuple[Remote, _Answer]:
    """Ask one site after the other until one answers.

    Args:
        sites: In the order of preference.
        ask: What to ask; it must be safe to repeat.

    Returns:
        Who answered, and what.

    Raises:
        UnreachableError: None did.
    """
    reasons = []
    for site in sites:
        try:
            return site, ask(site)
        except RetryableError as error:
            say(f"{site.region} does not answer: {error}")
            reasons.append(f"{site.region}: {error}")
    raise UnreachableError("; ".join(reasons))


def _aws_sites(options: argparse.Namespace) -> Iterator[Remote]:
    settings = read_settings(options.config)
    try:
        session = boto3.session.Session(profile_name=options.aws_profile)
    except BotoCoreError as error:
        raise InvalidInputError(f"--aws-profile: {error}") from error
    account: list[str] = []

    def account_of(region: str) -> str:
        if not account:
            sts = session.client("sts", region_name=region, config=_config())
            with translated("look up the AWS account"):
                account.append(str(sts.get_caller_identity()["Account"]))
        return account[0]

    for site in settings.sites:
        yield Remote(
            letter=site.letter,
            region=site.region,
            prefix=settings.prefix,
            tables=(settings.table("registry"), settings.table("applied")),
            open_client=_opener(session, site.region),
            account=partial(account_of, site.region),
            outbox_reach_s=settings.outbox.reach_s,
            is_pilot_light=settings.is_off(site),
        )


def _opener(session: Any, region: str) -> _Open:
    return lambda service: session.client(service, region_name=region, config=_config())


def local_cloud(name: str) -> LocalCloud:
    """Return a local cloud by its name.

    Raises:
        NotReadyError: It is not up.
    """
    return LocalCloud.open(Path(".hotsite") / name)


def of_cloud(local: LocalCloud) -> Iterator[Remote]:
    """Yield the sites of a local cloud that is up."""
    state = local.state
    session = boto3.session.Session(
        aws_access_key_id=state.account_id, aws_secret_access_key=cloud.SECRET
    )
    for site in state.sites:
        yield Remote(
            letter=site.letter,
            region=site.region,
            prefix=_PREFIX,
            tables=(state.tables.registry, state.tables.applied),
            open_client=_local_opener(session, site.region, site.gateway_url),
            account=lambda: state.account_id,
            is_pilot_light=state.strategy is Strategy.PILOT_LIGHT
            and site != state.sites[0],
        )


def _local_opener(session: Any, region: str, url: str) -> _Open:
    return lambda service: session.client(
        service, region_name=region, endpoint_url=url, config=_config()
    )


def _config() -> Config:
    return Config(
        connect_timeout=2,
        read_timeout=_ANSWER_S_MAX,
        retries={"mode": "standard", "max_attempts": 2},
        s3={"addressing_style": "path"},
    )
