"""AWS's own opinion of the stacks (cdk-nag), and each thing in it that we leave.

cdk-nag looks at constructs, not at templates: nothing is written into these, so that
an acknowledgement costs no byte of the 51,200 that a template may have.
"""

import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.infra.conftest import SETTINGS

from hotsite.infra import synth

ACKNOWLEDGED = Path(__file__).with_name("acknowledged.toml")


@dataclass(frozen=True, slots=True)
class Found:
    """One finding on one construct, without prefix and Region."""

    rule: str
    on: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why findings stay."""

    rule: str
    on: tuple[str, ...]
    reason: str
    finding: str = ""

    def covers(self, found):
        rule, _, finding = found.rule.partition("[")
        # A suffix where it closes the bracket; else anywhere in it.
        is_it = finding.endswith(self.finding) or (
            not self.finding.endswith("]") and self.finding in finding
        )
        return rule == self.rule and is_it and found.on in self.on


def judge(scope):
    """Return what the AwsSolutions checks say of everything below a construct."""
    from cdk_nag import AwsSolutionsChecks  # noqa: PLC0415 - Node must be settled

    return {
        Found(violation.rule_name, _shortened(resource.construct_path))
        for violation in AwsSolutionsChecks().validate_scope(scope).violations
        for resource in violation.violating_resources
    }


def _shortened(path):
    stack, _, rest = path.removeprefix(f"{SETTINGS.prefix}-").partition("/")
    for site in SETTINGS.sites:
        stack = stack.removesuffix(f"-{site.region}")
    return f"{stack}/{rest}"


def reasons():
    blocks = tomllib.loads(ACKNOWLEDGED.read_text())["acknowledged"]
    return [Reason(**{**block, "on": tuple(block["on"])}) for block in blocks]


def unsaid(found, said):
    """Return the findings that no reason covers."""
    return {one for one in found if not any(reason.covers(one) for reason in said)}


def unneeded(found, said):
    """Return the constructs of reasons that nothing was found on."""
    covered = {
        (index, one.on)
        for index, reason in enumerate(said)
        for one in found
        if reason.covers(one)
    }
    return {
        (reason.rule, reason.finding, on)
        for index, reason in enumerate(said)
        for on in reason.on
        if (index, on) not in covered
    }


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    synth.prepare_node()
    from hotsite.infra.app import build  # noqa: PLC0415 - as above

    return build(SETTINGS, str(tmp_path_factory.mktemp("nag")))


@pytest.fixture(scope="module")
def found(app):
    return judge(app)


def test_what_cdk_nag_finds_is_acknowledged_with_a_reason(found):
    said = reasons()
    assert unsaid(found, said) == set()
    assert all(len(reason.reason.split()) >= 8 for reason in said)


def test_no_acknowledgement_is_there_that_nothing_needs(found):
    assert unneeded(found, reasons()) == set()


def test_no_construct_is_named_twice_for_one_thing():
    said = Counter((one.rule, one.finding, on) for one in reasons() for on in one.on)
    assert max(said.values()) == 1


def test_a_finding_without_reason_and_a_reason_without_finding_are_told():
    found = {Found("AwsSolutions-S1", "site/A"), Found("AwsSolutions-IAM5[x:/*]", "b")}
    said = [Reason("AwsSolutions-S1", ("site/A", "site/Gone"), "because")]
    assert unsaid(found, said) == {Found("AwsSolutions-IAM5[x:/*]", "b")}
    assert unneeded(found, said) == {("AwsSolutions-S1", "", "site/Gone")}


def test_cdk_nag_is_awake(app):
    import aws_cdk as cdk  # noqa: PLC0415 - as above
    from aws_cdk import aws_s3 as s3  # noqa: PLC0415 - as above

    stack = cdk.Stack(cdk.App(), "hotsite-open")
    s3.CfnBucket(stack, "Open")
    assert Found("AwsSolutions-S1", "open/Open") in judge(stack)
