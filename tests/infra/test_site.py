"""What one Region's stack must hold."""

import pytest
from tests.infra.test_synth import SITES, text_of

pytestmark = pytest.mark.parametrize("site", SITES)


def test_a_device_may_be_itself_and_speak_for_itself_only(assembly, site):
    (policy,) = assembly.properties(site, "IoT::Policy")
    base = "arn:<AWS::Partition>:iot:<AWS::Region>:<AWS::AccountId>:"
    thing = "${iot:Connection.Thing.ThingName}"
    statements = policy["PolicyDocument"]["Statement"]
    assert {s["Effect"] for s in statements} == {"Allow"}
    assert {s["Action"]: text_of(s["Resource"]) for s in statements} == {
        "iot:Connect": f"{base}client/{thing}",
        "iot:Publish": f"{base}topic/dt/{thing}/*",
        "iot:Subscribe": f"{base}topicfilter/cmd/{thing}/*",
        "iot:Receive": f"{base}topic/cmd/{thing}/*",
    }
    conditions = {s["Action"]: s.get("Condition") for s in statements}
    attached = {"Bool": {"iot:Connection.Thing.IsAttached": "true"}}
    assert conditions["iot:Connect"] == attached
    assert len(statements) == 4


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
    opened = {"GET /healthz", "GET /switch"}
    assert routes.keys() == {"POST /v1/devices", *opened}
    assert {routes[key]["AuthorizationType"] for key in opened} == {"NONE"}
    onboarding = routes["POST /v1/devices"]
    assert onboarding["AuthorizationType"] == "JWT"
    assert onboarding["AuthorizationScopes"] == [{"Ref": "JwtScope"}]
    (api,) = assembly.properties(site, "ApiGatewayV2::Api")
    assert api["DisableExecuteApiEndpoint"] is True


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
