"""Read of the SDK's service models what the emulator wants: the protocol's name.

It asks for the content type of each answer, and loads the AWS SDK and the whole model
for it: a sixth of a Region's start. A model begins with its metadata.
"""

import functools
import importlib.util
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hotsite.local.region.patch import Patch

_HEAD_BYTES = 4096
_GZIP = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Model:
    """A service's model, as far as the emulator looks at it.

    Attributes:
        metadata: protocol, versions and names.
    """

    metadata: Mapping[str, Any]


def patches(responses: Any) -> tuple[Patch, ...]:
    """List the patch of how models are read.

    Args:
        responses: the emulator's module of answers.
    """
    # The SDK's name of a service, where the emulator has another.
    names: Mapping[str, str] = responses._BOTOCORE_NAME  # noqa: SLF001 - no public look-up
    return (
        Patch(
            "core.responses:_service_model",
            "Loads the AWS SDK and a whole model to know a service's protocol.",
            lambda original: reading(names, original),
        ),
    )


def reading(
    names: Mapping[str, str], original: Callable[[str], Any]
) -> Callable[[str], Any]:
    """Return what reads a model's metadata, or asks the original."""

    @functools.cache
    def model(service: str) -> Any:
        found = metadata(names.get(service, service))
        return original(service) if found is None else Model(found)

    return model


def metadata(service: str) -> Mapping[str, Any] | None:
    """Return the metadata of the newest model of a service, if it can be read so.

    Args:
        service: as the SDK names it.
    """
    spec = importlib.util.find_spec("botocore")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(spec.submodule_search_locations[0]) / "data" / service
    paths = sorted(folder.glob("*/service-2.json.gz"))
    if not paths:
        return None
    with paths[-1].open("rb") as file:
        head = zlib.decompressobj(_GZIP).decompress(file.read(_HEAD_BYTES))
    _, _, rest = head.decode(errors="replace").partition('"metadata":')
    try:
        found: Mapping[str, Any] = json.JSONDecoder().raw_decode(rest.lstrip())[0]
    except ValueError:
        return None
    return found
