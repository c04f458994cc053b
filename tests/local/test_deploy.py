"""`hotsite deploy` into an empty cloud: templates as they are, by the environment."""

import json

import pytest
from tests.local.empty_world import SITES, empty_cloud

pytestmark = pytest.mark.local
BLOCK = "75"
LARGE = "[telemetry]\nfleet_size = 2_000_000\n"
NOWHERE = """\
[[sites]]
letter = "a"
region = "eu-central-1"
[[sites]]
letter = "b"
region = "eu-west-9"
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with empty_cloud(tmp_path_factory.mktemp("empty"), BLOCK) as found:
        yield found


def test_one_endpoint_leads_to_the_region_that_a_request_is_signed_for(world):
    for region in SITES:
        world.front("sqs", region).create_queue(QueueName=f"only-{region}")
        queues = world.client("sqs", region).list_queues()["QueueUrls"]
        assert [url.rpartition("/")[2] for url in queues] == [f"only-{region}"]
    (zone,) = world.front("route53", SITES[1]).list_hosted_zones()["HostedZones"]
    assert zone["Name"] == "hotsite.test."


@pytest.mark.parametrize(
    ("more", "domain", "line"),
    [
        (LARGE, "hotsite.test", "2,000,000 devices need 2,000,000 of 'Maximum"),
        (NOWHERE, "hotsite.test", "AWS has no Region eu-west-9"),
        ("", "elsewhere.test", "elsewhere.test has no hosted zone in account"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_made(world, more, domain, line):
    world.write(more, domain)
    done = world.hotsite("deploy", "--yes")
    world.write()
    assert done.returncode == 2
    said = done.stderr.strip().splitlines()[-1]
    assert said.startswith("hotsite: ")
    assert line in said
    assert world.statuses() == {}


def test_a_fleet_that_is_there_is_read_and_not_touched(world):
    iot = world.client("iot", SITES[0])
    iot.create_thing_group(thingGroupName="kitchen")
    for number in range(3):
        iot.create_thing(thingName=f"oven-{number}")
    done = world.hotsite("adopt", "--from", "a", "--json")
    found = json.loads(done.stdout)
    assert done.returncode == (1 if found["unread"] else 0), done.stderr
    assert found["managed"][0].startswith("3 things")
    assert "1 thing groups: kitchen" in found["managed"]
    assert found["seed_s"] == 0.3
    iot.delete_thing_group(thingGroupName="kitchen")
    for number in range(3):
        iot.delete_thing(thingName=f"oven-{number}")


def test_a_killed_deployment_goes_on_and_a_destroyed_one_leaves_data_alone(world):
    first = world.start("deploy", "--yes")
    for line in first.stderr:
        if "hotsite-data" in line and "done" in line:
            break
    first.kill()
    first.wait()
    first.stderr.close()
    assert "hotsite-telemetry-eu-west-1" not in world.statuses()
    done = world.hotsite("deploy", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["stacks"]["hotsite-data"] == "nothing to change"
    assert document["stacks"]["hotsite-telemetry-eu-west-1"] == "done"
    assert document["took_s"] < 60
    statuses = world.statuses()
    assert statuses.keys() == document["stacks"].keys()
    assert set(statuses.values()) == {"CREATE_COMPLETE"}
    checks = world.front("route53", SITES[0]).list_health_checks()["HealthChecks"]
    # The primary goes by its own health and the inverted switch of the standby.
    inverted = [one["HealthCheckConfig"].get("Inverted") for one in checks]
    assert inverted.count(True) == 1
    # Things outlive their stacks, and so does what they are of.
    world.client("iot", SITES[1]).create_thing(
        thingName="oven-1", thingTypeName="hotsite-device"
    )
    assert world.hotsite("diff").returncode == 0
    done = world.hotsite("destroy", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    kept = {one["name"] for one in json.loads(done.stdout)["kept"]}
    assert "hotsite-telemetry-123456789012-eu-west-1" in kept
    assert world.statuses() == {}
    tables = ["hotsite-operations", "hotsite-registry", "hotsite-telemetry"]
    for region in SITES:
        assert world.client("dynamodb", region).list_tables()["TableNames"] == tables
        assert world.client("lambda", region).list_functions()["Functions"] == []
        assert world.client("iot", region).list_topic_rules()["rules"] == []
    assert world.front("route53", SITES[0]).list_health_checks()["HealthChecks"] == []
