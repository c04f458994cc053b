"""Templates for everybody: the same ones, with domain and Regions as parameters.

They are synthesised for names that nobody has, and wherever one of these stands in the
result, the parameter takes its place. So nothing else can differ from what ``hotsite
deploy`` makes, and a test holds both against each other.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hotsite.errors import InvalidInputError
from hotsite.infra import synth
from hotsite.settings import OnboardingSettings, Settings, SiteSettings

# RFC 6761: .invalid is nobody's. The Regions have the form of Regions.
DOMAIN, ACTIVE, STANDBY = "domain.hotsite.invalid", "xx-active-1", "xx-standby-2"
# CloudFormation API, CreateStack: TemplateBody.
BODY_BYTES_MAX = 51_200
_ONBOARDING = OnboardingSettings()
_REGION = r"[a-z]{2}(-[a-z]+)+-\d"
_PARAMETERS: Mapping[str, Mapping[str, str]] = {
    "Domain": {
        "Type": "String",
        "Description": "The owner's domain, such as fleet.example.com",
        "AllowedPattern": r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}",
    },
    "ActiveRegion": {
        "Type": "String",
        "Description": "Region of the active site",
        "AllowedPattern": _REGION,
    },
    "StandbyRegion": {
        "Type": "String",
        "Description": "Region of the standby",
        "AllowedPattern": _REGION,
    },
}
_LETTERS = {ACTIVE: "a", STANDBY: "b"}


@dataclass(frozen=True, slots=True)
class Names:
    """What stands for what in one template."""

    texts: Mapping[str, str]

    @property
    def pattern(self) -> re.Pattern[str]:
        """Return what finds any of the names."""
        return re.compile("|".join(map(re.escape, self.texts)))


def write(
    out_dir: Path, onboarding: OnboardingSettings = _ONBOARDING
) -> tuple[Path, ...]:
    """Write the templates, and ``stacks.json`` with what each one needs.

    Args:
        out_dir: Directory for both; made if missing.
        onboarding: How devices are onboarded; the keys stay on them by default.

    Returns:
        The templates, in the order in which they deploy.

    Raises:
        InvalidInputError: A template does not fit into one call.
        NotReadyError: There is no Node, which the CDK needs.
    """
    sites = (SiteSettings("a", ACTIVE), SiteSettings("b", STANDBY))
    out_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as directory:
        settings = Settings(DOMAIN, sites=sites, onboarding=onboarding)
        synth.synthesise(settings, Path(directory))
        entries = json.loads((Path(directory) / synth.PLAN_FILE).read_text())
        written = []
        for entry in entries:
            template = json.loads((Path(directory) / entry["template"]).read_text())
            body = json.dumps(
                parameterised(template, entry["region"]), separators=(",", ":")
            )
            name = file_name(entry["name"], entry["region"])
            if len(body) >= BODY_BYTES_MAX:
                raise InvalidInputError(
                    f"{name} has {len(body)} bytes: split its stack"
                )
            (out_dir / name).write_text(body)
            written.append(out_dir / name)
    plan = [_planned(entry) for entry in entries]
    (out_dir / synth.PLAN_FILE).write_text(json.dumps(plan, indent=1) + "\n")
    return tuple(written)


def file_name(stack: str, region: str) -> str:
    """Return the file name of a stack's template: its noun and its site's letter."""
    noun = stack.removesuffix(f"-{region}").partition("-")[2]
    letter = f"-{_LETTERS[region]}" if stack.endswith(region) else ""
    return f"{noun}{letter}.template.json"


def parameterised(template: Mapping[str, Any], region: str) -> dict[str, Any]:
    """Return a template in which parameters stand for domain and Regions.

    Args:
        template: As it was synthesised for names that nobody has.
        region: Of the stack; in it, it is the Region that it is deployed in.
    """
    names = Names(
        {
            DOMAIN: "${Domain}",
            ACTIVE: "${AWS::Region}" if region == ACTIVE else "${ActiveRegion}",
            STANDBY: "${AWS::Region}" if region == STANDBY else "${StandbyRegion}",
        }
    )
    found: dict[str, Any] = _swept(template, names)
    for parameter in found.get("Parameters", {}).values():
        # A default is a plain string (user guide, "Parameters syntax"): what begins
        # with the owner's domain has to be said.
        if isinstance(parameter.get("Default"), dict):
            del parameter["Default"]
    text = json.dumps(found)
    used = {k: dict(v) for k, v in _PARAMETERS.items() if f"${{{k}}}" in text}
    if used:
        found["Parameters"] = {**used, **found.get("Parameters", {})}
    return found


def _swept(value: Any, names: Names) -> Any:
    if isinstance(value, str):
        if not names.pattern.search(value):
            return value
        return {"Fn::Sub": _named(value.replace("${", "${!"), names)}
    if isinstance(value, list):
        return [_swept(one, names) for one in value]
    if not isinstance(value, dict):
        return value
    if list(value) == ["Fn::Sub"] and isinstance(value["Fn::Sub"], str):
        return {"Fn::Sub": _named(value["Fn::Sub"], names)}
    for key in value:
        if names.pattern.search(key):
            raise InvalidInputError(f"key {key!r} of a template cannot be a parameter")
    return {key: _swept(one, names) for key, one in value.items()}


def _named(text: str, names: Names) -> str:
    return names.pattern.sub(lambda match: names.texts[match[0]], text)


def _planned(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a line of the plan; stacks are named by noun and letter."""
    letter = _LETTERS[entry["region"]]
    return {
        "name": file_name(entry["name"], entry["region"]).partition(".")[0],
        "site": letter,
        "template": file_name(entry["name"], entry["region"]),
        "parameters": {
            parameter: {
                "stack": _source(source["stack"]),
                "output": source["output"],
            }
            for parameter, source in entry["parameters"].items()
        },
    }


def _source(stack: str) -> str:
    region = next((one for one in _LETTERS if stack.endswith(one)), ACTIVE)
    return file_name(stack, region).partition(".")[0]
