"""Two active sites: both answer the failover names, and one name says who is active."""

from dataclasses import replace

import pytest
from tests.infra.conftest import SETTINGS

from hotsite.core.strategy import Strategy
from hotsite.settings import DnsSettings, Sharing, SiteSettings

A, B = (
    SiteSettings("a", "eu-central-1", weight=30),
    SiteSettings("b", "eu-west-1", weight=70),
)
NAMES = {f"{noun}.{SETTINGS.domain}." for noun in ("iot", "api")}
WITNESS = f"active.{SETTINGS.domain}."


@pytest.fixture(scope="module")
def records_of(assembly):
    """Return what makes a site's records; `assembly` has told jsii its Node by then."""
    assert assembly.paths
    import aws_cdk as cdk  # noqa: PLC0415
    from aws_cdk.assertions import Template  # noqa: PLC0415

    from hotsite.infra.constructs.names import Names, Targets  # noqa: PLC0415
    from hotsite.infra.inputs import declare  # noqa: PLC0415

    def make(site, sharing):
        settings = replace(
            SETTINGS,
            strategy=Strategy.ACTIVE_ACTIVE,
            sites=(A, B),
            dns=DnsSettings(sharing=sharing),
        )
        stack = cdk.Stack(cdk.App(), "Site")
        targets = Targets("iot-end", "api-end", "own-api-end")
        Names(stack, declare(stack, settings, site), targets)
        found = Template.from_stack(stack).find_resources("AWS::Route53::RecordSet")
        return {one["Properties"]["Name"]: one["Properties"] for one in found.values()}

    return make


@pytest.mark.parametrize("site", [A, B])
def test_both_sites_answer_by_their_weight_while_they_are_healthy(records_of, site):
    records = records_of(site, Sharing.WEIGHTED)
    check = "Primary" if site == A else "Health"
    for name in NAMES:
        assert records[name]["Weight"] == site.weight
        assert records[name]["SetIdentifier"] == site.region
        assert records[name]["HealthCheckId"] == {
            "Fn::GetAtt": [check, "HealthCheckId"]
        }
        assert not {"Failover", "Region"} & records[name].keys()


@pytest.mark.parametrize("site", [A, B])
def test_or_each_device_goes_to_the_nearest(records_of, site):
    records = records_of(site, Sharing.LATENCY)
    for name in NAMES:
        assert records[name]["Region"] == site.region
        assert "HealthCheckId" in records[name]
        assert not {"Failover", "Weight"} & records[name].keys()


@pytest.mark.parametrize("site", [A, B])
def test_the_witness_is_a_failover_record_with_the_same_check(records_of, site):
    records = records_of(site, Sharing.WEIGHTED)
    witness = records[WITNESS]
    assert witness["Failover"] == ("PRIMARY" if site == A else "SECONDARY")
    shared = f"iot.{SETTINGS.domain}."
    assert witness["HealthCheckId"] == records[shared]["HealthCheckId"]
    assert witness["ResourceRecords"] == records[shared]["ResourceRecords"]
