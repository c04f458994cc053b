"""`python -m hotsite.local.region CONFIG.json`: one Region in the foreground.

Exit codes: 0 stopped by a signal, 2 wrong configuration or another ministack,
3 an address or port is taken.
"""

import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from hotsite.errors import HotsiteError, InvalidInputError
from hotsite.local.region.config import RegionConfig, load
from hotsite.local.region.faults import UNREACHABLE_FILE


def environment(config: RegionConfig) -> Mapping[str, str]:
    """Return what ministack and the Lambda workers read from the environment."""
    variables = {
        "AUTH": "true",
        "AWS_ACCESS_KEY_ID": config.access_key_id,
        "AWS_DEFAULT_REGION": config.region,
        "AWS_ENDPOINT_URL": config.gateway_url,
        "AWS_SECRET_ACCESS_KEY": config.secret_access_key,
        "BIND_HOST": config.address,
        # No container engine: Lambdas run as worker processes of this group.
        "DOCKER_HOST": f"unix://{config.state_dir}/no-docker.sock",
        "GATEWAY_PORT": str(config.gateway_port),
        # The Lambda workers inherit these five: see inside/sitecustomize.py.
        "HOTSITE_NAME_SERVER": config.name_server,
        "HOTSITE_REGION_ADDRESS": config.address,
        "HOTSITE_REGION_NAMES": " ".join(_own_names(config)),
        "HOTSITE_REGION_UNREACHABLE": str(config.state_dir / UNREACHABLE_FILE),
        "PYTHONPATH": str(Path(__file__).parent / "inside"),
        "IOT_MTLS_ENABLED": "1",
        "IOT_MTLS_PORT": str(config.mqtt_port),
        "LOG_LEVEL": config.log_level,
        "MINISTACK_ACCOUNT_ID": config.account_id,
        "MINISTACK_HOST": config.address,
        "MINISTACK_REGION": config.region,
        "PERSIST_STATE": "0",
        "S3_DATA_DIR": str(config.state_dir / "s3"),
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(config.state_dir / "state"),
        "TMPDIR": str(config.state_dir / "tmp"),
    }
    if config.ca_path is not None:
        variables["SSL_CERT_FILE"] = str(config.ca_path)
    return variables


def _own_names(config: RegionConfig) -> tuple[str, ...]:
    """Return the names that lead here; where the failover name leads, DNS says."""
    names = config.mqtt_server_names
    if not config.name_server:
        return names
    return tuple(name for name in names if not name.startswith("iot."))


def main(arguments: list[str]) -> int:
    """Run the Region that a configuration file describes.

    Args:
        arguments: the path of the file.

    Returns:
        The exit code.
    """
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m hotsite.local.region CONFIG.json\n")
        return 2
    try:
        config = load(Path(arguments[0]))
        for name in ("s3", "state", "tmp"):
            (config.state_dir / name).mkdir(parents=True, exist_ok=True)
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
            os.environ.pop(name, None)
        os.environ.update(environment(config))
        # Imported late: ministack reads the environment when it is imported.
        importlib.import_module("hotsite.local.region.server").run(config)
    except OSError as error:
        sys.stderr.write(f"region: cannot bind or write: {error}\n")
        return 3
    except InvalidInputError as error:
        sys.stderr.write(f"region: {error}\n")
        return 2
    except HotsiteError as error:
        sys.stderr.write(f"region: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
