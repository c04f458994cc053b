"""Local clouds for one command: its own, which ends with it, or somebody's."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from hotsite.core.strategy import Strategy
from hotsite.errors import InvalidInputError
from hotsite.faces.cli import artefacts
from hotsite.local import cloud, launcher, upkeep
from hotsite.local.client import LocalCloud
from hotsite.local.cloud import CloudConfig
from hotsite.settings import Settings, SiteSettings

ARTEFACTS = Path("build/artefacts")
# RFC 6761 keeps .test for this: no real name is ever meant.
DOMAIN = "hotsite.test"
_FURTHER = (SiteSettings("c", "eu-west-2"), SiteSettings("d", "us-west-2"))


def settings_of(
    domain: str, sites: int = 2, strategy: Strategy = Strategy.HOT_SITE
) -> Settings:
    """Return the settings of a local cloud.

    Args:
        domain: The owner's.
        sites: How many Regions.
        strategy: What the standbys do meanwhile.

    Raises:
        InvalidInputError: There cannot be so many.
    """
    usual = Settings(domain, strategy=strategy)
    known = (*usual.sites, *_FURTHER)
    if not len(usual.sites) <= sites <= len(known):
        raise InvalidInputError(f"--sites {sites}: write 2, 3 or 4")
    if sites > len(usual.sites) and strategy is not Strategy.HOT_SITE:
        raise InvalidInputError(f"--sites {sites}: strategy {strategy} takes two")
    return replace(usual, sites=known[:sites])


def config_for(
    settings: Settings, name: str, folder: Path, say: Callable[[str], None]
) -> CloudConfig:
    """Return what a supervisor must be told; make templates where missing.

    Args:
        settings: What the cloud is made for.
        name: Of the cloud.
        folder: Where everything of the cloud is kept.
        say: Told what takes long.
    """
    made = artefacts.make(settings, ARTEFACTS, say)
    return CloudConfig(
        name=name,
        folder=str(folder.absolute()),
        domain=settings.domain,
        sites=tuple(cloud.Site(site.letter, site.region) for site in settings.sites),
        tables=cloud.Tables(
            registry=settings.table("registry"),
            telemetry=settings.table("telemetry"),
            applied=settings.table("applied"),
        ),
        templates=str(made.templates.absolute()),
        lambdas=str(made.lambdas.absolute()),
        audience=settings.issuer.audience,
        strategy=settings.strategy,
        global_tables=tuple(
            map(settings.table, ("registry", "telemetry", "operations"))
        ),
    )


@contextlib.contextmanager
def private_cloud(
    folder: Path,
    say: Callable[[str], None],
    *,
    is_observed: bool = False,
    strategy: Strategy = Strategy.HOT_SITE,
    sites: int = 2,
) -> Iterator[LocalCloud]:
    """Run a cloud of one's own while the block runs.

    Args:
        folder: Where its files go.
        say: Told what happens, one line each.
        is_observed: Whether brokers and name server write down what they see.
        strategy: As in the settings.
        sites: How many Regions.

    Yields:
        The cloud, ready; it is gone afterwards, whatever happened.

    Raises:
        NotReadyError: It did not get ready.
    """
    there = folder / "cloud"
    there.mkdir(parents=True, exist_ok=True)
    settings = settings_of(DOMAIN, sites, strategy)
    config = config_for(settings, folder.name or "drill", there, say)
    config = replace(config, is_observed=is_observed)
    with launcher.Launched(config, say) as launched:
        launched.wait_ready()
        yield LocalCloud.open(there)


@contextlib.contextmanager
def kept_cloud(
    local: LocalCloud, say: Callable[[str], None], *, strategy: Strategy
) -> Iterator[LocalCloud]:
    """Use a cloud that is up while the block runs, and leave it whole.

    Args:
        local: The cloud.
        say: Told what happens, one line each.
        strategy: What the block takes it to be made for.

    Yields:
        The cloud, both sites healthy and the first one active.

    Raises:
        InvalidInputError: It is made for another strategy, hurt, or its other site is
            active.
        NotReadyError: It does not get whole.
    """
    if local.state.strategy is not strategy:
        raise InvalidInputError(
            f"local cloud {local.state.name!r} is for {local.state.strategy}, and this"
            f" needs {strategy}"
        )
    upkeep.await_whole(local, say)
    try:
        yield local
    finally:
        upkeep.restore(local, say)
