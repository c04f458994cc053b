"""The linters are clean, and our own rules catch what linters do not know."""

import json

import pytest

from hotsite.infra.validation import inspect, judged, linted

REGIONS = ("eu-central-1", "eu-west-1")
SITE = "site-eu-central-1"
STANDBY = "site-eu-west-1"
REPLICATION = "replication-eu-central-1"
COLD = "cold-eu-central-1"
TELEMETRY = "telemetry-eu-central-1"
FIRMWARE = "firmware-eu-central-1"


def one(template, kind):
    found = (r for r in template["Resources"].values() if r["Type"] == f"AWS::{kind}")
    return next(found)["Properties"]


def named(template, kind, key, start):
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == f"AWS::{kind}" and str(properties.get(key)).startswith(
            start
        ):
            return properties
    raise AssertionError(f"no {kind} starts with {start}")


def stream(template):
    return named(template, "Lambda::EventSourceMapping", "StartingPosition", "TRIM")


def wildcard_stream(template):
    stream(template)["EventSourceArn"] = {
        "Fn::Join": [
            "",
            [
                "arn:aws:dynamodb:eu-central-1:",
                {"Ref": "AWS::AccountId"},
                ":table/hotsite-registry",
                "/stream/*",
            ],
        ]
    }


def latest_position(template):
    stream(template)["StartingPosition"] = "LATEST"


def endless_retries(template):
    del stream(template)["MaximumRetryAttempts"]


def no_failure_bucket(template):
    del stream(template)["DestinationConfig"]


def slow_record(template):
    named(template, "Route53::RecordSet", "Name", "iot-")["TTL"] = "300"


def record_without_identifier(template):
    del named(template, "Route53::RecordSet", "Name", "iot.")["SetIdentifier"]


def record_without_health(template):
    del named(template, "Route53::RecordSet", "Name", "api.")["HealthCheckId"]


def check_of_the_failover_name(template):
    config = one(template, "Route53::HealthCheck")["HealthCheckConfig"]
    config["FullyQualifiedDomainName"] = "api.fleet.example.com"


def odd_check_interval(template):
    config = one(template, "Route53::HealthCheck")["HealthCheckConfig"]
    config["RequestInterval"] = 15


def check(template, name):
    return template["Resources"][name]["Properties"]["HealthCheckConfig"]


def switch_that_moves_all_when_it_is_silent(template):
    del check(template, "Switch")["Inverted"]


def health_that_is_inverted(template):
    check(template, "Health")["Inverted"] = True


def disabled_check(template):
    check(template, "Switch")["Disabled"] = True


def primary_without_the_switch(template):
    check(template, "Primary")["HealthThreshold"] = 1


def wrong_tls_policy(template):
    tls = one(template, "IoT::DomainConfiguration")["TlsConfig"]
    tls["SecurityPolicy"] = "IoTSecurityPolicy_TLS12_1_0_2016_01"


def certificate_that_iot_refuses(template):
    one(template, "CertificateManager::Certificate")["KeyAlgorithm"] = "EC_secp384r1"


def certificate_beside_the_owners(template):
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::CertificateManager::Certificate":
            resource.pop("Condition")


def domain_that_passes_over_the_owners_certificate(template):
    domain = one(template, "IoT::DomainConfiguration")
    (choice,) = domain["ServerCertificateArns"]
    domain["ServerCertificateArns"] = [choice["Fn::If"][1]]


def errors_into_the_same_service(template):
    payload = one(template, "IoT::TopicRule")["TopicRulePayload"]
    payload["ErrorAction"] = payload["Actions"][0]


def errors_of_capture_into_the_same_service(template):
    payload = one(template, "IoT::TopicRule")["TopicRulePayload"]
    payload["ErrorAction"] = payload["Actions"][0]


def errors_of_the_archive_into_its_service(template):
    payload = one(template, "IoT::TopicRule")["TopicRulePayload"]
    payload["ErrorAction"] = payload["Actions"][0]


def every_event_of_the_account(template):
    payload = one(template, "IoT::TopicRule")["TopicRulePayload"]
    payload["Sql"] = "SELECT * FROM '$aws/events/#'"


def queue_of_one_try(template):
    for resource in template["Resources"].values():
        if "RedrivePolicy" in resource.get("Properties", {}):
            resource["Properties"]["RedrivePolicy"]["maxReceiveCount"] = 1


def crowd_at_the_queue(template):
    for resource in template["Resources"].values():
        if "ScalingConfig" in resource.get("Properties", {}):
            del resource["Properties"]["ScalingConfig"]


def silent_alarm(template):
    one(template, "CloudWatch::Alarm")["AlarmActions"] = []


def meter_that_may_stop(template):
    alarm = named(template, "CloudWatch::Alarm", "MetricName", "RpoHotSeconds")
    alarm["TreatMissingData"] = "notBreaching"


def meter_that_may_stop_while_all_is_on(template):
    alarm = named(template, "CloudWatch::Alarm", "MetricName", "RpoHotSeconds")
    alarm["TreatMissingData"]["Fn::If"] = ["IsOn", "notBreaching", "breaching"]


def clock(template):
    return named(template, "Events::Rule", "Name", "hotsite-canary")


def canary_that_is_off_for_good(template):
    clock(template)["State"] = "DISABLED"


def canary_that_is_off_when_it_should_be_on(template):
    clock(template)["State"]["Fn::If"] = ["IsOn", "DISABLED", "ENABLED"]


def active_site_whose_canary_may_be_off(template):
    template["Parameters"]["Compute"] = {"Type": "String", "Default": "on"}
    is_on = {"Fn::Equals": [{"Ref": "Compute"}, "on"]}
    template["Conditions"] = {"IsOn": is_on}
    clock(template)["State"] = {"Fn::If": ["IsOn", "ENABLED", "DISABLED"]}


def policy_for_any_client(template):
    connect = one(template, "IoT::Policy")["PolicyDocument"]["Statement"][0]
    connect["Resource"] = "*"


def policy_without_attachment(template):
    connect = one(template, "IoT::Policy")["PolicyDocument"]["Statement"][0]
    del connect["Condition"]


def open_onboarding(template):
    route = named(template, "ApiGatewayV2::Route", "RouteKey", "POST")
    route["AuthorizationType"] = "NONE"


def role_for_everything(template):
    role = one(template, "IAM::Role")
    role["Policies"][0]["PolicyDocument"]["Statement"][0]["Action"] = "iot:*"


def exported_output(template):
    template["Outputs"]["ApiId"]["Export"] = {"Name": "hotsite-api"}


def table_without_replica_key(template):
    del one(template, "DynamoDB::GlobalTable")["Replicas"][1]["SSESpecification"]


def table_without_recovery(template):
    replica = one(template, "DynamoDB::GlobalTable")["Replicas"][1]
    del replica["PointInTimeRecoverySpecification"]


def table_that_goes_with_its_stack(template):
    for resource in template["Resources"].values():
        resource.pop("DeletionPolicy")


def bucket_that_goes_with_its_stack(template):
    for resource in template["Resources"].values():
        resource.pop("DeletionPolicy", None)


def refusal(template, kind):
    """Return a policy of a kind, and what in it refuses plain text."""
    policy = one(template, kind)
    statements = policy["PolicyDocument"]["Statement"]
    return policy, next(each for each in statements if each["Effect"] == "Deny")


def without(template, kind):
    resources = template["Resources"]
    for name in [k for k, r in resources.items() if r["Type"] == f"AWS::{kind}"]:
        del resources[name]


def bucket_without_policy(template):
    without(template, "S3::BucketPolicy")


def bucket_that_lets_plain_text_in(template):
    refusal(template, "S3::BucketPolicy")[1]["Effect"] = "Allow"


def bucket_that_refuses_writing_only(template):
    refusal(template, "S3::BucketPolicy")[1]["Action"] = "s3:PutObject"


def queue_without_policy(template):
    without(template, "SQS::QueuePolicy")


def queue_that_refuses_tls(template):
    refused = refusal(template, "SQS::QueuePolicy")[1]
    refused["Condition"]["Bool"]["aws:SecureTransport"] = "true"


def queue_that_another_ones_policy_is_for(template):
    policies = [
        resource["Properties"]
        for resource in template["Resources"].values()
        if resource["Type"] == "AWS::SQS::QueuePolicy"
    ]
    policies[0]["Queues"] = policies[1]["Queues"]


def topic_without_policy(template):
    without(template, "SNS::TopicPolicy")


def topic_that_refuses_one_caller(template):
    refused = refusal(template, "SNS::TopicPolicy")[1]
    refused["Principal"] = {"Service": "cloudwatch.amazonaws.com"}


def topic_that_takes_plain_news(template):
    refusal(template, "SNS::TopicPolicy")[1]["Action"].remove("sns:Publish")


def delivery(template):
    stream = one(template, "KinesisFirehose::DeliveryStream")
    return stream["ExtendedS3DestinationConfiguration"]


def objects_without_origin(template):
    delivery(template)["Prefix"] = "telemetry/"


def delivery_that_waits_long(template):
    delivery(template)["BufferingHints"]["IntervalInSeconds"] = 900


def misspelt_property(template):
    rule = one(template, "Events::Rule")
    rule["ScheduleExpresion"] = rule.pop("ScheduleExpression")


DEFECTS = (
    (wildcard_stream, REPLICATION, "stream_arn_is_concrete"),
    (latest_position, REPLICATION, "stream_batches_are_bounded"),
    (endless_retries, REPLICATION, "stream_batches_are_bounded"),
    (no_failure_bucket, REPLICATION, "stream_batches_are_bounded"),
    (slow_record, SITE, "records_move_fast"),
    (record_without_identifier, SITE, "failover_records_are_whole"),
    (record_without_health, SITE, "failover_records_are_whole"),
    (check_of_the_failover_name, SITE, "health_checks_ask_one_site"),
    (odd_check_interval, SITE, "health_checks_ask_one_site"),
    (switch_that_moves_all_when_it_is_silent, SITE, "health_checks_ask_one_site"),
    (health_that_is_inverted, SITE, "health_checks_ask_one_site"),
    (disabled_check, SITE, "health_checks_ask_one_site"),
    (primary_without_the_switch, SITE, "health_checks_count_all_or_probe"),
    (wrong_tls_policy, SITE, "devices_get_modern_tls"),
    (certificate_that_iot_refuses, SITE, "certificates_suit_iot_and_give_way"),
    (certificate_beside_the_owners, SITE, "certificates_suit_iot_and_give_way"),
    (
        domain_that_passes_over_the_owners_certificate,
        SITE,
        "certificates_suit_iot_and_give_way",
    ),
    (errors_into_the_same_service, TELEMETRY, "rule_errors_go_elsewhere"),
    (errors_of_the_archive_into_its_service, COLD, "rule_errors_go_elsewhere"),
    (errors_of_capture_into_the_same_service, REPLICATION, "rule_errors_go_elsewhere"),
    (every_event_of_the_account, REPLICATION, "rule_errors_go_elsewhere"),
    (queue_of_one_try, REPLICATION, "queues_keep_what_failed"),
    (crowd_at_the_queue, REPLICATION, "queue_batches_are_bounded"),
    (silent_alarm, REPLICATION, "alarms_wake_somebody"),
    (meter_that_may_stop, REPLICATION, "alarms_wake_somebody"),
    (
        meter_that_may_stop_while_all_is_on,
        "replication-eu-west-1",
        "alarms_wake_somebody",
    ),
    (canary_that_is_off_for_good, STANDBY, "a_pilot_light_can_be_lit"),
    (canary_that_is_off_when_it_should_be_on, STANDBY, "a_pilot_light_can_be_lit"),
    (canary_that_is_off_for_good, SITE, "the_active_site_is_on"),
    (active_site_whose_canary_may_be_off, SITE, "the_active_site_is_on"),
    (policy_for_any_client, SITE, "devices_speak_for_themselves"),
    (policy_without_attachment, SITE, "devices_speak_for_themselves"),
    (open_onboarding, SITE, "api_needs_a_token"),
    (role_for_everything, SITE, "roles_name_their_actions"),
    (exported_output, SITE, "stacks_stand_alone"),
    (table_without_replica_key, "data", "global_tables_survive"),
    (table_without_recovery, "data", "global_tables_survive"),
    (table_that_goes_with_its_stack, "data", "global_tables_survive"),
    (bucket_that_goes_with_its_stack, COLD, "buckets_outlive_their_stack"),
    (bucket_without_policy, COLD, "buckets_refuse_plain_text"),
    (bucket_without_policy, REPLICATION, "buckets_refuse_plain_text"),
    (bucket_without_policy, TELEMETRY, "buckets_refuse_plain_text"),
    (bucket_that_lets_plain_text_in, TELEMETRY, "buckets_refuse_plain_text"),
    (bucket_that_refuses_writing_only, FIRMWARE, "buckets_refuse_plain_text"),
    (queue_without_policy, COLD, "queues_refuse_plain_text"),
    (queue_without_policy, TELEMETRY, "queues_refuse_plain_text"),
    (queue_that_refuses_tls, REPLICATION, "queues_refuse_plain_text"),
    (queue_that_another_ones_policy_is_for, REPLICATION, "queues_refuse_plain_text"),
    (topic_without_policy, REPLICATION, "topics_refuse_plain_text"),
    (topic_that_refuses_one_caller, REPLICATION, "topics_refuse_plain_text"),
    (topic_that_takes_plain_news, REPLICATION, "topics_refuse_plain_text"),
    (objects_without_origin, COLD, "deliveries_keep_origins_apart"),
    (delivery_that_waits_long, COLD, "deliveries_keep_origins_apart"),
    (misspelt_property, SITE, "E3002"),
)


def test_the_templates_are_clean(assembly):
    assert inspect(assembly.paths, regions=REGIONS) == ()


@pytest.mark.parametrize(
    ("spoil", "stack", "rule"), [pytest.param(*d, id=d[0].__name__) for d in DEFECTS]
)
def test_a_seeded_defect_is_found(assembly, tmp_path, spoil, stack, rule):
    template = assembly.template(stack)
    spoil(template)
    path = tmp_path / "spoilt.template.json"
    path.write_text(json.dumps(template))
    found = {finding.rule for finding in judged(path)}
    if rule not in found:
        found |= {finding.rule for finding in linted(path, regions=REGIONS)}
    assert rule in found
