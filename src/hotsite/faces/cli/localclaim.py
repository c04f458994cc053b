"""``hotsite local claim``: put a device into the claim ledger of a local cloud.

A stand-in for the maker's import of serial numbers, for trying things out.
"""

import argparse
import json
import os
import secrets
from pathlib import Path

from hotsite.adapters.aws.tables import DynamoClaims
from hotsite.adapters.clock import SystemClock
from hotsite.core import onboarding
from hotsite.core.onboarding import Entry
from hotsite.errors import InvalidInputError
from hotsite.local.client import LocalCloud


def make(local: LocalCloud, options: argparse.Namespace) -> Path:
    """Make a claim with a secret of its own; keep it in a file for the device.

    Args:
        local: The cloud whose ledger gets the claim.
        options: ``id`` and ``out`` of the command line.

    Returns:
        The file, readable by its owner alone.

    Raises:
        InvalidInputError: The id is not one, or the file is there already.
    """
    document = {"id": options.id, "secret": secrets.token_hex(16)}
    claim = onboarding.claim_of(document, where=f"claim {options.id}")
    path: Path = options.out or Path(options.id) / "claim.json"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InvalidInputError(f"{path}: is there already; it was kept") from error
    except OSError as error:
        raise InvalidInputError(f"{path}: {error.strerror}") from error
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file)
    # Both ledgers: an import is over long before a device is switched on, and
    # whoever tries things out should not have to wait for replication.
    for site in local.state.sites:
        DynamoClaims(
            local.client("dynamodb", site.region),
            local.state.tables.registry,
            origin=site.region,
            clock=SystemClock(),
        ).add(Entry.of(claim, {}))
    return path
