"""How a world looks from outside: its names, its ports, whom to believe."""

import argparse
import asyncio
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from hotsite.adapters import mqtt_probe
from hotsite.adapters.aws.canary_identity import read_identity
from hotsite.adapters.aws.trust import AMAZON_ROOT_CA_1
from hotsite.adapters.key_folder import KeyFolder
from hotsite.adapters.mqtt import Credentials, Target
from hotsite.adapters.resolver import Resolver, SystemResolver
from hotsite.adapters.tls_door import TlsDoors, dial_by_name
from hotsite.core.headroom import Fleet
from hotsite.faces.cli import sites
from hotsite.faces.cli.files import read_settings
from hotsite.faces.cli.sites import Remote

_MQTT_PORT, _HTTPS_PORT = 8883, 443


@dataclass(frozen=True, slots=True)
class Outside:
    """What a device or an app finds.

    Attributes:
        domain: The owner's domain.
        fleet: How large the fleet is, as far as the settings say.
        mqtt_port: Of MQTT over TLS.
        https_port: Of the API.
        device_ca: PEM of whom devices believe.
        authority: PEM of whom to believe besides the machine's own roots.
        resolver: Who knows the names.
    """

    domain: str
    fleet: Fleet
    mqtt_port: int
    https_port: int
    device_ca: str
    authority: str
    resolver: Resolver

    def iot_name(self, site: str) -> str:
        """Return the MQTT name that always means one site."""
        return f"iot-{site}.{self.domain}"

    def address_of(self, name: str) -> str:
        """Return where a name leads.

        Raises:
            UnreachableError: It leads nowhere.
        """
        return asyncio.run(self.resolver.resolve(name)).address

    @property
    def doors(self) -> TlsDoors:
        """Return how its names are asked."""
        return TlsDoors(self.mqtt_port, self.https_port, self.authority, self._dial)

    def keys(self, folder: Path) -> KeyFolder:
        """Return the devices whose keys are in a folder."""
        return KeyFolder(folder, self.device_ca, self.mqtt_port, self.address_of)

    def canary(self, remote: Remote) -> Callable[[], float]:
        """Return what connects once as the canary of a site."""
        secrets = remote.client("secretsmanager")

        def connect() -> float:
            who = read_identity(secrets, f"{remote.prefix}/canary")
            name = self.iot_name(remote.letter)
            target = Target(self.address_of(name), self.mqtt_port, name)
            # OpenSSL takes a key only from a file: there for this call alone, and
            # readable by this user only (NamedTemporaryFile makes it with mode 0600).
            with NamedTemporaryFile("w", suffix=".key") as key:
                key.write(who.private_key_pem)
                key.flush()
                given = Credentials(who.certificate_pem, Path(key.name), self.device_ca)
                return mqtt_probe.connect_once(target, given, who.thing_name)

        return connect

    def _dial(self, name: str, port: int) -> socket.socket:
        return dial_by_name(self.address_of(name), port)


def open_outside(options: argparse.Namespace) -> Outside:
    """Return how the world of a command looks from outside; nothing is called yet.

    Args:
        options: What ``sites.add_arguments`` added.

    Raises:
        InvalidInputError: The settings are missing or wrong.
        NotReadyError: The local cloud is not up.
    """
    if options.local is not None:
        local = sites.local_cloud(options.local)
        state = local.state
        ca = Path(state.ca).read_text("ascii")
        return Outside(
            state.domain,
            Fleet(None),
            state.mqtt_port,
            state.https_port,
            device_ca=ca,
            authority=ca,
            resolver=local.resolver,
        )
    settings = read_settings(options.config)
    fleet = Fleet(settings.telemetry.fleet_size, rto_s=settings.objectives.rto_s)
    return Outside(
        settings.domain,
        fleet,
        _MQTT_PORT,
        _HTTPS_PORT,
        device_ca=AMAZON_ROOT_CA_1,
        authority="",
        resolver=SystemResolver(),
    )
