"""A fleet that was there before hotsite: seeded, verified, mutated, repaired.

Made and looked at by boto3 alone (``existing_fleet.py``). The capture function and
the sweeper's clock are switched off in both Regions, so that what is found was
found by ``hotsite verify``, whose flow is the sweep's; the replicators run.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import boto3
import pytest
from tests.fleet.existing_fleet import CERTIFIED, THINGS, Fleet, policy
from tests.local.cloud_world import wait_until

pytestmark = pytest.mark.local

ROOT = Path(__file__).parents[2]
HOTSITE = [sys.executable, "-m", "hotsite.faces.cli.main"]
NAME, BLOCK = "fleet", "73"
A, B = "eu-central-1", "eu-west-1"
PARITY, DRIFT, REFUSED, INTERRUPTED = 0, 1, 2, 130
# Looks decide how long all of this takes; an account of AWS can have more, too.
LOOKS = (
    "DescribeCertificate",
    "ListAttachedPolicies",
    "ListPrincipalThings",
    "ListThingPrincipals",
    "RegisterCertificateWithoutCA",
)
RAISED = json.dumps(dict.fromkeys(LOOKS, 500))


class Region(Fleet):
    """The registry of a Region, and what hotsite wrote down there."""

    def __init__(self, region, iot, data, tables):
        super().__init__(region, iot, data)
        self.tables = tables

    def record_count(self):
        answer = self.tables.scan(TableName="hotsite-registry", Select="COUNT")
        return answer["Count"]

    def has_place(self):
        """Say whether a verification has written down where it stands."""
        name = {"name": {"S": "cursor#verify-report"}}
        return "Item" in self.tables.get_item(TableName="hotsite-applied", Key=name)

    def leases(self):
        return self.tables.scan(
            TableName="hotsite-applied",
            FilterExpression="leased_until_s > :zero",
            ExpressionAttributeValues={":zero": {"N": "0"}},
        )["Items"]


class World:
    """A local cloud, the command line pointed at it, and boto3 in both Regions."""

    def __init__(self, folder):
        self.folder = folder
        self.fleets = {}

    def up(self):
        where = self.folder / ".hotsite" / NAME
        flags = ["--dir", str(where), "--block", BLOCK, "--raised-quotas", RAISED]
        command = [*HOTSITE, "local", "up", "--detach", *flags]
        # Templates are made once, beside everything else that is built.
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == 0
        for site in "ab":
            self._open(site)

    def down(self):
        command = ["local", "down", "--name", NAME]
        subprocess.run([*HOTSITE, *command], cwd=self.folder, check=False)

    def _open(self, site):
        command = ["local", "env", "--name", NAME, "--site", site, "--json"]
        env = json.loads(self.run(*command).stdout)
        session = boto3.session.Session(
            aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
            region_name=env["AWS_DEFAULT_REGION"],
        )

        def client(service):
            return session.client(service, endpoint_url=env["AWS_ENDPOINT_URL"])

        self._quiet(client)
        region = session.region_name
        clients = map(client, ("iot", "iot-data", "dynamodb"))
        self.fleets[region] = Region(region, *clients)

    def _quiet(self, client):
        for source in client("lambda").list_event_source_mappings()[
            "EventSourceMappings"
        ]:
            if source["FunctionArn"].endswith(":hotsite-capture"):
                client("lambda").update_event_source_mapping(
                    UUID=source["UUID"], Enabled=False
                )
        for rule in client("events").list_rules()["Rules"]:
            if rule.get("ScheduleExpression") == "rate(5 minutes)":
                client("events").disable_rule(Name=rule["Name"])

    def start(self, *command):
        return subprocess.Popen(
            [*HOTSITE, *command],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command):
        return subprocess.run(
            [*HOTSITE, *command],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )

    def json(self, code, *command):
        """Run a command that must end with an exit code; return its document."""
        done = self.run(*command, "--json", "--local", NAME)
        assert done.returncode == code, done.stdout + done.stderr
        return json.loads(done.stdout)

    @property
    def a(self):
        return self.fleets[A]

    @property
    def b(self):
        return self.fleets[B]

    def is_quiet(self):
        regions = self.json(0, "status", "--devices", "0")["regions"]
        return not any(region["pending"] for region in regions)

    def verify(self, code, *flags):
        found = self.json(code, "verify", *flags)
        return {region["region"]: region for region in found["regions"]}

    def assert_equal(self):
        one, other = self.a.registry(), self.b.registry()
        for noun, found in one.items():
            assert found == other[noun], noun
        return one


def interrupted(process):
    """Press Ctrl-C; return what was said."""
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=200)
    assert process.returncode == INTERRUPTED, said
    assert "Traceback" not in said
    return said


def kill_between_names(process, world):
    """Kill it while it holds no name, which nobody else may touch for 75 s then.

    That a death with a lease in hand loses nothing either is tested, call by call,
    in ``tests/flows/test_seed.py``; here it would only take long.
    """

    def is_stopped_between_names():
        os.kill(process.pid, signal.SIGSTOP)
        if not world.a.leases():
            return True
        os.kill(process.pid, signal.SIGCONT)
        return False

    wait_until(is_stopped_between_names)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    found = World(tmp_path_factory.mktemp("fleet"))
    try:
        found.up()
        found.strays = found.a.build()
        yield found
    finally:
        found.down()


def test_killed_seeding_goes_on_where_it_was_and_both_regions_become_equal(world):
    before = world.a.registry()
    process = world.start("seed", "--from", "a", "--local", NAME)
    wait_until(lambda: world.a.record_count() > 30, limit_s=200)
    assert "the same command goes on from here" in interrupted(process)

    process = world.start("seed", "--from", "a", "--local", NAME)
    wait_until(lambda: world.a.record_count() > 90, limit_s=200)
    kill_between_names(process, world)
    assert process.returncode == -signal.SIGKILL
    killed_at = world.a.record_count()
    assert killed_at < len(THINGS)

    report = world.json(0, "seed", "--from", "a")
    shared, stray = world.strays
    assert report["thing_done"] == report["thing_count"] == len(THINGS)
    assert report["shared"]["names"] == [shared]
    assert report["unattached"]["names"] == [stray]
    assert report["failed"]["count"] == report["pending"]["count"] == 0

    wait_until(world.is_quiet, limit_s=200)
    assert world.assert_equal() == before


def test_interrupted_verification_goes_on_where_it_was(world):
    process = world.start("verify", "--local", NAME)
    wait_until(lambda: all(map(Region.has_place, world.fleets.values())), limit_s=200)
    assert "--resume" in interrupted(process)
    found = world.verify(PARITY, "--resume")
    assert [found[region]["is_equal"] for region in (A, B)] == [True, True]


def mutated(world):
    """Change both Regions behind hotsite's back; return what must be found where."""
    a, b = world.a, world.b
    of = {name: a.certificates_of(name) for name in CERTIFIED}
    a.attribute("oven-041", hall="7")
    a.move("oven-042", "hall-1", "hall-2")
    a.policy_version("connect", 7)
    old, _ = of["oven-044"]
    a.detach("oven-044", old)
    a.status(of["oven-060"][0], "REVOKED")
    a.delete("oven-045")
    a.data.delete_thing_shadow(thingName="oven-010")
    a.data.delete_thing_shadow(thingName="oven-021", shadowName="door")
    b.iot.create_thing(thingName="oven-new")
    b.certificate("new", "oven-new")
    b.status(of["oven-064"][0], "INACTIVE")
    b.status(of["oven-068"][0], "REVOKED")
    b.shadow("oven-011", {"celsius": 400})
    b.delete("oven-046")
    return {
        A: {
            "thing#oven-041": "type or attributes differ",
            "thing#oven-042": "group hall-2 is here",
            "policy#connect": "document differs",
            "thing#oven-044": "is not attached",
            "thing#oven-060": "is REVOKED here, ACTIVE in the record",
            "thing#oven-045": "thing oven-045 is missing",
            "shadow#oven-010": "classic shadow differs",
            "shadow#oven-021": "named shadow door differs",
        },
        B: {
            "thing#oven-new": "is here, and not in the record",
            "thing#oven-064": "is INACTIVE here, ACTIVE in the record",
            "thing#oven-068": "is REVOKED here, ACTIVE in the record",
            "shadow#oven-011": "classic shadow differs",
            "thing#oven-046": "thing oven-046 is missing",
        },
    }, of


def test_what_is_changed_behind_hotsites_back_is_found_and_repaired(world):
    expected, of = mutated(world)
    found = world.verify(DRIFT)
    for region, findings in expected.items():
        texts = {}
        for item in found[region]["findings"]:
            texts[item["key"]] = texts.get(item["key"], "") + item["text"]
        assert texts.keys() == findings.keys()
        for key, text in findings.items():
            assert text in texts[key]
            assert key.partition("#")[2] in texts[key]

    world.verify(PARITY, "--repair", "--wait", "300")
    wait_until(world.is_quiet, limit_s=200)
    registry = world.assert_equal()
    assert registry["things"]["oven-041"][1]["hall"] == "7"
    assert registry["things"]["oven-042"][2] == ["hall-2", "line-bread"]
    assert registry["things"].keys() == {*THINGS, "oven-new"} - {"oven-045", "oven-046"}
    status = {name: item[0][1] for name, item in registry["certificates"].items()}
    assert status["oven-060"] == status["oven-068"] == "REVOKED"
    assert status["oven-064"] == "INACTIVE"
    assert [item[0] for item in registry["certificates"]["oven-044"]] == of["oven-044"][
        1:
    ]
    assert "oven-010" not in registry["shadows"]
    assert registry["shadows"]["oven-011"][""]["desired"] == {"celsius": 400}
    world.verify(PARITY)


def test_too_many_deletions_are_refused_with_the_list_and_can_be_undone(world):
    before = world.assert_equal()
    doomed = THINGS[100:160]
    for name in doomed:
        world.a.delete(name)
    refused = world.verify(REFUSED, "--repair", "--region", "a")[A]
    assert sorted(refused["deletions"]) == [f"thing#{name}" for name in doomed]
    assert "60 deletions of kind thing" in refused["refused"][0]
    assert "at most 19 are taken over" in refused["refused"][0]
    assert world.b.registry() == before

    world.verify(PARITY, "--repair", "--restore", "--region", "a")
    assert world.a.registry() == world.b.registry() == before
    sample = world.verify(PARITY, "--sample", "60")
    assert 0.04 < sample[A]["share_of_bad_max"] < 0.05


def test_seeding_again_has_nothing_to_do(world):
    report = world.json(0, "seed", "--from", "a", "--no-strays")
    assert report["written"] == 0


def thing(*groups):
    parts = {"type": {"NULL": True}, "attributes": {"M": {}}}
    return {**parts, "groups": {"L": [{"S": name} for name in groups]}}


def group(parent):
    parts = {"parent": {"S": parent}, "description": {"S": ""}, "policies": {"L": []}}
    return {**parts, "attributes": {"M": {}}}


def bad_records():
    """Yield what no Region can ever apply: key, items, and the reason to be told.

    A key of 10 kB cannot be written at all (2,048 bytes; DynamoDB developer guide,
    "Constraints"), so a name of that length is inside.
    """
    no_pem = {"pem": {"S": "no PEM"}, "status": {"S": "ACTIVE"}, "policies": {"L": []}}
    wide = {"document": {"S": policy("{{region}}", "wide", 60)}}
    yield "thing#bad-pem", (thing(), no_pem), "the certificate is not PEM"
    yield "thing#bad-name", (thing("n" * 10_000),), "(10000 characters) is no name"
    yield "thing#" + "n" * 1_000, (thing(),), "(1000 characters) is no name"
    yield "policy#bad-size", (wide,), "characters of policy, and AWS IoT takes 2048"
    yield "group#bad-ring-1", (group("bad-ring-2"),), "needs itself"
    yield "group#bad-ring-2", (group("bad-ring-1"),), "needs itself"
    yield "thing#bad-member", (thing("bad-ring-1"),), "needs group#bad-ring-1"
    yield "thing#bad-version", ({**thing(), "v": {"N": "9"}},), "version 9 of the item"


def items_of(key, contents):
    kind = key.partition("#")[0]
    for sort_key, content in zip(
        (kind, f"certificate#{'0' * 64}"), contents, strict=False
    ):
        yield {
            "pk": {"S": key},
            "sk": {"S": sort_key},
            "v": {"N": "1"},
            "origin": {"S": A},
            "written_at_s": {"N": str(time.time())},
            "stamp": {"S": f"stamp of {sort_key}"},
            "is_deleted": {"BOOL": False},
            "life": {"N": "0"},
            **content,
        }


def test_bad_records_are_told_with_their_reasons_and_block_no_other_name(world):
    bad = {key: (contents, reason) for key, contents, reason in bad_records()}
    good = {f"thing#good-{number}": (thing(),) for number in range(4)}
    everything = {**{key: found for key, (found, _) in bad.items()}, **good}
    puts = [
        {"Put": {"TableName": "hotsite-registry", "Item": item}}
        for key, contents in everything.items()
        for item in items_of(key, contents)
    ]
    # One transaction, so that good and bad come in the same batch of the stream.
    world.a.tables.transact_write_items(TransactItems=puts)

    def is_all_told():
        done = world.run("status", "--json", "--local", NAME)
        regions = json.loads(done.stdout)["regions"]
        is_failed = all(region["failed"] == len(bad) for region in regions)
        return (done.returncode, regions) if is_failed else None

    code, regions = wait_until(is_all_told, limit_s=200)
    assert code == 1
    for region in regions:
        told = {one["key"]: one["reason"] for one in region["failures"]}
        assert told.keys() == bad.keys()
        assert region["pending"] == 0
        for key, (_, reason) in bad.items():
            assert reason in told[key], told[key]
    for site in (world.a, world.b):
        assert {key.removeprefix("thing#") for key in good} <= site.things().keys()
    text = world.run("status", "--local", NAME).stdout
    assert "  thing#bad-pem: " in text
    assert len(max(text.splitlines(), key=len)) < 400
