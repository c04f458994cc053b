"""Load those services of the emulator that hotsite does not use when they are used.

Its CloudFormation imports every service that it can make something of. Half of them
occur in no template of hotsite, and cost a Region a quarter of its start. (Python's
own LazyLoader loads a module when it is imported a second time.)
"""

import sys
import threading
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any

_SERVICES = "ministack.services."
_NAMES = frozenset(
    {
        "alb",
        "appconfig",
        "appsync",
        "athena",
        "autoscaling",
        "backup",
        "cloudfront",
        "codebuild",
        "cognito",
        "documentdb",
        "ec2",
        "ecr",
        "ecs",
        "efs",
        "elasticache",
        "kinesisanalyticsv2",
        "opensearch",
        "pipes",
        "rds",
        "s3tables",
        "servicediscovery",
        "ses",
        "ses_v2",
        "stepfunctions",
        "waf",
    }
)
_loading = threading.RLock()
_loaded: list[str] = []


def install() -> None:
    """Load them later from now on; to be called before the emulator is imported."""
    sys.meta_path.insert(0, _Finder())


def is_waiting(module: ModuleType) -> bool:
    """Say whether a module has been imported and not loaded yet."""
    return type(module) is _Waiting


def loaded_count() -> int:
    """Return how many were loaded after all."""
    return len(_loaded)


class _Waiting(ModuleType):
    """A module that is loaded when somebody wants something of it."""

    def __getattr__(self, name: str) -> Any:
        spec = self.__spec__
        # What Python itself asks of any module, such as ``__path__``.
        if spec is None or name.startswith("__"):
            raise AttributeError(name)
        with _loading:
            # One that is being loaded asks itself for what it does not have yet.
            if type(self) is _Waiting and self.__name__ not in _loaded:
                _loaded.append(self.__name__)
                spec.loader_state.exec_module(self)
                object.__setattr__(self, "__class__", ModuleType)
            return ModuleType.__getattribute__(self, name)


class _Later(Loader):
    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return _Waiting(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Leave it to whoever wants something of it."""


class _Finder(MetaPathFinder):
    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002 - the protocol's
    ) -> ModuleSpec | None:
        if fullname.removeprefix(_SERVICES) not in _NAMES:
            return None
        spec = PathFinder.find_spec(fullname, path)
        # A package has modules of its own, which would have to find it loaded.
        if spec is not None and spec.submodule_search_locations is None:
            spec.loader_state, spec.loader = spec.loader, _Later()
        return spec
