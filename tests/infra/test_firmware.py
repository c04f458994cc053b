"""What one Region's firmware stack must hold."""

import pytest
from tests.infra.test_functions import grants
from tests.infra.test_synth import FIRMWARES, text_of

from hotsite.core.buckets import firmware_bucket

pytestmark = pytest.mark.parametrize("stack", FIRMWARES)


def region_of(stack):
    return stack.removeprefix("firmware-")


def test_what_is_published_stays_and_only_what_was_written_over_goes(assembly, stack):
    (bucket,) = assembly.resources(stack, "S3::Bucket").values()
    assert bucket["DeletionPolicy"] == bucket["UpdateReplacePolicy"] == "Retain"
    found = bucket["Properties"]
    name = firmware_bucket("hotsite", "<AWS::AccountId>", region_of(stack))
    assert text_of(found["BucketName"]) == name
    assert found["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = found["LifecycleConfiguration"]["Rules"]
    assert "ExpirationInDays" not in rule
    assert len(firmware_bucket("p" * 20, "1" * 12, "ap-southeast-1")) <= 63


def test_nobody_reads_the_bucket_without_tls(assembly, stack):
    (policy,) = assembly.properties(stack, "S3::BucketPolicy")
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Effect"] == "Deny"
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_who_answers_reads_and_writes_nothing(assembly, stack):
    found = {action for action, _ in grants(assembly, region_of(stack), "firmware")}
    assert {action for action in found if action.startswith("s3:")} == {
        "s3:GetObject",
        "s3:ListBucket",
    }
    assert not any("Put" in action for action in found - {"logs:PutLogEvents"})


def test_route_belongs_to_the_api_of_the_same_site(assembly, stack):
    (route,) = assembly.properties(stack, "ApiGatewayV2::Route")
    assert route["ApiId"] == {"Ref": "ApiId"}
    assert route["RouteKey"] == "GET /v1/firmware/{proxy+}"


def test_a_fleet_that_updates_leaves_compute_to_the_rest(assembly, stack):
    (function,) = assembly.properties(stack, "Lambda::Function")
    assert function["ReservedConcurrentExecutions"] == 20
