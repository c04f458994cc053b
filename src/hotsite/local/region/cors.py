"""Which pages may call a deployed HTTP API: templates are read as AWS reads them."""

from collections.abc import Mapping
from typing import Any

from hotsite.local.region.patch import Function, Patch


def patches() -> tuple[Patch, ...]:
    """Return the corrections."""
    why = (
        "Keeps a template's CorsConfiguration as it is spelt there, AllowOrigins, and"
        " looks for allowOrigins: no page may call an API that a stack made."
    )
    names = ("_cors_response_headers", "_cors_preflight_response")
    return tuple(Patch(f"services.apigateway:{name}", why, _spelt) for name in names)


def _spelt(original: Function) -> Function:
    def answer(configuration: Mapping[str, Any] | None, origin: str) -> Any:
        return original(camel_case(configuration or {}), origin)

    return answer


def camel_case(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration with the names that the API gives its members."""
    return {name[:1].lower() + name[1:]: value for name, value in configuration.items()}
