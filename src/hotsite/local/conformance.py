"""``ports.conformance`` on this machine: a device's process, seen from outside."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from hotsite.adapters.aws.hot_store import HotStore
from hotsite.adapters.clock import SystemClock
from hotsite.core import sightings, telemetry
from hotsite.core.conformance import Kept
from hotsite.core.journal import DeviceConnectable
from hotsite.core.sightings import Sighting
from hotsite.errors import InvalidInputError, NotReadyError, RefusedError
from hotsite.local import namespace, sentinel
from hotsite.local.client import LocalCloud
from hotsite.local.fleet import Member
from hotsite.local.watch import Watch
from hotsite.local.world import LocalWorld

_END_S_MAX = 5.0
_ONBOARDED_S_MAX = 60.0
_STATUS_S_MAX = 30.0
_LOOK_EVERY_S = 0.2
# Time between two messages of a device, where it can be told.
_INTERVAL_S = 1.0


class LocalConformance:
    """Implements ``ports.conformance.ConformanceWorld`` on a local cloud.

    Args:
        cloud: A cloud that is up and observed.
        folder: Where the device's files and its output go.
        thing: The name of its thing.
        command: What runs the device; nothing to wait for one.
    """

    def __init__(
        self, cloud: LocalCloud, folder: Path, thing: str, command: Sequence[str]
    ) -> None:
        self._cloud = cloud
        self._folder = folder.absolute()
        self._thing = thing
        self._command = list(command)
        self._process: subprocess.Popen[bytes] | None = None
        self._ended = ""
        self._member = self._onboard()
        der = x509.load_pem_x509_certificate(self._member.certificate.read_bytes())
        self._certificate_id = der.fingerprint(hashes.SHA256()).hex()
        self._write_files()
        self._watch = Watch(cloud)

    @property
    def environment(self) -> Mapping[str, str]:
        """What the device is told, as environment variables."""
        state, thing, files = self._cloud.state, self._thing, self._folder / "device"
        return {
            "HOTSITE_THING": thing,
            "HOTSITE_ENDPOINT": self.names[0],
            "HOTSITE_ENDPOINTS": ",".join(self.names),
            "HOTSITE_PORT": str(state.mqtt_port),
            "HOTSITE_CERTIFICATE": str(files / "certificate.pem"),
            "HOTSITE_PRIVATE_KEY": str(files / "device.key"),
            "HOTSITE_CA": str(files / "ca.pem"),
            "HOTSITE_DNS": f"{state.dns_address}:{state.dns_port}",
            "HOTSITE_TELEMETRY_TOPIC": telemetry.telemetry_topic(thing),
            "HOTSITE_BATCH_TOPIC": telemetry.batch_topic(thing),
            "HOTSITE_COMMAND_FILTER": telemetry.command_filter(thing),
            "HOTSITE_RESUME_TOPIC": telemetry.resume_topic(thing),
            "HOTSITE_RESUME_ANSWER_TOPIC": telemetry.resume_answer_topic(thing),
            "HOTSITE_MOVE_TOPIC": telemetry.move_topic(thing),
            "HOTSITE_DEVICE": str(files / "device.json"),
        }

    @property
    def names(self) -> tuple[str, ...]:
        """The names that the device may connect to, the failover name first."""
        hosts = ("iot", *(f"iot-{site.letter}" for site in self._cloud.state.sites))
        return tuple(f"{host}.{self._cloud.state.domain}" for host in hosts)

    @cached_property
    def inside(self) -> tuple[list[str], str]:
        """What runs the device under our resolver, and why it cannot be, if so."""
        try:
            return namespace.inside(self._cloud.folder, self._cloud.state), ""
        except (RefusedError, NotReadyError) as error:
            return [], (
                f"{error}; the device ran without, and must ask HOTSITE_DNS itself"
            )

    def start(self) -> None:
        """Start the device, or begin to wait for it."""
        if not self._command:
            return
        if shutil.which(self._command[0]) is None:
            raise InvalidInputError(f"{self._command[0]}: there is no such program")
        with (self._folder / "device.log").open("wb") as log:
            self._process = subprocess.Popen(
                [*self.inside[0], *self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # With the cloud's mark it ends with the cloud, whoever kills us.
                env={
                    **os.environ,
                    **self.environment,
                    sentinel.MARK_NAME: self._cloud.state.mark,
                },
                start_new_session=True,
            )

    def stop(self) -> None:
        """End the device and whatever it started."""
        self._ended = self.device_trouble() or ""
        process, self._process = self._process, None
        if process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_END_S_MAX)
                break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def device_trouble(self) -> str | None:
        """Return how the device ended by itself, or nothing."""
        code = None if self._process is None else self._process.poll()
        if code is None:
            return self._ended or None
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        log = self._folder / "device.log"
        return f"the device's program ended with {how}; its output is in {log}"

    def fault(self, kind: str, site: str) -> None:
        """Hurt a site, or let it go on."""
        self._cloud.fault(kind, site)
        self._watch.expect_dials(site if kind == "freeze" else None)

    def set_certificate(self, *, is_active: bool) -> None:
        """Make the certificate ACTIVE or INACTIVE in both sites, and see to it."""
        wanted = "ACTIVE" if is_active else "INACTIVE"
        clients = [self._cloud.client("iot", s.letter) for s in self._cloud.state.sites]
        end_s = time.monotonic() + _STATUS_S_MAX
        calm = 0
        # Each site tells the other of the change: all must have settled.
        while calm < 1 / _LOOK_EVERY_S:
            if time.monotonic() > end_s:
                raise NotReadyError(f"the certificate did not become {wanted}")
            is_so = True
            for client in clients:
                found = client.describe_certificate(certificateId=self._certificate_id)
                if found["certificateDescription"]["status"] != wanted:
                    is_so = False
                    client.update_certificate(
                        certificateId=self._certificate_id, newStatus=wanted
                    )
            calm = calm + 1 if is_so else 0
            time.sleep(_LOOK_EVERY_S)

    def set_replication_lag(self, lag_s: float) -> None:
        """Delay the replication of the global tables."""
        self._cloud.set_lag(lag_s)

    def is_whole(self) -> bool:
        """Return whether both sites are healthy."""
        return all(site.is_healthy for site in self._cloud.health())

    def seen(self) -> Sequence[Sighting]:
        """Return all that was seen of the device so far."""
        return tuple(
            sightings.of_device(
                self._watch.seen(),
                thing=self._thing,
                certificate_id=self._certificate_id,
            )
        )

    def kept(self, site: str) -> tuple[Kept, ...]:
        """Return what a site's hot store holds of the device."""
        store = HotStore(
            self._cloud.client("dynamodb", site),
            self._cloud.client("dynamodbstreams", site),
            self._cloud.state.tables.telemetry,
            SystemClock(),
        )
        held = store.held()
        return tuple(Kept(o.epoch, o.held) for o in held if o.thing == self._thing)

    def close(self) -> None:
        """End the device and the watch; the cloud is its owner's to end."""
        self.stop()
        self._watch.close()

    def _onboard(self) -> Member:
        """Onboard the device, and wait until both sites let it in."""
        # This world looks at DNS all the time: it is gone before the device comes.
        with contextlib.closing(LocalWorld(self._cloud, self._folder)) as world:
            list(world.onboard([self._thing], region=None))
            end_s = time.monotonic() + _ONBOARDED_S_MAX
            for site in self._cloud.state.sites:
                while not isinstance(
                    said := next(world.prove([self._thing], region=site.region)),
                    DeviceConnectable,
                ):
                    if time.monotonic() > end_s:
                        raise NotReadyError(f"{site.region}: {said}")
                    time.sleep(_LOOK_EVERY_S)
            return world.member(self._thing)

    def _write_files(self) -> None:
        folder, state = self._folder / "device", self._cloud.state
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._member.certificate, folder / "certificate.pem")
        shutil.copyfile(state.ca, folder / "ca.pem")
        (folder / "device.key").touch(mode=0o600)
        shutil.copyfile(self._member.private_key, folder / "device.key")
        document = {
            "thing": self._thing,
            "endpoints": list(self.names),
            "port": state.mqtt_port,
            "certificate": "certificate.pem",
            "private_key": "device.key",
            "ca": "ca.pem",
            "resolver": {"address": state.dns_address, "port": state.dns_port},
            "interval_s": _INTERVAL_S,
        }
        (folder / "device.json").write_text(json.dumps(document, indent=1) + "\n")
        lines = (f"{key}={value}\n" for key, value in self.environment.items())
        (folder / "device.env").write_text("".join(lines))
