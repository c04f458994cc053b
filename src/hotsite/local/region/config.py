"""What one Region process is told when it starts; parsed once, then frozen."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hotsite.errors import InvalidInputError

# An AWS account identifier has 12 digits (IAM User Guide, "AWS account identifiers").
ACCOUNT_ID_LENGTH = 12
# A drill waits for cold telemetry, and must not wait for AWS's minute.
DELIVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """A server certificate chain and its private key, both PEM.

    Attributes:
        certificate: path of the chain, leaf first; its DNS names (subject
            alternative names) say which server names it is offered for.
        private_key: path of the unencrypted key.
    """

    certificate: Path
    private_key: Path


@dataclass(frozen=True, slots=True)
class RegionConfig:
    """One Region of the local cloud.

    Attributes:
        region: AWS Region code, such as `eu-central-1`.
        account_id: 12 digits.
        address: loopback address that every listener binds to.
        gateway_port: AWS APIs over HTTP, and `/_hotsite/`.
        mqtt_port: MQTT over mutual TLS.
        https_port: the HTTP APIs under their custom domain names.
        state_dir: directory that only this Region writes to.
        mqtt_certificates: one or more; the first serves names none covers.
        https_certificates: the same for HTTPS.
        mqtt_server_names: server names a client may send; any other, or none, is
            refused in the TLS handshake.
        endpoint_prefix: first label of the Data-ATS endpoint, before `-ats`.
        ca_path: certification authorities that the Region and its Lambdas trust
            when they call out (the JWT issuer); None means the system's.
        access_key_id: of the account's root, for boto3 and the AWS CLI.
        secret_access_key: the same.
        log_level: of ministack, such as `WARNING`.
        is_kept: whether the state is in `state_dir` too, for a Region that is
            killed and comes back.
        sightings: file that what the broker sees of clients is added to; None
            for nowhere. See `observing`.
        delivery_s: longest that a delivery stream collects records, in seconds; AWS
            waits for at least what its hints say.
        name_server: address and port of the DNS server that Lambdas ask for names
            of other sites; empty for none.
        control: Unix socket that takes the faults of this Region; None for none.
        peers: Region and gateway of each other Region, where templates are deployed
            as on AWS: one Region's stack makes tables in another; empty for none.
    """

    region: str
    account_id: str
    address: str
    gateway_port: int
    mqtt_port: int
    https_port: int
    state_dir: Path
    mqtt_certificates: tuple[CertificateFiles, ...]
    https_certificates: tuple[CertificateFiles, ...]
    mqtt_server_names: tuple[str, ...]
    endpoint_prefix: str
    ca_path: Path | None = None
    access_key_id: str = "test"
    secret_access_key: str = "test"  # noqa: S105 - a local emulator has no secrets
    log_level: str = "WARNING"
    is_kept: bool = True
    sightings: Path | None = None
    delivery_s: float = DELIVERY_S
    name_server: str = ""
    control: Path | None = None
    peers: tuple[tuple[str, str], ...] = ()

    @property
    def gateway_url(self) -> str:
        """The endpoint URL for boto3."""
        return f"http://{self.address}:{self.gateway_port}"

    @property
    def data_endpoint(self) -> str:
        """The AWS-shaped Data-ATS endpoint of this Region."""
        return f"{self.endpoint_prefix}-ats.iot.{self.region}.amazonaws.com"


def load(path: Path) -> RegionConfig:
    """Read a Region's configuration.

    Args:
        path: JSON file with the fields of RegionConfig; ports default to 4566,
            8883 and 8443.

    Returns:
        The configuration.

    Raises:
        InvalidInputError: the file cannot be read, or a field is missing or wrong.
    """
    try:
        fields = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"{path}: not a readable JSON file: {error}") from error
    if not isinstance(fields, dict):
        raise InvalidInputError(f"{path}: not a JSON object")
    try:
        return _parse(fields)
    except (KeyError, TypeError, ValueError) as error:
        raise InvalidInputError(f"{path}: missing or wrong field {error}") from error


def dump(config: RegionConfig, path: Path) -> None:
    """Write a configuration that `load` reads back to an equal value."""
    fields: dict[str, object] = {
        name: getattr(config, name)
        for name in RegionConfig.__dataclass_fields__
        if not name.endswith("_certificates")
    }
    for name in ("mqtt_certificates", "https_certificates"):
        fields[name] = [
            {
                "certificate": str(files.certificate),
                "private_key": str(files.private_key),
            }
            for files in getattr(config, name)
        ]
    fields["state_dir"] = str(config.state_dir)
    for name in ("ca_path", "sightings", "control"):
        path_or_none = getattr(config, name)
        fields[name] = None if path_or_none is None else str(path_or_none)
    path.write_text(json.dumps(fields, indent=1))


def _parse(fields: Mapping[str, object]) -> RegionConfig:
    unknown = set(fields) - set(RegionConfig.__dataclass_fields__)
    if unknown:
        raise ValueError(f"(unknown) {sorted(unknown)}")
    account_id = str(fields["account_id"])
    if len(account_id) != ACCOUNT_ID_LENGTH or not account_id.isdigit():
        raise ValueError("account_id: 12 digits are needed")
    return RegionConfig(
        region=str(fields["region"]),
        account_id=account_id,
        address=str(fields["address"]),
        gateway_port=_port(fields, "gateway_port", 4566),
        mqtt_port=_port(fields, "mqtt_port", 8883),
        https_port=_port(fields, "https_port", 8443),
        state_dir=Path(str(fields["state_dir"])),
        mqtt_certificates=_certificates(fields, "mqtt_certificates"),
        https_certificates=_certificates(fields, "https_certificates"),
        mqtt_server_names=_names(fields),
        endpoint_prefix=str(fields["endpoint_prefix"]),
        ca_path=_path(fields, "ca_path"),
        access_key_id=str(fields.get("access_key_id", "test")),
        secret_access_key=str(fields.get("secret_access_key", "test")),
        log_level=str(fields.get("log_level", "WARNING")),
        is_kept=bool(fields.get("is_kept", True)),
        sightings=_path(fields, "sightings"),
        delivery_s=float(str(fields.get("delivery_s", DELIVERY_S))),
        name_server=str(fields.get("name_server", "")),
        control=_path(fields, "control"),
        peers=_peers(fields),
    )


def _path(fields: Mapping[str, object], name: str) -> Path | None:
    value = fields.get(name)
    return None if value is None else Path(str(value))


def _port(fields: Mapping[str, object], name: str, default: int) -> int:
    value = fields.get(name, default)
    if not isinstance(value, int) or not 0 < value < 1 << 16:
        raise ValueError(f"{name}: not a port: {value!r}")
    return value


def _names(fields: Mapping[str, object]) -> tuple[str, ...]:
    names = fields["mqtt_server_names"]
    if not isinstance(names, list) or not names:
        raise ValueError("mqtt_server_names: a list of names is needed")
    return tuple(str(name).lower() for name in names)


def _peers(fields: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    pairs = fields.get("peers", [])
    if not isinstance(pairs, list):
        raise TypeError("peers: a list of Regions and URLs is needed")
    return tuple((str(region), str(url)) for region, url in pairs)


def _certificates(
    fields: Mapping[str, object], name: str
) -> tuple[CertificateFiles, ...]:
    entries = fields[name]
    if not isinstance(entries, list) or not entries:
        raise ValueError(f"{name}: a list of certificate and private_key is needed")
    return tuple(
        CertificateFiles(Path(entry["certificate"]), Path(entry["private_key"]))
        for entry in entries
    )
