"""The commands that deploy and remove, in an account in memory."""

import json

import pytest
from tests.flows.test_deployment import A, B, stacks

from hotsite.core.account import (
    Facts,
    Owner,
    RegionFacts,
    Wanted,
    ZoneFacts,
    objections,
)
from hotsite.core.headroom import Fleet, Limit, Need
from hotsite.faces.cli import deploy, destroy, main
from hotsite.faces.cli.awsworld import home_of
from hotsite.faces.cli.deploying import Job, Made
from hotsite.faces.cli.deployworld import World
from hotsite.flows.deployment import Pace
from hotsite.settings import Settings, TelemetrySettings
from hotsite.sim.account import SimSurvey
from hotsite.sim.clock import SimClock
from hotsite.sim.stacks import SimAccount, SimPackages, SimStacks

DOMAIN = "fleet.example.com"
ID = "123456789012"
SERVERS = ("ns-1.awsdns-01.org", "ns-2.awsdns-02.co.uk")
ZONE = ZoneFacts(DOMAIN, "Z1", name_servers=SERVERS, delegated=("NS-1.awsdns-01.org.",))


class Place:
    """An account, and the command line in front of it."""

    def __init__(self, monkeypatch, zone=ZONE, fleet=None):
        self.account = SimAccount()
        self.survey = SimSurvey(
            self.account, Owner(ID, "arn:aws:iam::1:user/x"), {DOMAIN: zone}
        )
        self.buckets = {}
        self.memory = 128
        self.fleet = fleet
        monkeypatch.setattr("sys.stdin.isatty", lambda: False)

    def open(self, _options):
        return Job(
            settings=Settings(
                DOMAIN, telemetry=TelemetrySettings(fleet_size=self.fleet)
            ),
            make=lambda: Made(stacks(self.memory), {"x.zip": lambda: b"x"}),
            given={"Zone": "Z1"},
            world=World(
                account=self.survey,
                stacks={region: SimStacks(self.account, region) for region in (A, B)},
                packages=lambda _region, name: self.buckets.setdefault(
                    name, SimPackages(self.account, name)
                ),
                clock=SimClock(),
                pace=Pace(),
            ),
        )

    def call(self, *words):
        top = main.parser(())
        commands = top._subparsers._group_actions[0]
        deploy.register(commands, self.open)
        destroy.register(commands, self.open)
        options = top.parse_args(words)
        try:
            return options.run(options)
        except main.HotsiteError as error:
            return main._refuse(error, is_json=options.json)


@pytest.fixture
def place(monkeypatch):
    return Place(monkeypatch)


def test_a_dry_run_says_what_would_be_made_and_makes_nothing(place, capsys):
    assert place.call("deploy", "--dry-run") == 0
    said = capsys.readouterr().out
    assert f"deploy in account {ID}: {A}, {B}" in said
    assert "hs-site-eu-west-1" in said
    assert "created: 2 created" in said
    assert "cannot be undone" in said
    assert "a month: not known; say telemetry.fleet_size" in said
    assert "not priced: DynamoDB" in said
    assert place.account.stacks == {}
    assert place.buckets == {}


def test_without_a_yes_nothing_is_made(place, capsys):
    assert place.call("deploy") == main.WRONG
    assert "say --yes to deploy this" in capsys.readouterr().err
    assert place.account.stacks == {}


def test_deploying_says_each_stack_and_answers_one_document(place, capsys):
    assert place.call("deploy", "--yes", "--json") == 0
    told = capsys.readouterr()
    document = json.loads(told.out)
    assert set(document["stacks"].values()) == {"done"}
    assert len(document["stacks"]) == 5
    assert "CREATE_COMPLETE Run (AWS::Lambda::Function)" in told.err
    assert sorted(place.buckets) == [f"hotsite-assets-{ID}-{r}" for r in (A, B)]
    assert place.call("diff") == 0
    place.memory = 256
    assert place.call("diff", "--json") == 1
    changed = json.loads(capsys.readouterr().out.splitlines()[-1])
    fates = {one["name"]: one["fate"] for one in changed["stacks"]}
    assert fates["hs-data"] == "unchanged"
    assert fates["hs-site-eu-central-1"] == "changed"


def test_an_upgrade_is_of_what_is_there(place, capsys):
    assert place.call("upgrade", "--yes") == main.WRONG
    assert "nothing is deployed here" in capsys.readouterr().err
    place.call("deploy", "--yes")
    place.memory = 256
    assert place.call("upgrade", "--yes") == 0
    assert "5 stacks, 2 of them changed" in capsys.readouterr().out


def test_destroying_keeps_data_and_says_so(place, capsys):
    place.call("deploy", "--yes")
    assert place.call("destroy", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "what is kept" in said
    assert "hs-registry (AWS::DynamoDB::GlobalTable, eu-central-1)" in said
    assert len(place.account.stacks) == 5
    assert place.call("destroy", "--yes", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["removed"]) == 5
    assert [one["name"] for one in document["kept"]] == ["Key", "K", "hs-registry"]
    assert len(document["buckets"]) == 2
    assert place.account.stacks == {}
    assert place.call("deploy", "--yes") == main.WRONG
    assert "table hs-registry is there and no stack has it" in capsys.readouterr().err
    assert place.call("deploy", "--yes", "--take-over") == 0


def test_another_account_than_the_one_that_is_meant_is_refused(place, capsys):
    for command in ("deploy", "destroy"):
        assert place.call(command, "--yes", "--account", "210987654321") == main.WRONG
        error = capsys.readouterr().err
        assert f"hotsite: these credentials are of account {ID}" in error
    assert place.account.stacks == {}


NONE = RegionFacts(B, is_there=False)
CLOSED = RegionFacts(B, is_open=False)
SMALL = RegionFacts(B, limits=(Limit(Need.CONNECTIONS, 100.0, "L-1"),))
OTHERS = ("ns1.example.net.",)
OBSTACLES = {
    "no zone": (ZoneFacts(DOMAIN), None, "fleet.example.com has no hosted zone in"),
    "a private zone": (
        ZoneFacts(DOMAIN, "Z1", is_private=True),
        None,
        "the hosted zone of fleet.example.com is private",
    ),
    "no delegation": (
        ZoneFacts(DOMAIN, "Z1", name_servers=SERVERS, delegated=OTHERS),
        None,
        "is not delegated to its hosted zone Z1: the world asks ns1.example.net.",
    ),
    "nobody delegates": (
        ZoneFacts(DOMAIN, "Z1", name_servers=SERVERS),
        None,
        "the world asks nobody",
    ),
    "another authority": (
        ZoneFacts(
            DOMAIN, "Z1", name_servers=SERVERS, delegated=SERVERS, cas=("ca.example",)
        ),
        None,
        "lets only ca.example issue certificates (CAA)",
    ),
    "records": (
        ZoneFacts(
            DOMAIN,
            "Z1",
            name_servers=SERVERS,
            delegated=SERVERS,
            records=frozenset({f"iot.{DOMAIN}"}),
        ),
        None,
        "records of iot.fleet.example.com are in zone Z1 already",
    ),
    "no such Region": (ZONE, NONE, "AWS has no Region eu-west-1"),
    "a Region that is not enabled": (ZONE, CLOSED, "eu-west-1 is not enabled"),
    "a small quota": (
        ZONE,
        SMALL,
        "eu-west-1: 5,000 devices need 5,000 of 'Maximum concurrent client",
    ),
}


@pytest.mark.parametrize("name", OBSTACLES)
def test_what_cannot_work_is_one_line_and_nothing_is_made(monkeypatch, capsys, name):
    zone, region, line = OBSTACLES[name]
    place = Place(monkeypatch, zone, fleet=5_000)
    if region is not None:
        place.survey.regions[B] = region
    for words in (("--yes",), ("--dry-run",)):
        assert place.call("deploy", *words) == main.WRONG
        told = capsys.readouterr()
        assert line in told.err
        assert len(told.err.strip().splitlines()) == 1
        assert told.out == ""
    assert place.account.stacks == {}
    assert place.buckets == {}


def test_a_name_that_is_taken_is_one_line_and_nothing_is_made(place, capsys):
    place.survey.names[B] = {"hs"}
    assert place.call("deploy", "--yes") == main.WRONG
    error = capsys.readouterr().err
    assert "eu-west-1: the name of IoT policy hs is taken" in error
    assert place.account.stacks == {}


def test_everything_that_speaks_against_it_is_said_at_once(monkeypatch, capsys):
    place = Place(monkeypatch, ZoneFacts(DOMAIN), fleet=5_000)
    place.survey.regions.update({A: RegionFacts(A, is_open=False), B: SMALL})
    assert place.call("deploy", "--yes") == main.WRONG
    error = capsys.readouterr().err
    assert "hosted zone" in error
    assert "eu-central-1 is not enabled" in error
    assert "5,000 devices" in error


def test_what_could_not_be_read_is_told_and_blocks_nothing(place, capsys):
    place.survey.zones = {
        DOMAIN: ZoneFacts(DOMAIN, "Z1", name_servers=SERVERS, delegated=None)
    }
    place.survey.regions[A] = RegionFacts(
        A, has_things=True, unread=("could not read the quotas: denied",)
    )
    assert place.call("deploy", "--dry-run") == 0
    said = capsys.readouterr().out
    assert "note: nobody here could be asked where" in said
    assert "note: eu-central-1: there is a fleet already" in said
    assert "note: eu-central-1: could not read the quotas: denied" in said


def test_the_cost_is_of_the_fleet_that_the_settings_name(monkeypatch, capsys):
    place = Place(monkeypatch, fleet=1_000)
    assert place.call("deploy", "--dry-run", "--json") == 0
    cost = json.loads(capsys.readouterr().out)["cost_usd_a_month"]
    # 1,000 connections are 43.2 million minutes of 30 days, at 0.08 USD a million.
    assert cost["fleet"] > 3.45
    assert cost["hotsite"] > 0


def test_records_of_our_own_stacks_are_no_obstacle():
    zone = ZoneFacts(
        DOMAIN,
        "Z1",
        name_servers=SERVERS,
        delegated=SERVERS,
        records=frozenset({f"iot.{DOMAIN}"}),
    )
    facts = Facts(Owner(ID, "x"), zone, (), frozenset({"hs-site"}))
    wanted = Wanted(DOMAIN, Fleet(None), (f"iot.{DOMAIN}",))
    assert objections(facts, wanted) == ()


def test_a_region_that_nobody_knows_is_asked_about_elsewhere():
    assert home_of("eu-central-1") == "eu-central-1"
    assert home_of("eu-west-9") == "us-east-1"


@pytest.mark.parametrize(
    ("there", "new"),
    [
        ((), ()),
        (("hs-key-r-1", "hs-key-r-2", "hs-data"), ("r-3", "r-4")),
        (("hs-key-r-1", "hs-key-r-2", "hs-key-r-3", "hs-data"), ()),
        (("hs-key-r-1", "hs-key-r-2"), ()),
    ],
)
def test_tables_that_are_there_get_one_more_region_at_a_time(there, new):
    regions = tuple(RegionFacts(f"r-{number}") for number in (1, 2, 3, 4))
    facts = Facts(Owner(ID, "x"), ZONE, regions, frozenset(there))
    wanted = Wanted(DOMAIN, Fleet(None))
    said = [one.text for one in objections(facts, wanted) if "at a time" in one.text]
    assert len(said) == (1 if new else 0)
    if new:
        assert said[0].endswith("deploy with r-3 first, then add r-4")
