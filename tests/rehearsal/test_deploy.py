"""A deployment over its life: made, upgraded while it serves, removed, returned."""

import json
import ssl
import threading
import time
import urllib.error
import urllib.request

import pytest
from tests.local.empty_world import SITES, empty_cloud

from hotsite.adapters.aws.compute import AwsCompute
from hotsite.local import cloud

pytestmark = pytest.mark.local
BLOCK = "77"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with empty_cloud(tmp_path_factory.mktemp("empty"), BLOCK) as found:
        yield found


class Caller:
    """Asks the onboarding API of a site again and again, without a token."""

    def __init__(self, world, letter):
        state = cloud.read_state(world.cloud)
        (site,) = [one for one in state.sites if one.letter == letter]
        self._context = ssl.create_default_context(cafile=state.ca)
        self._context.check_hostname = False
        self._url = f"https://{site.address}:{state.https_port}/v1/devices"
        self._host = f"api-{letter}.{state.domain}"
        self.answers = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()

    def _run(self):
        while not self._is_over.wait(0.1):
            request = urllib.request.Request(
                self._url, b"{}", {"Host": self._host}, method="POST"
            )
            try:
                urllib.request.urlopen(request, context=self._context, timeout=5)
            except urllib.error.HTTPError as error:
                self.answers.append(error.code)
            except OSError as error:
                self.answers.append(str(error))


def test_a_deployment_over_its_life(world):
    done = world.hotsite("deploy", "--yes", "--json")
    assert done.returncode == 0, done.stderr
    print(f"deploy: {json.loads(done.stdout)['took_s']} s")
    world.write("[dns]\nttl_s = 20\n")
    assert world.hotsite("diff").returncode == 1
    with Caller(world, "a") as a, Caller(world, "b") as b:
        done = world.hotsite("upgrade", "--yes", "--json")
        time.sleep(2)
    assert done.returncode == 0, done.stderr
    print(f"upgrade: {json.loads(done.stdout)['took_s']} s, {len(a.answers)} answers")
    # Without a token an API that serves says 401, all the time.
    assert set(a.answers) == set(b.answers) == {401}
    zone = world.front("route53", SITES[0]).list_hosted_zones()["HostedZones"][0]
    for region in SITES:
        records = world.client("route53", region).list_resource_record_sets(
            HostedZoneId=zone["Id"]
        )["ResourceRecordSets"]
        ours = [one for one in records if one["Type"] == "CNAME"]
        assert {one["TTL"] for one in ours} == {20}
    world.client("dynamodb", SITES[0]).put_item(
        TableName="hotsite-registry", Item={"pk": {"S": "x"}, "sk": {"S": "y"}}
    )
    assert world.hotsite("destroy", "--yes").returncode == 0
    done = world.hotsite("deploy", "--yes")
    assert done.returncode == 2
    assert "--take-over gives it to the new stack" in done.stderr
    assert world.statuses() == {}
    done = world.hotsite("deploy", "--yes", "--take-over")
    assert done.returncode == 0, done.stderr
    assert set(world.statuses().values()) == {"CREATE_COMPLETE"}
    table = world.client("dynamodb", SITES[0])
    item = table.get_item(
        TableName="hotsite-registry", Key={"pk": {"S": "x"}, "sk": {"S": "y"}}
    )
    assert "Item" in item


def pilot_light(world):
    """Return the standby's canary and meter, as they are."""
    events, lambdas = (world.client(s, SITES[1]) for s in ("events", "lambda"))
    return AwsCompute(events, lambdas, "hotsite")


def test_a_pilot_light_is_lit_changed_and_put_out(tmp_path):
    with empty_cloud(tmp_path, "83") as world:
        world.write('strategy = "pilot-light"\n')
        assert world.hotsite("deploy", "--yes").returncode == 0
        light = pilot_light(world)
        assert light.off() == ("canary", "meter")
        for name in light.off():
            light.switch_on(name)
        # A change that touches nothing of it, and writes what it is.
        world.write('strategy = "pilot-light"\n[dns]\nttl_s = 20\n')
        done = world.hotsite("upgrade", "--yes")
        assert done.returncode == 0, done.stderr
        assert "note: b is lit (meter, canary), and stays so" in done.stderr
        assert light.off() == ()
        done = world.hotsite("upgrade", "--yes", "--put-out")
        assert done.returncode == 0, done.stderr
        assert light.on() == ()
        # Lit behind the back of its templates, which say "off" already.
        light.switch_on("canary")
        done = world.hotsite("upgrade", "--yes", "--put-out")
        assert "eu-west-1: canary is off" in done.stderr
        assert light.on() == ()
        world.write("[dns]\nttl_s = 20\n")
        assert world.hotsite("upgrade", "--yes").returncode == 0
        assert light.off() == ()
