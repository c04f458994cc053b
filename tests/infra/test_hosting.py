"""The companion app on S3 and CloudFront: private, by HTTPS, with its own headers."""

import json

import pytest
from tests.infra.conftest import SETTINGS
from tests.infra.test_nag import Found, judge
from tests.infra.test_synth import text_of

from hotsite.core.companion import AppConfig
from hotsite.infra import synth
from hotsite.infra.validation import inspect

CONFIG = AppConfig(
    api=f"https://{SETTINGS.api_name}",
    authorization_endpoint="https://auth.example.com/oauth2/authorize",
    token_endpoint="https://auth.example.com/oauth2/token",
    client_id="app",
    scope="devices:write",
)
# What cdk-nag finds and we leave, each with its reason.
LEFT = {
    # The app is for wherever its people are.
    "AwsSolutions-CFR1",
    # Static files without a database behind them; a firewall is the owner's to add.
    "AwsSolutions-CFR2",
    # Who fetched the app is nobody's business; CloudTrail has who changed it.
    "AwsSolutions-CFR3",
    "AwsSolutions-S1",
}


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    synth.prepare_node()
    from hotsite.infra import hosting  # noqa: PLC0415 - Node must be settled

    folder = tmp_path_factory.mktemp("hosting")
    app = hosting.build(SETTINGS, CONFIG.headers, str(folder / "cdk"))
    path = hosting.synthesise(SETTINGS, CONFIG.headers, folder / "template.json")
    return app, path


@pytest.fixture(scope="module")
def resources(built):
    found = json.loads(built[1].read_text())["Resources"].values()
    return {one["Type"].removeprefix("AWS::"): one["Properties"] for one in found}


def test_linters_and_our_own_rules_find_nothing(built):
    assert inspect([built[1]], regions=["us-east-1"]) == ()


def test_cdk_nag_finds_what_we_leave_and_nothing_else(built):
    found = {one.rule for one in judge(built[0]) if isinstance(one, Found)}
    assert found == LEFT


def test_one_distribution_reads_the_bucket_and_nobody_else(resources):
    bucket = resources["S3::Bucket"]["PublicAccessBlockConfiguration"]
    assert set(bucket.values()) == {True}
    read, refusal = resources["S3::BucketPolicy"]["PolicyDocument"]["Statement"]
    assert read["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert read["Action"] == "s3:GetObject"
    source = text_of(read["Condition"]["StringEquals"]["AWS:SourceArn"])
    assert ":distribution/<HostingDistribution" in source
    assert refusal["Effect"] == "Deny"
    access = resources["CloudFront::OriginAccessControl"]["OriginAccessControlConfig"]
    assert access["SigningBehavior"] == "always"
    assert access["SigningProtocol"] == "sigv4"


def test_the_app_is_under_the_owners_name_by_https_only(resources):
    config = resources["CloudFront::Distribution"]["DistributionConfig"]
    assert config["Aliases"] == ["app.fleet.example.com"]
    assert config["ViewerCertificate"]["MinimumProtocolVersion"] == "TLSv1.2_2021"
    behaviour = config["DefaultCacheBehavior"]
    assert behaviour["ViewerProtocolPolicy"] == "redirect-to-https"
    assert behaviour["AllowedMethods"] == ["GET", "HEAD"]
    certificate = resources["CertificateManager::Certificate"]
    assert certificate["DomainName"] == "app.fleet.example.com"
    assert resources["Route53::RecordSet"]["Name"] == "app.fleet.example.com."


def test_every_answer_has_the_headers_that_the_app_needs(resources):
    policy = resources["CloudFront::ResponseHeadersPolicy"]
    config = policy["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    told = {
        one["Header"]: one["Value"] for one in config["CustomHeadersConfig"]["Items"]
    }
    assert told.pop("Cache-Control") == "no-cache"
    csp = security["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    told["Content-Security-Policy"] = csp
    told["Referrer-Policy"] = security["ReferrerPolicy"]["ReferrerPolicy"]
    if security["ContentTypeOptions"]["Override"]:
        told["X-Content-Type-Options"] = "nosniff"
    assert told == dict(CONFIG.headers)
    assert "https://api.fleet.example.com" in csp
    assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31_536_000


def test_it_is_in_no_plan_of_sites_and_comes_out_the_same_twice(
    built, assembly, tmp_path
):
    from hotsite.infra import hosting  # noqa: PLC0415 - as above

    assert not [path for path in assembly.paths if "CloudFront" in path.read_text()]
    again = hosting.synthesise(SETTINGS, CONFIG.headers, tmp_path / "again.json")
    assert again.read_bytes() == built[1].read_bytes()
