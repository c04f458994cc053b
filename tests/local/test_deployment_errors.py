"""A deployment that fails says so in one line, however long what it was given."""

import json

import pytest
from tests.local.region_world import ACCOUNT, DOMAIN, Authority, config_of, running

from hotsite.errors import NotReadyError
from hotsite.local.deployment import deploy
from hotsite.local.plan import Place, Plan

pytestmark = [pytest.mark.local, pytest.mark.timeout(60)]
REGION = "eu-central-1"


@pytest.fixture
def region(tmp_path):
    directory = tmp_path / "region"
    directory.mkdir()
    authority = Authority(directory)
    config = config_of(authority, directory, REGION, "127.0.13.7", "a")
    with running(config) as process:
        yield process


def queue(**properties):
    return {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", **properties}}}


def parameter(length):
    given = {"Type": "Number", "Default": "x" * length}
    return {"Parameters": {"Delay": given}, **queue()}


@pytest.mark.parametrize(
    ("name", "template", "reason"),
    [
        # Longer than a request may carry: CloudFormation API, CreateStack.
        ("long", queue(Description="d" * 60_000), "less than or equal to 51200"),
        ("number", parameter(900), "Delay"),
    ],
)
def test_stack_that_is_refused_is_named_with_region_and_reason_in_one_line(
    region, tmp_path, name, template, reason
):
    (tmp_path / "one.json").write_text(json.dumps(template))
    stack = {"name": f"stack-{name}", "region": REGION, "template": "one.json"}
    (tmp_path / "stacks.json").write_text(json.dumps([{**stack, "parameters": {}}]))
    place = Place("a", REGION, region.config.gateway_url)
    plan = Plan((place,), str(tmp_path), str(tmp_path), DOMAIN, ACCOUNT, ())
    with pytest.raises(NotReadyError) as caught:
        deploy(plan)
    text = str(caught.value)
    assert text.startswith(f"stack stack-{name} in {REGION}: ")
    assert reason in text
    assert len(text) <= 300
    assert "\n" not in text
