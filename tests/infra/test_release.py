"""Templates for everybody are ours, with domain and Regions as parameters."""

import json
import re

from hotsite.infra import release
from hotsite.infra.validation import judged

DOMAIN = "fleet.example.com"
REGIONS = {"a": "eu-central-1", "b": "eu-west-1"}


def plan(released):
    return json.loads(released[0].with_name("stacks.json").read_text())


def resolved(value, names):
    """Return a value with the functions over known parameters computed."""
    if isinstance(value, list):
        return [resolved(one, names) for one in value]
    if not isinstance(value, dict):
        return value
    if list(value) == ["Fn::Sub"] and isinstance(value["Fn::Sub"], str):
        text = value["Fn::Sub"]
        known = re.sub(
            r"\$\{(\w+|AWS::Region)\}", lambda m: names.get(m[1], m[0]), text
        )
        return known.replace("${!", "${") if known != text else value
    return {key: resolved(one, names) for key, one in value.items()}


def test_with_our_names_they_are_what_we_deploy(released, assembly):
    ours = {path.name: json.loads(path.read_text()) for path in assembly.paths}
    entries = plan(released)
    assert len(entries) == len(ours)
    for entry, path in zip(entries, released, strict=True):
        region = REGIONS[entry["site"]]
        noun = entry["name"].removesuffix(f"-{entry['site']}")
        stack = "hotsite-data" if noun == "data" else f"hotsite-{noun}-{region}"
        names = {
            "Domain": DOMAIN,
            "ActiveRegion": REGIONS["a"],
            "StandbyRegion": REGIONS["b"],
            "AWS::Region": region,
        }
        found = resolved(json.loads(path.read_text()), names)
        for name in ("Domain", "ActiveRegion", "StandbyRegion"):
            found.get("Parameters", {}).pop(name, None)
        if not found.get("Parameters"):
            found.pop("Parameters", None)
        wanted = ours[f"{stack}.template.json"]
        for parameter in wanted.get("Parameters", {}).values():
            if DOMAIN in str(parameter.get("Default")):
                del parameter["Default"]
        assert found == wanted, path.name


def test_what_parameters_replace_is_still_sound(released):
    for path in released:
        # Rules of our own read names, which are parameters here; they see the others.
        found = [one for one in judged(path) if re.fullmatch(r"[A-Z]\d+", one.rule)]
        assert found == [], path.name


def test_each_fits_into_one_call_and_names_nobodys_domain(released):
    for path in released:
        text = path.read_text()
        assert len(text) < 51_200, path.name
        for nobody in (release.DOMAIN, release.ACTIVE, release.STANDBY):
            assert nobody not in text, path.name


def test_the_plan_says_where_each_parameter_comes_from(released):
    entries = plan(released)
    done = {}
    for entry, path in zip(entries, released, strict=True):
        template = json.loads(path.read_text())
        for parameter, source in entry["parameters"].items():
            assert parameter in template["Parameters"]
            assert source["output"] in done[source["stack"]]["Outputs"]
        done[entry["name"]] = template
