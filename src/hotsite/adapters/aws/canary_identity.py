"""Who the canary of a site is: its certificate and key, from Secrets Manager."""

import json
from dataclasses import dataclass, field
from typing import Any

from hotsite.adapters.aws.session import translated
from hotsite.errors import InvalidInputError


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the canary is.

    Attributes:
        thing_name: Its thing, and MQTT client id.
        certificate_pem: Its device certificate.
        private_key_pem: Its key; from the secret to memory, never a log.
    """

    thing_name: str
    certificate_pem: str
    private_key_pem: str = field(repr=False)


def read_identity(secrets: Any, secret_id: str) -> Identity:
    """Read the canary's certificate and key from Secrets Manager.

    Args:
        secrets: A boto3 client of Secrets Manager.
        secret_id: Which secret.

    Raises:
        UnreachableError: Secrets Manager did not answer.
        InvalidInputError: The secret is not of the shape that setup writes.
    """
    with translated("read the canary's secret"):
        text = secrets.get_secret_value(SecretId=secret_id)["SecretString"]
    try:
        document = json.loads(text)
        return Identity(
            document["thing_name"],
            document["certificate_pem"],
            document["private_key_pem"],
        )
    except (ValueError, KeyError) as error:
        raise InvalidInputError("the canary's secret has another shape") from error
