"""One Region of the local cloud behaves as AWS IoT Core and API Gateway do."""

import base64
import http.client
import http.server
import json
import signal
import socket
import ssl
import threading
import time
from dataclasses import replace

import jwt
import psutil
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.local.region_world import (
    DOMAIN,
    PUBACK,
    STREAM_ACTIONS,
    Authority,
    Device,
    config_of,
    eventually,
    function,
    role,
    running,
    spawn,
    table,
)

pytestmark = [pytest.mark.local, pytest.mark.timeout(60)]

ISSUER_ADDRESS = "127.0.11.53"
ISSUER = f"https://{ISSUER_ADDRESS}:8444"
SELECT = (
    "SELECT sk, epoch, seq, published_at_s, data, topic(2) AS pk FROM '{}/+/telemetry'"
)
FLEET_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": "iot:Connect",
            "Resource": "arn:aws:iot:*:*:client/${iot:Connection.Thing.ThingName}",
            "Condition": {"Bool": {"iot:Connection.Thing.IsAttached": ["true"]}},
        },
        {
            "Effect": "Allow",
            "Action": ["iot:Publish", "iot:Receive"],
            "Resource": [
                "arn:aws:iot:*:*:topic/dt/${iot:Connection.Thing.ThingName}/*",
                "arn:aws:iot:*:*:topic/lost/${iot:Connection.Thing.ThingName}/*",
            ],
        },
        {
            "Effect": "Allow",
            "Action": "iot:Subscribe",
            "Resource": (
                "arn:aws:iot:*:*:topicfilter/cmd/${iot:Connection.Thing.ThingName}/*"
            ),
        },
    ],
}


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def region(authority, tmp_path_factory):
    directory = tmp_path_factory.mktemp("region")
    config = config_of(authority, directory, "eu-central-1", "127.0.11.1", "a")
    with running(config) as process:
        iot = process.client("iot")
        iot.create_thing_group(thingGroupName="everything")
        group = iot.create_thing_group(
            thingGroupName="hotsite-fleet", parentGroupName="everything"
        )
        parent = group["thingGroupArn"].replace("hotsite-fleet", "everything")
        iot.create_policy(
            policyName="hotsite-fleet", policyDocument=json.dumps(FLEET_POLICY)
        )
        iot.attach_policy(policyName="hotsite-fleet", target=parent)
        yield process


@pytest.fixture
def onboard(region, authority):
    """Register a device's certificate and thing; on nothing but its group's policy."""
    iot = region.client("iot")

    def register(thing, *, status="ACTIVE", days=9):
        files = authority.device(thing, days=days)
        certificate = iot.register_certificate_without_ca(
            certificatePem=files.certificate.read_text(), status=status
        )
        iot.create_thing(thingName=thing)
        iot.attach_thing_principal(
            thingName=thing, principal=certificate["certificateArn"]
        )
        iot.add_thing_to_thing_group(thingName=thing, thingGroupName="hotsite-fleet")
        return files, certificate["certificateId"]

    return register


def is_refused(config, authority, files, client_id, server_name=f"iot.{DOMAIN}"):
    try:
        device = Device(config, authority, files, client_id, server_name)
    except (ssl.SSLError, ConnectionError):
        return True
    with device:
        return device.packet() is None


@pytest.mark.parametrize("name", ["iot", "iot-a"])
def test_a_registered_device_connects_by_each_own_name(
    region, authority, onboard, name
):
    files, _ = onboard(f"connects-{name}")
    config, host = region.config, f"{name}.{DOMAIN}"
    with Device(config, authority, files, f"connects-{name}", host) as device:
        assert device.is_connected()


def test_the_data_endpoint_is_aws_shaped_and_serves_the_region(
    region, authority, onboard
):
    answer = region.client("iot").describe_endpoint(endpointType="iot:Data-ATS")
    host = answer["endpointAddress"]
    assert host == "a1b2c3d4e5f6-ats.iot.eu-central-1.amazonaws.com"
    files, _ = onboard("by-endpoint")
    with Device(region.config, authority, files, "by-endpoint", host) as device:
        assert device.is_connected()


@pytest.mark.parametrize("server_name", [None, f"iot-b.{DOMAIN}", "localhost"])
def test_a_client_that_sends_no_or_another_server_name_is_refused_in_tls(
    region, authority, server_name
):
    context = ssl.create_default_context(cafile=authority.path)
    context.check_hostname = False
    address = (region.config.address, region.config.mqtt_port)
    with (
        socket.create_connection(address, 5) as plain,
        pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"),
    ):
        context.wrap_socket(plain, server_hostname=server_name)


def test_a_client_without_a_certificate_is_refused(region, authority):
    assert is_refused(region.config, authority, None, "anyone")


def test_an_unregistered_certificate_is_refused(region, authority):
    files = authority.device("unregistered")
    assert is_refused(region.config, authority, files, "unregistered")


def test_an_expired_certificate_is_refused_though_registered(
    region, authority, onboard
):
    files, _ = onboard("expired", days=-1)
    assert is_refused(region.config, authority, files, "expired")


def test_an_inactive_certificate_is_refused(region, authority, onboard):
    files, _ = onboard("inactive", status="INACTIVE")
    assert is_refused(region.config, authority, files, "inactive")


def test_a_live_session_ends_when_its_certificate_stops_being_active(
    region, authority, onboard
):
    files, certificate_id = onboard("revoked")
    other_files, _ = onboard("bystander")
    with (
        Device(region.config, authority, files, "revoked") as device,
        Device(region.config, authority, other_files, "bystander") as bystander,
    ):
        assert device.is_connected()
        assert bystander.is_connected()
        region.client("iot").update_certificate(
            certificateId=certificate_id, newStatus="REVOKED"
        )
        assert device.packet() is None
        assert bystander.publish("dt/bystander/telemetry", {})[0] == PUBACK


def test_the_policy_of_a_parent_group_lets_a_thing_use_only_its_own_topics(
    region, authority, onboard
):
    files, _ = onboard("mine")
    with Device(region.config, authority, files, "mine") as device:
        assert device.is_connected()
        assert device.publish("dt/mine/telemetry", {})[0] == PUBACK
        assert device.subscribe("cmd/mine/#") == (9, b"\0\1\0")
        assert device.publish("dt/yours/telemetry", {}) is None


def test_another_things_client_identifier_is_refused(region, authority, onboard):
    files, _ = onboard("honest")
    onboard("victim")
    assert is_refused(region.config, authority, files, "victim")


def test_a_thing_that_leaves_its_group_loses_the_groups_policy(
    region, authority, onboard
):
    files, _ = onboard("leaver")
    region.client("iot").remove_thing_from_thing_group(
        thingName="leaver", thingGroupName="hotsite-fleet"
    )
    assert is_refused(region.config, authority, files, "leaver")


def test_a_second_connection_with_the_same_client_identifier_evicts_the_first(
    region, authority, onboard
):
    files, _ = onboard("twice")
    with Device(region.config, authority, files, "twice") as first:
        assert first.is_connected()
        with Device(region.config, authority, files, "twice") as second:
            assert second.is_connected()
            assert first.packet() is None
            assert second.publish("dt/twice/telemetry", {})[0] == PUBACK


def test_telemetry_goes_through_the_rule_into_the_hot_table(region, authority, onboard):
    table(region, "hotsite-telemetry", "sk")
    put_rule(region, "hotsite_telemetry", "dt", "hotsite-telemetry")
    files, _ = onboard("sensor")
    sent = {
        "sk": "0000000003#000000000001",
        "epoch": 3,
        "seq": 1,
        "published_at_s": 1.5,
        "data": {"celsius": 21.5},
    }
    with Device(region.config, authority, files, "sensor") as device:
        assert device.is_connected()
        assert device.publish("dt/sensor/telemetry", sent)[0] == PUBACK
    item = region.client("dynamodb").get_item(
        TableName="hotsite-telemetry",
        Key={"pk": {"S": "sensor"}, "sk": {"S": sent["sk"]}},
    )["Item"]
    assert item["epoch"] == {"N": "3"}
    assert item["published_at_s"] == {"N": "1.5"}
    assert "21.5" in str(item["data"])


def test_the_error_action_gets_what_a_missing_table_could_not_take(
    region, authority, onboard
):
    sqs = region.client("sqs")
    queue_url = sqs.create_queue(QueueName="rule-errors")["QueueUrl"]
    put_rule(region, "lost", "lost", "no-such-table", queue_url)
    files, _ = onboard("unlucky")
    with Device(region.config, authority, files, "unlucky") as device:
        assert device.is_connected()
        topic = "lost/unlucky/telemetry"
        assert device.publish(topic, {"sk": "1"})[0] == PUBACK
    messages = sqs.receive_message(QueueUrl=queue_url, WaitTimeSeconds=5)["Messages"]
    error = json.loads(messages[0]["Body"])
    assert error["failures"][0]["failedResource"] == "no-such-table"
    assert json.loads(base64.b64decode(error["base64OriginalPayload"])) == {"sk": "1"}


def put_rule(region, name, root, table_name, queue_url=None):
    arn = role(region, f"rule-{name}", "iot", "dynamodb:PutItem", "sqs:SendMessage")
    put = {"roleArn": arn, "putItem": {"tableName": table_name}}
    payload = {
        "sql": SELECT.format(root),
        "awsIotSqlVersion": "2016-03-23",
        "actions": [{"dynamoDBv2": put}],
    }
    if queue_url is not None:
        payload["errorAction"] = {"sqs": {"roleArn": arn, "queueUrl": queue_url}}
    region.client("iot").create_topic_rule(ruleName=name, topicRulePayload=payload)


WHO_AM_I = """
import boto3, botocore.exceptions, json, os
def attempt(call):
    try:
        call()
        return "allowed"
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
def handler(event, context):
    answer = {
        "arn": boto3.client("sts").get_caller_identity()["Arn"],
        "endpoint": os.environ["AWS_ENDPOINT_URL"],
        "list_things": attempt(boto3.client("iot").list_things),
        "list_tables": attempt(boto3.client("dynamodb").list_tables),
        "claims": event.get("requestContext", {}).get("authorizer"),
    }
    if "requestContext" in event:
        return {"statusCode": 200, "body": json.dumps(answer)}
    return answer
"""


def test_a_lambda_calls_its_own_region_as_its_role_and_no_more(region):
    function(region, "who", WHO_AM_I, "iot:ListThings")
    answer = json.load(
        region.client("lambda").invoke(FunctionName="who", Payload=b"{}")["Payload"]
    )
    assert answer["arn"].endswith(":assumed-role/role-who/who")
    assert answer["endpoint"] == region.config.gateway_url
    assert answer["list_things"] == "allowed"
    assert answer["list_tables"] == "AccessDeniedException"


COUNTS = """
import boto3
table = boto3.resource("dynamodb").Table("attempts")
def handler(event, context):
    failed = []
    for record in event["Records"]:
        name = record["dynamodb"]["Keys"]["pk"]["S"]
        count = table.update_item(
            Key={"pk": name}, UpdateExpression="ADD tries :one",
            ExpressionAttributeValues={":one": 1}, ReturnValues="ALL_NEW",
        )["Attributes"]["tries"]
        if name == "flaky" and count < 3:
            failed.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
            break
    return {"batchItemFailures": failed}
"""


def test_a_stream_batch_is_retried_from_the_item_that_failed(region):
    dynamodb = region.client("dynamodb")
    table(region, "attempts")
    source = table(region, "source")
    for name in ("before", "flaky", "after"):
        dynamodb.put_item(TableName="source", Item={"pk": {"S": name}})
    function(region, "counts", COUNTS, "dynamodb:UpdateItem", *STREAM_ACTIONS)
    region.client("lambda").create_event_source_mapping(
        FunctionName="counts",
        EventSourceArn=source["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON",
        FunctionResponseTypes=["ReportBatchItemFailures"],
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=10,
    )

    def tries():
        items = dynamodb.scan(TableName="attempts")["Items"]
        return {item["pk"]["S"]: item["tries"]["N"] for item in items}

    eventually(lambda: "after" in tries(), within_s=20)
    assert tries() == {"before": "1", "flaky": "3", "after": "1"}


FAILS = """
def handler(event, context):
    for record in event["Records"]:
        if record["dynamodb"]["Keys"]["pk"]["S"] == "poison":
            raise ValueError("poison")
"""


def test_a_poisonous_item_is_split_off_retried_and_then_kept_in_the_bucket(region):
    dynamodb, s3 = region.client("dynamodb"), region.client("s3")
    s3.create_bucket(
        Bucket="failures",
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
    )
    source = table(region, "poisoned")
    for name in ("one", "two", "poison", "three"):
        dynamodb.put_item(TableName="poisoned", Item={"pk": {"S": name}})
    function(region, "fails", FAILS, *STREAM_ACTIONS)
    region.client("lambda").create_event_source_mapping(
        FunctionName="fails",
        EventSourceArn=source["LatestStreamArn"],
        StartingPosition="TRIM_HORIZON",
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:s3:::failures"}},
    )
    kept = eventually(lambda: s3.list_objects_v2(Bucket="failures").get("Contents"))
    body = s3.get_object(Bucket="failures", Key=kept[0]["Key"])["Body"].read()
    records = json.loads(json.loads(body)["payload"])["Records"]
    keys = [record["dynamodb"]["Keys"]["pk"]["S"] for record in records]
    assert keys == ["poison"]
    assert len(kept) == 1


@pytest.fixture(scope="module")
def issuer(authority):
    """An OpenID Connect issuer with one RSA key, over HTTPS by our authority."""
    key = rsa.generate_private_key(65537, 2048)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    documents = {
        "/.well-known/openid-configuration": {"jwks_uri": f"{ISSUER}/keys"},
        "/keys": {"keys": [public | {"kid": "one", "use": "sig", "alg": "RS256"}]},
    }

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            body = json.dumps(documents[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    files = authority.server(ISSUER_ADDRESS)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(files.certificate, files.private_key)
    server = http.server.ThreadingHTTPServer((ISSUER_ADDRESS, 8444), Answer)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield key
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def api(region, issuer):
    """A deployed HTTP API with an open and a protected route; its identifier."""
    gateway = region.client("apigatewayv2")
    arn = function(region, "api", WHO_AM_I, "iot:ListThings")
    identifier = gateway.create_api(Name="hotsite", ProtocolType="HTTP")["ApiId"]
    integration = gateway.create_integration(
        ApiId=identifier,
        IntegrationType="AWS_PROXY",
        IntegrationUri=arn,
        PayloadFormatVersion="2.0",
    )["IntegrationId"]
    authorizer = gateway.create_authorizer(
        ApiId=identifier,
        AuthorizerType="JWT",
        Name="jwt",
        IdentitySource=["$request.header.Authorization"],
        JwtConfiguration={"Issuer": ISSUER, "Audience": ["hotsite"]},
    )["AuthorizerId"]
    target = f"integrations/{integration}"
    gateway.create_route(ApiId=identifier, RouteKey="GET /healthz", Target=target)
    gateway.create_route(
        ApiId=identifier,
        RouteKey="POST /v1/devices",
        Target=target,
        AuthorizationType="JWT",
        AuthorizerId=authorizer,
    )
    gateway.create_stage(ApiId=identifier, StageName="$default", AutoDeploy=True)
    for name in ("api", "api-a"):
        host = f"{name}.{DOMAIN}"
        gateway.create_domain_name(
            DomainName=host,
            DomainNameConfigurations=[
                {"CertificateArn": "arn:aws:acm:::certificate/1"}
            ],
        )
        gateway.create_api_mapping(ApiId=identifier, DomainName=host, Stage="$default")
    return identifier


def call(region, authority, host, route, token=None):
    """An HTTPS request to the Region by a name that only our DNS knows."""
    context = ssl.create_default_context(cafile=authority.path)
    address = (region.config.address, region.config.https_port)
    with (
        socket.create_connection(address, 10) as plain,
        context.wrap_socket(plain, server_hostname=host) as tls,
    ):
        headers = {"Host": f"{host}:8443"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        connection = http.client.HTTPConnection(host)
        connection.sock = tls
        connection.request(*route.split(), headers=headers)
        response = connection.getresponse()
        return response.status, json.loads(response.read())


def test_the_health_route_is_served_under_each_name_of_the_api(region, authority, api):
    hosts = (
        f"api.{DOMAIN}",
        f"api-a.{DOMAIN}",
        f"{api}.execute-api.eu-central-1.amazonaws.com",
    )
    for host in hosts:
        status, answer = call(region, authority, host, "GET /healthz")
        assert (status, answer["list_things"]) == (200, "allowed")


def test_a_host_that_is_no_custom_domain_is_misdirected(region, authority, api):
    region.client("apigatewayv2").delete_domain_name(DomainName=f"api.{DOMAIN}")
    status, _ = call(region, authority, f"api.{DOMAIN}", "GET /healthz")
    assert status == 421


def token(key, **changes):
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": "hotsite",
        "sub": "installer",
        "iat": now - 5,
        "exp": now + 60,
    } | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm="RS256", headers={"kid": "one"})


def test_the_protected_route_takes_a_token_of_the_issuer(
    region, authority, api, issuer
):
    host = f"api-a.{DOMAIN}"
    sent = token(issuer)
    status, answer = call(region, authority, host, "POST /v1/devices", sent)
    assert status == 200
    assert answer["claims"]["jwt"]["claims"]["sub"] == "installer"


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "https://127.0.11.54:8444"},
        {"aud": "another"},
        {"exp": 1},
        {"exp": None},
        {"nbf": 1 << 40},
    ],
    ids=["issuer", "audience", "expired", "no expiry", "not yet"],
)
def test_the_protected_route_refuses_a_token_with_wrong(
    region, authority, api, issuer, changes
):
    host = f"api-a.{DOMAIN}"
    sent = token(issuer, **changes)
    status, _ = call(region, authority, host, "POST /v1/devices", sent)
    assert status == 401


def test_the_protected_route_refuses_a_token_signed_by_another_key(
    region, authority, api, issuer
):
    forged = token(rsa.generate_private_key(65537, 2048))
    unsigned = token(issuer).rpartition(".")[0] + "."
    for sent in (None, "nonsense", forged, unsigned):
        host = f"api-a.{DOMAIN}"
        status, _ = call(region, authority, host, "POST /v1/devices", sent)
        assert status == 401


@pytest.mark.parametrize(
    ("service", "operation"),
    [("dynamodb", "list_tables"), ("cloudformation", "list_stacks")],
)
def test_a_request_signed_for_another_region_is_refused(region, service, operation):
    client = region.client(service, region_name="eu-west-1")
    with pytest.raises(ClientError, match="InvalidSignatureException"):
        getattr(client, operation)()


def test_a_global_service_answers_though_it_is_signed_for_us_east_1(region):
    client = region.client("iam", region_name="us-east-1")
    assert client.list_roles()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_the_region_listens_on_its_own_address_only(region):
    listening = {
        tuple(connection.laddr)
        for member in region.members()
        for connection in member.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {("127.0.11.1", port) for port in (4566, 8883, 8443)}
    datagrams = [c for m in region.members() for c in m.net_connections("udp")]
    assert datagrams == []


def test_killing_the_process_group_leaves_no_lambda_worker(authority, tmp_path):
    config = config_of(authority, tmp_path, "eu-west-3", "127.0.11.2", "c")
    with running(config) as doomed:
        function(doomed, "who", WHO_AM_I, "iot:ListThings")
        doomed.client("lambda").invoke(FunctionName="who", Payload=b"{}")
        assert len(doomed.members()) > 1
        doomed.kill()
        eventually(lambda: not doomed.members())


def test_a_taken_port_is_one_clear_line_and_exit_code_three(region, tmp_path):
    process = spawn(replace(region.config, state_dir=tmp_path))
    assert process.wait(20) == 3
    process.stdout.close()
    lines = (tmp_path / "region.log").read_text().strip().splitlines()
    assert len(lines) == 1
    assert "127.0.11.1" in lines[0]
    assert "8883" in lines[0]


def test_a_region_stops_cleanly_on_sigterm(authority, tmp_path):
    config = config_of(authority, tmp_path, "eu-west-3", "127.0.11.2", "c")
    with running(config) as region:
        region.process.send_signal(signal.SIGTERM)
        assert region.process.wait(10) == 0
        eventually(lambda: not region.members())
