"""Each fault of the local cloud, as unmodified clients see it begin and end."""

import json
import socket

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from tests.local.cloud_world import DOMAIN, TABLES, small_config, wait_until
from tests.local.fault_world import (
    THING,
    Clients,
    Side,
    never,
    onboarded,
    watched_names,
)
from tests.local.region_world import Device, function, role

from hotsite.errors import InvalidInputError, RefusedError, UnreachableError
from hotsite.faces.cli import main
from hotsite.local import cloud, faults, launcher
from hotsite.local.client import LocalCloud
from hotsite.local.faults import Fault
from hotsite.local.region.faults import Fate, Faults, RegionFaults

pytestmark = [pytest.mark.local, pytest.mark.timeout(120)]

REACH = """
import socket
def handler(event, context):
    try:
        socket.create_connection((event["address"], event["port"]), 1).close()
    except OSError as error:
        return type(error).__name__
    return "connected"
"""


@pytest.fixture(scope="module")
def clients(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    config = small_config(folder, block=33, time_scale=0.1)
    with launcher.Launched(config, lambda _: None) as launched:
        launched.wait_ready()
        local = LocalCloud.open(folder / "cloud")
        watched_names(local)
        yield Clients(local, onboarded(local, folder))


@pytest.fixture(autouse=True)
def mended(request):
    """No fault outlives its test."""
    yield
    if "clients" in request.fixturenames:
        local = request.getfixturevalue("clients").local
        for fault in local.check().faults:
            local.mend(fault.kind, fault.region)


def code_of(call):
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"]


def test_a_silent_broker_accepts_and_never_answers(clients):
    target = clients.target("a")
    local = clients.local
    where = (target.address, target.port)
    assert clients.connect("a") > 0
    with connected(clients) as device:
        assert device.is_connected()
        local.fault("broker", "a")
        assert device.packet() is None
    with socket.create_connection(where, 1):
        with pytest.raises(UnreachableError, match="did not answer"):
            clients.connect("a", 1.0)
        assert clients.aws("iot", "a").list_things()["things"]
        clients.put("a", "broker")
        assert clients.connect("b") > 0
        local.mend("broker", "a")
    assert clients.connect("a") > 0


def test_connections_that_hang_are_ended_when_the_broker_is_mended(clients):
    target = clients.target("a")
    clients.local.fault("broker", "a")
    with socket.create_connection((target.address, target.port), 5) as waiting:
        waiting.sendall(b"\x16\x03\x01")
        clients.local.mend("broker", "a")
        assert waiting.recv(1) == b""


def connected(clients):
    """A session that lasts, by a client of nobody's making but the test's."""

    class Place:
        address = clients.local.address("a")
        mqtt_port = clients.local.state.mqtt_port

    class Trust:
        path = clients.local.state.ca

    class Files:
        certificate = clients.local.folder.parent / f"{THING}.pem"
        private_key = clients.device.private_key

    return Device(Place, Trust, Files, THING, f"iot-a.{DOMAIN}")


def test_failing_tables_answer_500_and_lose_nothing(clients):
    clients.put("a", "before")
    wait_until(lambda: clients.has("b", "before"))
    clients.local.fault("tables", "a")
    assert code_of(lambda: clients.put("a", "during")) == "InternalServerError"
    assert code_of(lambda: clients.has("a", "before")) == "InternalServerError"
    streams = clients.aws("dynamodbstreams", "a")
    assert code_of(streams.list_streams) == "InternalServerError"
    clients.put("b", "of b")
    wait_until(lambda: clients.local.replication_lag_s() is None)
    assert clients.aws("iot", "a").list_things()["things"]
    assert clients.connect("a") > 0
    clients.local.mend("tables", "a")
    assert clients.has("a", "before")
    assert not clients.has("a", "during")
    wait_until(lambda: clients.has("a", "of b"))


def test_a_rule_whose_table_fails_calls_its_error_action(clients):
    queue = watched_rule(clients, "tables_rule")
    publish(clients, "tables_rule")
    clients.local.fault("tables", "a")
    publish(clients, "tables_rule")
    (message,) = wait_until(lambda: messages(clients, queue))
    assert "InternalServerError" in message["failures"][0]["errorMessage"]
    clients.local.mend("tables", "a")
    publish(clients, "tables_rule")
    assert not messages(clients, queue)


def watched_rule(clients, name):
    """A rule that stores, and whose failures go to a queue; return its URL."""
    sqs = clients.aws("sqs", "a")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    actions = ("dynamodb:PutItem", "sqs:SendMessage")
    arn = role(Side(clients.local, "a"), name, "iot", *actions)
    store = {"roleArn": arn, "putItem": {"tableName": TABLES.telemetry}}
    payload = {
        "sql": f"SELECT * FROM 'test/{name}'",
        "actions": [{"dynamoDBv2": store}],
        "errorAction": {"sqs": {"roleArn": arn, "queueUrl": queue}},
    }
    rules = clients.aws("iot", "a")
    rules.create_topic_rule(ruleName=name, topicRulePayload=payload)
    return queue


def publish(clients, name):
    item = json.dumps({"pk": name, "sk": "-"})
    clients.aws("iot-data", "a").publish(topic=f"test/{name}", qos=1, payload=item)


def messages(clients, queue):
    found = clients.aws("sqs", "a").receive_message(
        QueueUrl=queue, MaxNumberOfMessages=10
    )
    return [json.loads(each["Body"]) for each in found.get("Messages", ())]


def test_a_whole_brown_out_serves_nobody_and_ends(clients):
    assert clients.status_of_api("a") == 421
    clients.local.fault("brown-out", "a", share=1.0)
    seen = {clients.status_of_api("a", 0.3) for _ in range(12)}
    assert seen == {503, None}
    ends = {end_of_connect(clients, 0.3) for _ in range(12)}
    assert ends == {UnreachableError, RefusedError}
    queue = watched_rule(clients, "brown_rule")
    publish(clients, "brown_rule")
    assert wait_until(lambda: messages(clients, queue))
    assert clients.status_of_api("b") == 421
    clients.local.mend("brown-out", "a")
    assert clients.status_of_api("a") == 421
    assert clients.connect("a") > 0


def end_of_connect(clients, limit_s):
    try:
        clients.connect("a", limit_s)
    except (UnreachableError, RefusedError) as error:
        return type(error)
    return None


def test_a_brown_out_strikes_its_share(clients):
    clients.local.fault("brown-out", "a", share=0.5, seed=3)
    served = sum(clients.status_of_api("a", 0.3) == 421 for _ in range(40))
    assert 8 <= served <= 32
    assert any(clients.is_connecting("a") for _ in range(20))


def test_the_same_seed_strikes_the_same_calls():
    def fates(seed):
        region = Faults()
        region.set(RegionFaults(share=0.4, seed=seed))
        return [region.of_connection() for _ in range(1000)]

    assert fates(1) == fates(1) != fates(2)
    assert 330 <= sum(fate is not Fate.SERVE for fate in fates(1)) <= 470
    assert set(fates(1)) == set(Fate)


def test_a_partition_stops_replication_both_ways_and_clients_reach_both(clients):
    clients.local.fault("partition")
    clients.put("a", "cut-a")
    clients.put("b", "cut-b")
    never(lambda: clients.has("b", "cut-a") or clients.has("a", "cut-b"), 2)
    assert all(clients.connect(site) for site in "ab")
    waiting = [pump for pump in clients.local.pumps() if pump.pending]
    assert {pump.source for pump in waiting} == {"eu-central-1", "eu-west-1"}
    assert all("do not reach each other" in pump.trouble for pump in waiting)
    assert all(pump.lag_s >= 1 for pump in waiting)
    clients.local.mend("partition")
    wait_until(lambda: clients.has("b", "cut-a") and clients.has("a", "cut-b"))
    wait_until(lambda: clients.local.replication_lag_s() == 0)


def test_functions_of_cut_off_regions_reach_their_own_only(clients):
    local = clients.local
    for site in "ab":
        function(Side(local, site), "reach", REACH)
    lambdas = {site: clients.aws("lambda", site, read_s=30) for site in "ab"}

    def reached(source, target):
        place = {"address": local.address(target), "port": local.state.gateway_port}
        answer = lambdas[source].invoke(
            FunctionName="reach", Payload=json.dumps(place).encode()
        )
        return json.loads(answer["Payload"].read())

    ways = [("a", "b"), ("b", "a")]
    assert [reached(*way) for way in ways] == ["connected"] * 2
    local.fault("partition")
    assert [reached(*way) for way in ways] == ["TimeoutError"] * 2
    assert [reached(site, site) for site in "ab"] == ["connected"] * 2
    local.mend("partition")
    assert [reached(*way) for way in ways] == ["connected"] * 2


def test_an_unseen_region_loses_its_name_and_serves_everybody_else(clients):
    clients.await_dig("a")
    clients.local.fault("unseen", "a")
    clients.await_dig("b")
    assert clients.connect("a") > 0
    clients.put("a", "unseen")
    clients.local.mend("unseen", "a")
    clients.await_dig("a")


def test_frozen_names_stay_whatever_health_says(clients):
    clients.await_dig("a")
    clients.local.fault("dns-freeze")
    clients.local.fault("unseen", "a")
    wait_until(lambda: not clients.local.health()[0].is_healthy, 20)
    never(lambda: clients.dig() != "a", 1)
    assert clients.local.dns.status().is_frozen
    clients.local.mend("dns-freeze")
    clients.await_dig("b", 1)
    clients.local.mend("unseen", "a")
    clients.await_dig("a")


def test_a_silent_control_plane_hangs_and_data_planes_live(clients):
    clients.local.fault("control-plane", "a")
    with pytest.raises(ReadTimeoutError):
        clients.aws("iot", "a").list_things()
    for site in "ab":
        with pytest.raises(ReadTimeoutError):
            clients.aws("route53", site).list_hosted_zones()
    assert clients.aws("iot", "b").list_things()["things"]
    clients.aws("iot-data", "a").publish(topic="test/data", qos=0, payload=b"{}")
    clients.put("a", "data plane")
    assert clients.connect("a") > 0
    clients.local.mend("control-plane", "a")
    assert clients.aws("iot", "a").list_things()["things"]
    assert clients.aws("route53", "b").list_hosted_zones()["HostedZones"]


def test_a_region_freezes_and_thaws_again_and_again(clients):
    for _ in range(3):
        clients.await_dig("a")
        assert clients.connect("a") > 0
        clients.local.fault("freeze", "a")
        with pytest.raises(UnreachableError):
            clients.connect("a", 0.3)
        clients.await_dig("b")
        clients.local.mend("freeze", "a")
        wait_until(lambda: clients.is_connecting("a"), 10)
    clients.await_dig("a")
    clients.put("b", "flapped")
    wait_until(lambda: clients.has("a", "flapped"))


def test_a_fault_lasts_through_a_kill_and_the_return(clients):
    clients.local.fault("tables", "b")
    clients.local.fault("kill", "b")
    clients.local.mend("kill", "b")
    assert code_of(lambda: clients.put("b", "again")) == "InternalServerError"
    clients.local.mend("tables", "b")
    clients.put("b", "again")


def test_what_lasts_is_in_the_state_and_replaced_by_its_own_kind(clients):
    clients.local.fault("brown-out", "eu-central-1", share=0.2)
    clients.local.fault("brown-out", "a", share=0.1, seed=5)
    clients.local.fault("partition")
    brown_out = Fault("brown-out", "eu-central-1", 0.1, 5)
    assert clients.local.check().faults == (brown_out, Fault("partition"))
    with pytest.raises(InvalidInputError, match="no fault brown-out of b to mend"):
        clients.local.mend("brown-out", "b")
    clients.local.mend("brown-out", "a")
    clients.local.mend("partition")
    assert cloud.read_state(clients.local.folder).faults == ()


def test_the_command_injects_mends_and_tells(clients, capsys):
    def run(*arguments):
        where = ["--dir", str(clients.local.folder)]
        return main.main(["local", *arguments, *where]), capsys.readouterr()

    code, said = run("fault", "tables", "a", "--json")
    assert code == 0
    assert json.loads(said.out)["injected_world_s"] > 0
    assert "tables of eu-central-1" in run("status")[1].out
    code, said = run("mend", "tables", "a")
    assert (code, said.out) == (0, "")
    assert "tables of eu-central-1 mended" in said.err
    code, said = run("fault", "brown-out", "a")
    assert code == 2
    assert "a brown-out needs a share" in said.err


WRONG = [
    (Fault("melt", "a"), "one of kill, freeze, return, thaw, broker"),
    (Fault("tables"), "tables is of one Region"),
    (Fault("dns-freeze", "a"), "name no Region"),
    (Fault("brown-out", "a"), "needs a share"),
    (Fault("brown-out", "a", share=1.5), "needs a share"),
    (Fault("tables", "a", share=0.5), "only a brown-out has a share"),
]


@pytest.mark.parametrize(("fault", "why"), WRONG)
def test_a_wrong_fault_is_refused_in_one_line(fault, why):
    with pytest.raises(InvalidInputError, match=why) as caught:
        faults.check(fault)
    assert "\n" not in str(caught.value)
