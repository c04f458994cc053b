"""What one Region's stack must hold."""

import importlib.util

import pytest
from tests.infra.test_synth import SITES, text_of

from hotsite.faces.lambdas import environment
from hotsite.infra import packaging

# Service Authorization Reference, "AWS IoT", "Amazon DynamoDB": these know no
# resources; AttachPolicy and DetachPolicy are explained where they are allowed.
NO_RESOURCES = {
    "dynamodb:ListStreams",
    "iot:AttachPolicy",
    "iot:AttachThingPrincipal",
    "iot:CreateCertificateFromCsr",
    "iot:CreateKeysAndCertificate",
    "iot:DescribeEndpoint",
    "iot:DescribeEventConfigurations",
    "iot:DetachPolicy",
    "iot:DetachThingPrincipal",
    "iot:ListAttachedPolicies",
    "iot:ListThingPrincipals",
    "iot:RegisterCertificateWithoutCA",
    "iot:UpdateEventConfigurations",
}
pytestmark = pytest.mark.parametrize("site", SITES)


def as_list(value):
    return value if isinstance(value, list) else [value]


def functions(assembly, site):
    found = assembly.properties(site, "Lambda::Function")
    return {properties["FunctionName"]: properties for properties in found}


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


def test_telemetry_is_stored_and_its_errors_go_elsewhere(assembly, settings, site):
    (rule,) = assembly.properties(site, "IoT::TopicRule")
    assert rule["RuleName"] == "hotsite_telemetry"
    payload = rule["TopicRulePayload"]
    assert payload["Sql"] == (
        "SELECT sk, epoch, seq, published_at_s, data, topic(2) AS pk"
        " FROM 'dt/+/telemetry'"
    )
    (action,) = payload["Actions"]
    put = action["DynamoDBv2"]["PutItem"]
    assert put["TableName"] == settings.table("telemetry")
    assert payload["ErrorAction"].keys() == {"Sqs"}


def test_the_stream_is_read_from_its_start_and_never_gets_stuck(assembly, site):
    (source,) = assembly.properties(site, "Lambda::EventSourceMapping")
    arn = source["EventSourceArn"]["Fn::GetAtt"]
    setup = assembly.template(site)["Resources"][arn[0]]
    assert (setup["Type"], arn[1]) == ("Custom::HotsiteSetup", "RegistryStreamArn")
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BisectBatchOnFunctionError"] is True
    assert source["MaximumRetryAttempts"] == 10
    assert source["MaximumRecordAgeInSeconds"] == 23 * 3600
    assert source["MaximumBatchingWindowInSeconds"] == 0
    failed = source["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"]
    bucket = assembly.template(site)["Resources"][failed[0]]
    assert bucket["Type"] == "AWS::S3::Bucket"
    assert bucket["DeletionPolicy"] == "Retain"


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


def test_the_health_check_asks_this_site_and_no_other(assembly, settings, site):
    (check,) = assembly.properties(site, "Route53::HealthCheck")
    letter = "a" if site == SITES[0] else "b"
    assert check["HealthCheckConfig"] == {
        "Type": "HTTPS",
        "FullyQualifiedDomainName": f"api-{letter}.{settings.domain}",
        "Port": {"Ref": "HealthCheckPort"},
        "ResourcePath": "/healthz",
        "RequestInterval": 10,
        "FailureThreshold": 2,
        "EnableSNI": True,
    }


def test_onboarding_needs_a_token_and_health_needs_none(assembly, site):
    routes = {
        route["RouteKey"]: route
        for route in assembly.properties(site, "ApiGatewayV2::Route")
    }
    assert routes.keys() == {"POST /v1/devices", "GET /healthz"}
    assert routes["GET /healthz"]["AuthorizationType"] == "NONE"
    onboarding = routes["POST /v1/devices"]
    assert onboarding["AuthorizationType"] == "JWT"
    assert onboarding["AuthorizationScopes"] == [{"Ref": "JwtScope"}]
    (api,) = assembly.properties(site, "ApiGatewayV2::Api")
    assert api["DisableExecuteApiEndpoint"] is True


def test_every_function_has_a_handler_a_zip_and_all_its_settings(assembly, site):
    found = functions(assembly, site)
    assert found.keys() == {f"hotsite-{noun}" for noun in packaging.FUNCTIONS}
    for name, function in found.items():
        noun = name.removeprefix("hotsite-")
        module, _, attribute = function["Handler"].rpartition(".")
        assert attribute == "handler"
        assert importlib.util.find_spec(module) is not None
        key = text_of(function["Code"]["S3Key"])
        assert key == f"<AssetKeyPrefix>{packaging.asset_name(noun)}"
        variables = function["Environment"]["Variables"]
        plain = {k: v if isinstance(v, str) else "1" for k, v in variables.items()}
        read = environment.read(plain)
        assert read.region == site.removeprefix("site-")
        assert read.canary_secret == "hotsite/canary"


def test_roles_allow_named_actions_on_named_resources(assembly, site):
    roles = assembly.properties(site, "IAM::Role")
    assert len(roles) == len(packaging.FUNCTIONS) + 1, "one each, and the rule's"
    for role in roles:
        assert "ManagedPolicyArns" not in role
        for policy in role["Policies"]:
            for statement in policy["PolicyDocument"]["Statement"]:
                actions = set(as_list(statement["Action"]))
                assert not any("*" in action for action in actions)
                if "*" in as_list(statement["Resource"]):
                    assert actions <= NO_RESOURCES


def test_the_canary_runs_each_minute_after_the_setup(assembly, site):
    (rule,) = assembly.properties(site, "Events::Rule")
    assert rule["ScheduleExpression"] == "rate(1 minute)"
    (target,) = rule["Targets"]
    name = target["Arn"]["Fn::GetAtt"][0]
    resources = assembly.template(site)["Resources"]
    assert resources[name]["Properties"]["FunctionName"] == "hotsite-canary"
    needed = {resources[other]["Type"] for other in resources[name]["DependsOn"]}
    assert needed == {"Custom::HotsiteSetup"}
