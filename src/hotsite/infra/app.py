"""The CDK app: which stacks there are, in the order in which they deploy.

All flags are in code. ``cdk.json`` is read by the CDK's command line only, so
flags there would give other templates than tests and ``hotsite synth`` see.
"""

from dataclasses import dataclass

import aws_cdk as cdk

from hotsite.infra.cold import ColdStack, CopiesStack, replicas
from hotsite.infra.data import DataStack
from hotsite.infra.firmware import FirmwareStack
from hotsite.infra.keys import KeyReplicaStack, KeyStack
from hotsite.infra.replication import ReplicationStack
from hotsite.infra.site import SiteStack
from hotsite.infra.stack import new_app
from hotsite.infra.telemetry import TelemetryStack
from hotsite.settings import Settings, SiteSettings


@dataclass(frozen=True, slots=True)
class Planned:
    """One stack of the plan.

    Attributes:
        name: The stack's name.
        region: Where it is deployed.
        needs: Parameters that come from outputs of earlier stacks, as
            (parameter, stack, output).
    """

    name: str
    region: str
    needs: tuple[tuple[str, str, str], ...] = ()


def plan(settings: Settings) -> tuple[Planned, ...]:
    """Return the stacks in the order in which they deploy."""
    prefix, sites = settings.prefix, settings.sites
    key = f"{prefix}-key-{sites[0].region}"
    needs = (("KeyId", key, "KeyId"),)
    return (
        Planned(key, sites[0].region),
        *(
            Planned(f"{prefix}-key-{site.region}", site.region, needs)
            for site in sites[1:]
        ),
        Planned(f"{prefix}-data", sites[0].region, needs),
        *(
            Planned(f"{prefix}-cold-{site.region}", site.region, needs)
            for site in sites
        ),
        *(Planned(f"{prefix}-site-{site.region}", site.region) for site in sites),
        *(_behind(prefix, "replication", site, "RegistryStreamArn") for site in sites),
        *(_copies(settings, site) for site in sites),
        *(_behind(prefix, "telemetry", site, "TelemetryStreamArn") for site in sites),
        *(_behind(prefix, "firmware", site, "ApiId") for site in sites),
    )


def _behind(prefix: str, noun: str, site: SiteSettings, output: str) -> Planned:
    """Return a stack that needs an output of the site's, under the same name."""
    source = (output, f"{prefix}-site-{site.region}", output)
    return Planned(f"{prefix}-{noun}-{site.region}", site.region, (source,))


def _copies(settings: Settings, site: SiteSettings) -> Planned:
    prefix, here = settings.prefix, site.region
    needs = [("Cold", here)]
    needs += [(name, one.region) for name, one in replicas(settings, site)]
    return Planned(
        f"{prefix}-copies-{here}",
        here,
        tuple(
            (f"{name}{what}", f"{prefix}-cold-{region}", f"Cold{what}")
            for name, region in needs
            for what in ("Bucket", "KeyArn")
        ),
    )


def build(settings: Settings, out_dir: str) -> cdk.App:
    """Build the app without writing anything.

    Args:
        settings: The owner's settings.
        out_dir: Where ``App.synth`` will write.
    """
    app = new_app(out_dir)
    names = [stack.name for stack in plan(settings)]
    primary, standbys = names[0], settings.sites[1:]
    KeyStack(app, primary, settings)
    for name, site in zip(names[1:], standbys, strict=False):
        KeyReplicaStack(app, name, settings, site)
    data, *rest = names[1 + len(standbys) :]
    DataStack(app, data, settings)
    kinds = (
        ColdStack,
        SiteStack,
        ReplicationStack,
        CopiesStack,
        TelemetryStack,
        FirmwareStack,
    )
    twins = [(kind, site) for kind in kinds for site in settings.sites]
    for name, (kind, site) in zip(rest, twins, strict=True):
        kind(app, name, settings, site)
    return app
