"""The commands that deploy and remove, in an account in memory."""

import json
from dataclasses import replace

import pytest
from tests.flows.test_deployment import SITES, A, B, stacks

from hotsite.core.account import (
    Facts,
    Owner,
    RegionFacts,
    Wanted,
    ZoneFacts,
    objections,
)
from hotsite.core.epoch import Epoch
from hotsite.core.headroom import Fleet, Limit, Need
from hotsite.core.lighting import PARAMETER
from hotsite.core.operations import Claim
from hotsite.core.strategy import Strategy
from hotsite.errors import NotFoundError
from hotsite.faces.cli import deploy, destroy, main
from hotsite.faces.cli.awsworld import home_of
from hotsite.faces.cli.deploying import Job, Made
from hotsite.faces.cli.deployworld import World
from hotsite.flows.deployment import Pace
from hotsite.settings import Settings, TelemetrySettings
from hotsite.sim.account import SimSurvey
from hotsite.sim.clock import SimClock
from hotsite.sim.compute import SimCompute
from hotsite.sim.operations import SimOperations
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
        self.reserved = 0
        self.fleet = fleet
        self.strategy = Strategy.HOT_SITE
        self.given = {"Zone": "Z1"}
        self.clock = SimClock()
        # As a pilot light is made; a hot site's stacks switch it on.
        self.compute = SimCompute(("canary", "meter"))
        self.operations = SimOperations(B, self.clock)
        monkeypatch.setattr("sys.stdin.isatty", lambda: False)

    def open(self, _options):
        return Job(
            settings=Settings(
                DOMAIN,
                strategy=self.strategy,
                telemetry=TelemetrySettings(fleet_size=self.fleet),
            ),
            make=lambda: Made(self.stacks(), {"x.zip": lambda: b"x"}),
            given=self.given,
            world=World(
                account=self.survey,
                stacks={region: SimStacks(self.account, region) for region in (A, B)},
                packages=lambda _region, name: self.buckets.setdefault(
                    name, SimPackages(self.account, name)
                ),
                compute={B: self.compute}.__getitem__,
                operations={B: self.operations}.__getitem__,
                clock=self.clock,
                pace=Pace(),
            ),
        )

    def stacks(self):
        """Return the stacks; the standby's site has the parameter that it has."""
        return tuple(
            replace(one, parameters={**one.parameters, PARAMETER: True})
            if one.name == SITES[1]
            else one
            for one in stacks(self.memory, self.reserved)
        )

    def told(self):
        """Return what the standby's stack was last told of its compute."""
        return self.account.stacks[B, SITES[1]].order.values[PARAMETER]

    def light(self, epoch=None):
        """Light it, and let it take over, as a failover does it."""
        for name in self.compute.off():
            self.compute.switch_on(name)
        if epoch is not None:
            claim = Claim(epoch)
            before = self.operations.peek().items.get(claim.key)
            self.operations.write(claim, previous=before)

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


def test_a_certificate_of_one_region_is_not_given_to_both(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "hotsite.toml").write_text(f'domain = "{DOMAIN}"\n')
    (tmp_path / "more.json").write_text('{"MqttCertificateArn": "arn:aws:acm:x"}')
    assert main.main(["deploy", "--dry-run", "--parameters", "more.json"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "MqttCertificateArn is of one Region" in line


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


def test_functions_that_the_account_cannot_reserve_are_one_line(place, capsys):
    place.reserved = 21
    place.survey.regions[B] = RegionFacts(B, free_runs=120)
    assert place.call("deploy", "--yes") == main.WRONG
    error = capsys.readouterr().err
    assert "eu-west-1: hotsite reserves 21 runs of Lambda at once, and of 120" in error
    assert len(error.strip().splitlines()) == 1
    assert place.account.stacks == {}
    place.survey.regions[B] = RegionFacts(B, free_runs=121)
    assert place.call("deploy", "--yes") == 0
    # What is deployed has reserved them already.
    place.survey.regions[B] = RegionFacts(B, free_runs=100)
    assert place.call("diff") == 0


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


@pytest.fixture
def pilot(place):
    """A pilot light that is deployed, and not lit."""
    place.strategy = Strategy.PILOT_LIGHT
    assert place.call("deploy", "--yes") == 0
    return place


def test_a_pilot_light_is_made_dark_and_a_hot_site_is_not(place, pilot):
    assert (pilot.told(), pilot.compute.on()) == ("off", ())
    place.strategy = Strategy.HOT_SITE
    assert place.call("upgrade", "--yes") == 0
    assert (place.told(), place.compute.off()) == ("on", ())


def test_what_is_lit_stays_lit_and_the_plan_says_so(pilot, capsys):
    pilot.light()
    assert pilot.call("upgrade", "--dry-run", "--json") == 0
    (note,) = json.loads(capsys.readouterr().out.splitlines()[-1])["notes"]
    assert note == "b is lit (meter, canary), and stays so until --put-out"
    pilot.memory = 256
    for _ in range(2):
        assert pilot.call("upgrade", "--yes") == 0
        assert f"note: {note}" in capsys.readouterr().err
        assert (pilot.told(), pilot.compute.off()) == ("on", ())


def test_a_change_that_fails_leaves_lit_what_serves(pilot, capsys):
    pilot.light(Epoch(1, "b", 1.0))
    pilot.account.broken = {"Run"}
    # What CloudFormation does on its way back: the clock as it was deployed.
    pilot.account.on_call = lambda what: (
        pilot.compute.switch_off("canary") if what == "execute" else None
    )
    pilot.memory = 256
    assert pilot.call("upgrade", "--yes") != 0
    said = capsys.readouterr().err
    assert "note: b is active (epoch 1 (b)), so it stays lit" in said
    assert f"{B}: canary is on" in said
    assert pilot.compute.off() == ()


def test_a_light_is_put_out_by_its_own_word_after_a_failback(pilot, capsys):
    pilot.light(Epoch(1, "b", 1.0))
    assert pilot.call("upgrade", "--put-out", "--yes") == main.WRONG
    assert "b is active by epoch 1 (b): hotsite failback" in capsys.readouterr().err
    assert pilot.compute.off() == ()
    pilot.light(Epoch(2, "a", 2.0))
    # Its stacks were told "off" all the time: only looking finds it lit.
    assert pilot.told() == "off"
    assert pilot.call("upgrade", "--put-out", "--yes") == 0
    assert f"{B}: meter is off" in capsys.readouterr().err
    assert (pilot.told(), pilot.compute.on()) == ("off", ())


def test_a_standby_that_was_never_made_whole_is_made_dark(pilot):
    class Nothing(SimCompute):
        def on(self):
            raise NotFoundError("there is no rule")

    light, pilot.compute = pilot.compute, Nothing(())
    assert pilot.call("upgrade", "--dry-run") == 0
    pilot.compute = light
    assert pilot.told() == "off"


def test_what_has_no_light_to_put_out_says_so(place, capsys):
    assert place.call("deploy", "--yes") == 0
    assert place.call("upgrade", "--put-out", "--yes") == main.WRONG
    assert "there is no pilot light here" in capsys.readouterr().err


def test_the_strategy_is_said_in_one_place_only(place, capsys):
    place.given = {**place.given, "Compute": "off"}
    assert place.call("deploy", "--yes") == main.WRONG
    assert "Compute: strategy in hotsite.toml says it" in capsys.readouterr().err
    assert place.account.stacks == {}


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
