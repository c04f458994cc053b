"""The Lambdas' settings: the environment, read once a cold start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from hotsite.adapters.aws.trust import AMAZON_ROOT_CA_1
from hotsite.core.apis import limits_of
from hotsite.core.epoch import SITES, check_site
from hotsite.core.onboarding import Names
from hotsite.errors import InvalidInputError

_MQTT_PORT = 8883
_API_PORT = 443
_HOT_DAYS = 30
_RTO_S = 60.0
_USER_RATE_PER_S = 5.0


@dataclass(frozen=True, slots=True)
class Environment:
    """What the stacks of a site tell their functions.

    Attributes:
        prefix: First part of the names of everything that hotsite made.
        region: The Region of this site.
        letter: Its letter.
        letters: The letters of all sites, in the order in which DNS prefers them.
        domain: The owner's domain.
        witness_name: The name that leads to the active site.
        registry: Name of the registry table.
        telemetry: Name of the hot table.
        applied: Name of this Region's own table.
        operations: Name of the operations table.
        fleet_group: Thing group of the fleet.
        thing_type: Thing type of the fleet.
        mqtt_port: TCP port of MQTT over TLS.
        api_port: TCP port of the sites' own API names.
        canary_secret: Id of the secret with the canary's certificate and key.
        device_ca: What devices must trust, PEM.
        quotas: How often each API of IoT Core may be called, a second.
        error_bucket: Bucket of refused telemetry.
        firmware_bucket: Bucket of signed firmware.
        cold_stream: Name of the cold path's stream; empty where there is none.
        hot_days: How long the hot table keeps a message, in days.
        throttle_spread_s: N / R of this site, in seconds, if it is known.
        fleet_size: How many devices there are, if it is known.
        rto_s: How long a failover may take, in seconds.
        user_rate_per_s: How many changes a second one user of the API may ask for.
        escrow: Name of the table of sealed keys; empty where none are made.
        escrow_key: ARN of the KMS key that they are sealed with.
    """

    prefix: str
    region: str
    letter: str
    letters: tuple[str, ...]
    domain: str
    witness_name: str
    registry: str
    telemetry: str
    applied: str
    operations: str
    fleet_group: str
    thing_type: str
    mqtt_port: int
    api_port: int
    canary_secret: str
    device_ca: str
    quotas: Mapping[str, float]
    error_bucket: str
    firmware_bucket: str
    cold_stream: str
    hot_days: int
    throttle_spread_s: float | None
    fleet_size: int | None
    rto_s: float
    user_rate_per_s: float
    escrow: str
    escrow_key: str

    @property
    def others(self) -> tuple[str, ...]:
        """Return the letters of the other sites."""
        return tuple(one for one in self.letters if one != self.letter)

    @property
    def names(self) -> Names:
        """Return what devices are told."""
        prefixes = ("iot", *(f"iot-{letter}" for letter in self.letters))
        return Names(
            iot=tuple(f"{prefix}.{self.domain}" for prefix in prefixes),
            api=f"api.{self.domain}",
            port=self.mqtt_port,
        )


def is_lambda() -> bool:
    """Say whether Lambda runs this process, and not somebody who imports it.

    ``AWS_LAMBDA_FUNCTION_NAME`` is reserved for it (Lambda developer guide,
    "Defined runtime environment variables").
    """
    return "AWS_LAMBDA_FUNCTION_NAME" in os.environ


def read(environ: Mapping[str, str] | None = None) -> Environment:
    """Read the environment.

    Args:
        environ: Variables by name; the process's own by default.

    Returns:
        The settings of this function.

    Raises:
        InvalidInputError: A variable is missing or is not a number.
    """
    found = os.environ if environ is None else environ
    try:
        return Environment(
            prefix=found["PREFIX"],
            region=found["SITE_REGION"],
            letter=found["SITE_LETTER"],
            letters=_letters(found.get("SITE_LETTERS", "")),
            domain=found["DOMAIN"],
            witness_name=found.get("WITNESS_NAME") or f"iot.{found['DOMAIN']}",
            registry=found["TABLE_REGISTRY"],
            telemetry=found["TABLE_TELEMETRY"],
            applied=found["TABLE_APPLIED"],
            operations=found["TABLE_OPERATIONS"],
            fleet_group=found["FLEET_GROUP"],
            thing_type=found["THING_TYPE"],
            mqtt_port=int(found.get("MQTT_PORT") or _MQTT_PORT),
            api_port=int(found.get("API_PORT") or _API_PORT),
            canary_secret=found.get("CANARY_SECRET_ID", ""),
            device_ca=found.get("DEVICE_CA") or AMAZON_ROOT_CA_1,
            quotas=_quotas(found),
            error_bucket=found.get("ERROR_BUCKET", ""),
            firmware_bucket=found.get("FIRMWARE_BUCKET", ""),
            cold_stream=found.get("COLD_STREAM", ""),
            hot_days=int(found.get("HOT_DAYS") or _HOT_DAYS),
            throttle_spread_s=_number(found.get("THROTTLE_SPREAD_S")),
            fleet_size=_whole(found.get("FLEET_SIZE")),
            rto_s=float(found.get("RTO_S") or _RTO_S),
            user_rate_per_s=float(found.get("USER_RATE_PER_S") or _USER_RATE_PER_S),
            escrow=found.get("TABLE_ESCROW", ""),
            escrow_key=found.get("ESCROW_KEY", ""),
        )
    except KeyError as error:
        raise InvalidInputError(f"environment: {error.args[0]} is not set") from error
    except ValueError as error:
        raise InvalidInputError(
            "environment: MQTT_PORT, API_PORT, HOT_DAYS, THROTTLE_SPREAD_S, "
            f"FLEET_SIZE, RTO_S or USER_RATE_PER_S: {error}"
        ) from error


def _letters(text: str) -> tuple[str, ...]:
    return tuple(map(check_site, text.split(","))) if text else SITES


def _quotas(found: Mapping[str, str]) -> Mapping[str, float]:
    where, raised = "environment: RAISED_QUOTAS", found.get("RAISED_QUOTAS", "")
    return limits_of(found["SITE_REGION"], raised, where=where)


def _number(text: str | None) -> float | None:
    return float(text) if text else None


def _whole(text: str | None) -> int | None:
    return int(text) if text else None
