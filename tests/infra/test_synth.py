"""The templates as files: the same bytes each time, small, and on their own."""

import json
from collections import Counter

import pytest

from hotsite.infra.app import plan
from hotsite.infra.synth import synthesise

SITES = ("site-eu-central-1", "site-eu-west-1")
REPLICATIONS = ("replication-eu-central-1", "replication-eu-west-1")
TELEMETRIES = ("telemetry-eu-central-1", "telemetry-eu-west-1")
COLDS = ("cold-eu-central-1", "cold-eu-west-1")
COPIES = ("copies-eu-central-1", "copies-eu-west-1")
FIRMWARES = ("firmware-eu-central-1", "firmware-eu-west-1")
PAIRS = (SITES, REPLICATIONS, TELEMETRIES, COLDS, COPIES, FIRMWARES)
# CloudFormation API, CreateStack: TemplateBody holds at most 51,200 bytes.
TEMPLATE_BYTES_MAX = 51_200


def text_of(value):
    """Return a template value with its intrinsic functions flattened."""
    if isinstance(value, dict):
        (function, argument), *_ = value.items()
        if function == "Fn::Join":
            return argument[0].join(text_of(part) for part in argument[1])
        if function == "Fn::GetAtt":
            return f"<{'.'.join(argument)}>"
        return f"<{argument}>"
    return str(value)


def test_synthesis_gives_the_same_bytes_twice(assembly, settings, tmp_path):
    again = synthesise(settings, tmp_path)
    assert [path.name for path in again] == [path.name for path in assembly.paths]
    for first, second in zip(assembly.paths, again, strict=True):
        assert first.read_bytes() == second.read_bytes()
    first_plan = assembly.paths[0].with_name("stacks.json")
    assert first_plan.read_bytes() == (tmp_path / "stacks.json").read_bytes()


def test_every_template_fits_into_one_call(assembly):
    for path in assembly.paths:
        assert path.stat().st_size < TEMPLATE_BYTES_MAX, path.name


def test_the_plan_names_every_template_in_an_order_that_deploys(assembly, settings):
    document = json.loads(assembly.paths[0].with_name("stacks.json").read_text())
    assert [stack["name"] for stack in document] == [s.name for s in plan(settings)]
    done = set()
    for stack, path in zip(document, assembly.paths, strict=True):
        assert stack["template"] == path.name
        template = json.loads(path.read_text())
        for parameter, source in stack["parameters"].items():
            assert parameter in template["Parameters"]
            assert source["stack"] in done, "needs a stack that deploys later"
        done.add(stack["name"])


@pytest.mark.parametrize("site", SITES)
def test_a_site_asks_only_for_what_an_owner_knows(assembly, site):
    parameters = assembly.template(site)["Parameters"]
    required = {name for name, value in parameters.items() if "Default" not in value}
    assert required == {"HostedZoneId", "AssetBucket"}
    assert parameters["HealthCheckPort"]["Default"] == 443
    assert parameters["MqttPort"]["Default"] == "8883"


@pytest.mark.parametrize("stack", REPLICATIONS)
def test_replication_asks_for_the_assets_alone(assembly, stack):
    parameters = assembly.template(stack)["Parameters"]
    required = {name for name, value in parameters.items() if "Default" not in value}
    assert required == {"AssetBucket", "RegistryStreamArn"}


@pytest.mark.parametrize("stack", TELEMETRIES)
def test_telemetry_asks_for_the_assets_alone(assembly, stack):
    parameters = assembly.template(stack)["Parameters"]
    required = {name for name, value in parameters.items() if "Default" not in value}
    assert required == {"AssetBucket", "TelemetryStreamArn"}


@pytest.mark.parametrize("stack", FIRMWARES)
def test_firmware_asks_for_the_assets_and_the_api_alone(assembly, stack):
    parameters = assembly.template(stack)["Parameters"]
    required = {name for name, value in parameters.items() if "Default" not in value}
    assert required == {"AssetBucket", "ApiId"}


@pytest.mark.parametrize("pair", PAIRS)
def test_the_sites_are_twins(assembly, pair):
    first, second = (assembly.template(stack)["Resources"] for stack in pair)
    kinds = [Counter(r["Type"] for r in found.values()) for found in (first, second)]
    # The primary's names go by the switch of the standby as well.
    primary_only = first.keys() - second.keys()
    expected = Counter(first[name]["Type"] for name in primary_only)
    assert kinds[0] - kinds[1] == expected
    assert not kinds[1] - kinds[0]
    assert expected.keys() <= {"AWS::Route53::HealthCheck"}


def test_no_template_mentions_another_stack_or_the_other_region(assembly):
    other = {
        stack: region
        for pair in PAIRS
        for stack, region in zip(pair, ("eu-west-1", "eu-central-1"), strict=True)
    }
    for path in assembly.paths:
        template = json.loads(path.read_text())
        text = path.read_text()
        assert "Fn::ImportValue" not in text
        for output in template.get("Outputs", {}).values():
            assert "Export" not in output
    for stack, region in other.items():
        assert region not in assembly.path(stack).read_text()


def test_no_template_needs_a_bootstrapped_account(assembly):
    for path in assembly.paths:
        text = path.read_text()
        assert "cdk-hnb659fds" not in text
        assert "BootstrapVersion" not in text


def test_no_stream_is_named_by_a_wildcard(assembly):
    for path in assembly.paths:
        assert "/stream/*" not in path.read_text()
