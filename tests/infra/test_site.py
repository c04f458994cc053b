"""What one Region's stack must hold."""

import json
import re

import aws_cdk as cdk
import pytest
from tests.infra.test_synth import SITES, text_of

from hotsite.faces.lambdas.api import document
from hotsite.infra.site import SiteStack
from hotsite.settings import Settings

pytestmark = pytest.mark.parametrize("site", SITES)


def test_a_device_may_be_itself_and_speak_for_itself_only(assembly, site):
    (policy,) = assembly.properties(site, "IoT::Policy")
    base = "arn:<AWS::Partition>:iot:<AWS::Region>:<AWS::AccountId>:"
    thing = "${iot:Connection.Thing.ThingName}"
    statements = policy["PolicyDocument"]["Statement"]
    assert {s["Effect"] for s in statements} == {"Allow"}
    jobs = f"$aws/things/{thing}/jobs/*"
    assert [(s["Action"], text_of(s["Resource"])) for s in statements] == [
        ("iot:Connect", f"{base}client/{thing}"),
        ("iot:Publish", f"{base}topic/dt/{thing}/*"),
        ("iot:Subscribe", f"{base}topicfilter/cmd/{thing}/*"),
        ("iot:Receive", f"{base}topic/cmd/{thing}/*"),
        ("iot:Publish", f"{base}topic/{jobs}"),
        ("iot:Subscribe", f"{base}topicfilter/{jobs}"),
        ("iot:Receive", f"{base}topic/{jobs}"),
    ]
    conditions = {s["Action"]: s.get("Condition") for s in statements}
    attached = {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}
    assert conditions["iot:Connect"] == attached
    assert len(json.dumps(policy["PolicyDocument"])) < 2048


def test_both_mqtt_names_are_served_under_one_certificate(assembly, settings, site):
    domains = assembly.properties(site, "IoT::DomainConfiguration")
    letter = "a" if site == SITES[0] else "b"
    names = {domain["DomainName"] for domain in domains}
    assert names == {settings.iot_name, f"iot-{letter}.{settings.domain}"}
    for domain in domains:
        policy = domain["TlsConfig"]["SecurityPolicy"]
        assert policy == "IoTSecurityPolicy_TLS13_1_2_2022_10"
    for certificate in assembly.properties(site, "CertificateManager::Certificate"):
        assert len(certificate["SubjectAlternativeNames"]) + 1 <= 4
        assert certificate["KeyAlgorithm"] == "RSA_2048"


def test_a_certificate_is_made_unless_the_owner_brings_one(assembly, site):
    template = assembly.template(site)
    made = assembly.resources(site, "CertificateManager::Certificate")
    brought = {}
    for name, resource in made.items():
        is_made = template["Conditions"][resource["Condition"]]
        (given, nothing) = is_made["Fn::Equals"]
        assert nothing == template["Parameters"][given["Ref"]]["Default"] == ""
        brought[given["Ref"]] = {
            "Fn::If": [resource["Condition"], {"Ref": name}, given]
        }
    domains = assembly.properties(site, "IoT::DomainConfiguration")
    assert len(domains) == 2
    for domain in domains:
        assert domain["ServerCertificateArns"] == [brought["MqttCertificateArn"]]
    names = assembly.properties(site, "ApiGatewayV2::DomainName")
    assert len(names) == 2
    for name in names:
        (configuration,) = name["DomainNameConfigurations"]
        assert configuration["CertificateArn"] == brought["ApiCertificateArn"]


@pytest.mark.parametrize(
    ("arn", "is_one"),
    [
        ("", True),
        (f"arn:aws:acm:eu-central-1:123456789012:certificate/{'0f-' * 12}", True),
        ("arn:aws-cn:acm:cn-north-1:123456789012:certificate/0f", True),
        ("arn:aws:iam::123456789012:server-certificate/mine", False),
        ("iot.fleet.example.com", False),
    ],
)
def test_only_certificates_of_acm_are_taken(assembly, site, arn, is_one):
    parameters = assembly.template(site)["Parameters"]
    for name in ("MqttCertificateArn", "ApiCertificateArn"):
        pattern = parameters[name]["AllowedPattern"]
        assert (re.fullmatch(pattern, arn) is not None) == is_one


def test_only_failover_records_move_and_they_move_by_health(assembly, settings, site):
    records = {
        record["Name"]: record
        for record in assembly.properties(site, "Route53::RecordSet")
    }
    letter, role = ("a", "PRIMARY") if site == SITES[0] else ("b", "SECONDARY")
    own = {f"{noun}-{letter}.{settings.domain}." for noun in ("iot", "api")}
    shared = {f"{settings.iot_name}.", f"{settings.api_name}."}
    assert records.keys() == own | shared
    for name, record in records.items():
        assert record["Type"] == "CNAME"
        assert int(record["TTL"]) == settings.dns.ttl_s <= 60
        is_routed = {"Failover", "SetIdentifier", "HealthCheckId"} <= record.keys()
        assert is_routed == (name in shared)
        assert record.get("Failover") == (role if name in shared else None)


def probe(name, path, **more):
    return {
        "Type": "HTTPS",
        "FullyQualifiedDomainName": name,
        "Port": {"Ref": "HealthCheckPort"},
        "ResourcePath": path,
        "RequestInterval": 10,
        "FailureThreshold": 2,
        "EnableSNI": True,
        **more,
    }


def test_the_primary_goes_when_it_is_sick_or_the_standby_took_over(
    assembly, settings, site
):
    checks = {
        name: check["Properties"]["HealthCheckConfig"]
        for name, check in assembly.resources(site, "Route53::HealthCheck").items()
    }
    letter = "a" if site == SITES[0] else "b"
    wanted = {"Health": probe(f"api-{letter}.{settings.domain}", "/healthz")}
    if letter == "a":
        standby = f"api-b.{settings.domain}"
        wanted["Switch"] = probe(standby, "/switch", Inverted=True)
        children = [{"Fn::GetAtt": [n, "HealthCheckId"]} for n in ("Health", "Switch")]
        wanted["Primary"] = {
            "Type": "CALCULATED",
            "ChildHealthChecks": children,
            "HealthThreshold": 2,
        }
    assert checks == wanted
    followed = "Primary" if letter == "a" else "Health"
    for record in assembly.properties(site, "Route53::RecordSet"):
        if "HealthCheckId" in record:
            found = record["HealthCheckId"]
            assert found == {"Fn::GetAtt": [followed, "HealthCheckId"]}


def test_onboarding_needs_a_token_and_health_needs_none(assembly, site):
    routes = {
        route["RouteKey"]: route
        for route in assembly.properties(site, "ApiGatewayV2::Route")
    }
    published = {
        f"{method.upper()} {path}": operation
        for path, operations in document()["paths"].items()
        for method, operation in operations.items()
        if method != "parameters"
    }
    assert routes.keys() == {"GET /healthz", "GET /switch", *published}
    named = {
        "devices:write": {"Ref": "JwtScope"},
        "devices:read": {"Ref": "JwtReadScope"},
    }
    for key, route in routes.items():
        wanted = published.get(key, {"security": []})["security"]
        scopes = [named[scope] for one in wanted for scope in one["tokens"]]
        assert route["AuthorizationType"] == ("JWT" if scopes else "NONE")
        assert route.get("AuthorizationScopes", []) == scopes
    parameters = assembly.template(site)["Parameters"]
    for scope, reference in named.items():
        assert parameters[reference["Ref"]]["Default"] == scope
    (api,) = assembly.properties(site, "ApiGatewayV2::Api")
    assert api["DisableExecuteApiEndpoint"] is True


def test_sealed_keys_have_no_second_copy_and_one_reader(assembly, site):
    tables = assembly.resources(site, "DynamoDB::Table")
    (table,) = (
        one["Properties"]
        for one in tables.values()
        if one["Properties"]["TableName"] == "hotsite-escrow"
    )
    assert "StreamSpecification" not in table
    assert "PointInTimeRecoverySpecification" not in table
    ttl = {"AttributeName": "expires_at_s", "Enabled": True}
    assert table["TimeToLiveSpecification"] == ttl
    assert table["SSESpecification"]["SSEEnabled"] is True
    readers = [
        function["FunctionName"]
        for function in assembly.properties(site, "Lambda::Function")
        if "TABLE_ESCROW" in function["Environment"]["Variables"]
    ]
    assert readers == ["hotsite-onboarding"]


def test_site_that_makes_no_keys_has_no_place_for_them(site):
    assert Settings("fleet.example.com").onboarding.custody == "device"
    app = cdk.App()
    settings = Settings("fleet.example.com")
    (chosen,) = (one for one in settings.sites if site.endswith(one.region))
    stack = SiteStack(app, "plain", settings, chosen)
    template = app.synth().get_stack_by_name(stack.stack_name).template
    kinds = {one["Type"] for one in template["Resources"].values()}
    assert "AWS::KMS::Key" not in kinds
    assert "escrow" not in json.dumps(template).lower()


def test_pages_of_the_owner_may_call_the_api_and_each_route_has_its_limit(
    assembly, settings, site
):
    (api,) = assembly.properties(site, "ApiGatewayV2::Api")
    cors = api["CorsConfiguration"]
    assert cors["AllowOrigins"] == {"Ref": "AppOrigins"}
    assert set(cors["AllowMethods"]) == {"GET", "POST", "DELETE"}
    parameter = assembly.template(site)["Parameters"]["AppOrigins"]
    assert parameter["Default"] == f"https://app.{settings.domain}"
    (name,) = assembly.resources(site, "ApiGatewayV2::Stage")
    stage = assembly.template(site)["Resources"][name]
    routes = assembly.resources(site, "ApiGatewayV2::Route")
    keys = {routes[other]["Properties"]["RouteKey"] for other in stage["DependsOn"]}
    limited = stage["Properties"]["RouteSettings"]
    assert limited.keys() < keys
    assert limited["POST /v1/devices"]["ThrottlingRateLimit"] == 20


def test_the_canary_runs_each_minute_after_the_setup(assembly, site):
    rules = assembly.properties(site, "Events::Rule")
    (rule,) = (o for o in rules if o["ScheduleExpression"] == "rate(1 minute)")
    (target,) = rule["Targets"]
    name = target["Arn"]["Fn::GetAtt"][0]
    resources = assembly.template(site)["Resources"]
    assert resources[name]["Properties"]["FunctionName"] == "hotsite-canary"
    needed = {resources[other]["Type"] for other in resources[name]["DependsOn"]}
    assert needed == {"Custom::HotsiteSetup"}


def test_readiness_is_asked_each_half_hour_and_knows_the_fleet(assembly, site):
    rules = assembly.properties(site, "Events::Rule")
    (rule,) = (o for o in rules if o["ScheduleExpression"] == "rate(30 minutes)")
    (target,) = rule["Targets"]
    name = target["Arn"]["Fn::GetAtt"][0]
    function = assembly.template(site)["Resources"][name]["Properties"]
    assert function["FunctionName"] == "hotsite-readiness"
    variables = function["Environment"]["Variables"]
    assert (variables["FLEET_SIZE"], variables["RTO_S"]) == ("", "60")
    assert function["Timeout"] < 30 * 60
