"""A pilot light is a parameter of the standby's templates, and of nobody else's."""

import json

import aws_cdk as cdk
import pytest

from hotsite.core.strategy import Strategy
from hotsite.infra.site import SiteStack
from hotsite.settings import Settings

ACTIVE, STANDBY = "eu-central-1", "eu-west-1"
# What differs between on and off, by stack, type of resource and property.
CHOSEN = {
    ("site", "Events::Rule", "State", "ENABLED", "DISABLED"),
    ("telemetry", "Lambda::EventSourceMapping", "Enabled", True, False),
    (
        "replication",
        "CloudWatch::Alarm",
        "TreatMissingData",
        "breaching",
        "notBreaching",
    ),
}


def choices(template):
    """Yield type, property and both values of whatever the parameter decides."""
    for resource in template["Resources"].values():
        for name, value in resource.get("Properties", {}).items():
            if '"IsOn"' in json.dumps(value):
                (function,) = value
                assert function == "Fn::If"
                _, on, off = value[function]
                yield resource["Type"].removeprefix("AWS::"), name, on, off


def stack_of(noun, region):
    return f"{noun}-{region}"


def test_the_standby_alone_may_wait(assembly):
    found = set()
    for path in assembly.paths:
        template = json.loads(path.read_text())
        noun, _, region = path.name.removeprefix("hotsite-").partition("-")
        there = {(noun, *choice) for choice in choices(template)}
        assert bool(there) == ("Compute" in template.get("Parameters", {})), path.name
        if there:
            assert region.startswith(STANDBY)
            is_on = {"Fn::Equals": [{"Ref": "Compute"}, "on"]}
            assert template["Conditions"]["IsOn"] == is_on
            parameter = template["Parameters"]["Compute"]
            assert parameter["AllowedValues"] == ["on", "off"]
            assert parameter["Default"] == "on"
        found |= there
    assert found == CHOSEN


def test_what_is_on_is_what_the_active_site_has(assembly):
    """Resolved to on, both sites' clocks, meters and alarms are alike."""
    for noun, kind, name, on, _off in CHOSEN:
        standby, active = (
            [
                one[name]
                for one in assembly.properties(stack_of(noun, region), kind)
                if name in one
            ]
            for region in (STANDBY, ACTIVE)
        )
        resolved = [
            each["Fn::If"][1] if isinstance(each, dict) else each for each in standby
        ]
        assert sorted(map(str, resolved)) == sorted(map(str, active))
        assert on in resolved


def test_every_template_for_everybody_that_may_wait_is_the_standbys(released):
    waiting = {
        path.name.partition(".")[0]
        for path in released
        if "Compute" in json.loads(path.read_text()).get("Parameters", {})
    }
    assert waiting == {"site-b", "replication-b", "telemetry-b"}


@pytest.mark.parametrize(
    ("strategy", "default"),
    [
        (Strategy.HOT_SITE, "on"),
        (Strategy.PILOT_LIGHT, "off"),
        (Strategy.ACTIVE_ACTIVE, None),
    ],
)
def test_the_settings_strategy_is_the_default(strategy, default):
    settings = Settings("fleet.example.com", strategy=strategy)
    app = cdk.App()
    for site in settings.sites:
        SiteStack(app, site.letter, settings, site)
    made = app.synth()
    active, standby = (
        made.get_stack_by_name(site.letter).template for site in settings.sites
    )
    assert "Compute" not in active["Parameters"]
    assert standby["Parameters"].get("Compute", {}).get("Default") == default
