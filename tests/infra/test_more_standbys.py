"""Three and four sites: what the templates of two do not have, and nothing else."""

import json
from dataclasses import replace

import pytest

from hotsite.core.deployment import Fate
from hotsite.core.stacks import read_stacks
from hotsite.flows.deployment import Deployment, Wish, upload
from hotsite.infra.synth import synthesise
from hotsite.infra.validation import judged
from hotsite.settings import SiteSettings
from hotsite.sim.clock import SimClock
from hotsite.sim.stacks import SimAccount, SimPackages, SimStacks

REGIONS = ("eu-central-1", "eu-west-1", "us-east-1", "ap-southeast-2")
LETTERS = "abcd"
DOMAIN = "fleet.example.com"
A = REGIONS[0]
TEMPLATE_BYTES_MAX = 51_200


@pytest.fixture(scope="module")
def paths(settings, tmp_path_factory):
    """Return the templates of four sites by their stacks' names."""
    sites = map(SiteSettings, LETTERS, REGIONS)
    four = replace(settings, sites=tuple(sites))
    written = synthesise(four, tmp_path_factory.mktemp("four"))
    return {path.name.removesuffix(".template.json"): path for path in written}


@pytest.fixture(scope="module")
def resources(paths):
    def of(stack, kind):
        found = json.loads(paths[f"hotsite-{stack}"].read_text())["Resources"]
        return {
            name: resource["Properties"]
            for name, resource in found.items()
            if resource["Type"] == kind
        }

    return of


def test_each_site_has_all_that_a_site_has_and_its_key_comes_before_the_tables(paths):
    names = list(paths)
    nouns = ("key", "cold", "site", "replication", "copies", "telemetry", "firmware")
    wanted = [f"hotsite-{noun}-{region}" for noun in nouns for region in REGIONS]
    assert sorted(names) == sorted([*wanted, "hotsite-data"])
    assert names[:5] == [*wanted[:4], "hotsite-data"]


def test_templates_are_small_and_our_rules_find_nothing(paths):
    for path in paths.values():
        assert path.stat().st_size < TEMPLATE_BYTES_MAX, path.name
        assert judged(path) == (), path.name


@pytest.mark.parametrize("threshold", [0, 1, 2, 3])
def test_a_primary_that_does_without_one_switch_is_seen(paths, tmp_path, threshold):
    template = json.loads(paths[f"hotsite-site-{A}"].read_text())
    config = template["Resources"]["Primary"]["Properties"]["HealthCheckConfig"]
    assert len(config["ChildHealthChecks"]) == len(REGIONS)
    config["HealthThreshold"] = threshold
    path = tmp_path / "site.template.json"
    path.write_text(json.dumps(template))
    assert "health_checks_count_all_or_probe" in {one.rule for one in judged(path)}


def test_one_stack_has_every_table_with_a_replica_and_its_key_in_each_region(resources):
    tables = resources("data", "AWS::DynamoDB::GlobalTable").values()
    assert len(tables) == 3
    for table in tables:
        assert [one["Region"] for one in table["Replicas"]] == list(REGIONS)
        for one in table["Replicas"]:
            key = json.dumps(one["SSESpecification"]["KMSMasterKeyId"])
            assert f":kms:{one['Region']}:" in key
    for region in REGIONS[1:]:
        (replica,) = resources(f"key-{region}", "AWS::KMS::ReplicaKey").values()
        assert f":kms:{REGIONS[0]}:" in json.dumps(replica["PrimaryKeyArn"])


def checks_of(resources, region):
    found = resources(f"site-{region}", "AWS::Route53::HealthCheck")
    return {name: one["HealthCheckConfig"] for name, one in found.items()}


@pytest.mark.parametrize("place", range(4))
def test_a_site_goes_when_it_is_sick_or_any_site_after_it_took_over(resources, place):
    checks = checks_of(resources, REGIONS[place])
    after = LETTERS[place + 1 :]
    switches = {
        name: one
        for name, one in checks.items()
        if one.get("ResourcePath") == "/switch"
    }
    asked = [one["FullyQualifiedDomainName"] for one in switches.values()]
    assert asked == [f"api-{letter}.{DOMAIN}" for letter in after]
    # A standby that is silent must move nothing.
    assert all(one["Inverted"] for one in switches.values())
    if after:
        counted = ["Health", *switches]
        children = [{"Fn::GetAtt": [name, "HealthCheckId"]} for name in counted]
        assert checks["Primary"]["ChildHealthChecks"] == children
        assert checks["Primary"]["HealthThreshold"] == len(children)
    else:
        assert list(checks) == ["Health"]


@pytest.mark.parametrize("place", [1, 2])
def test_the_next_name_is_worth_to_be_led_to_while_one_behind_it_is_well(
    resources, place
):
    checks = checks_of(resources, REGIONS[place])
    counted = [child["Fn::GetAtt"][0] for child in checks["Any"]["ChildHealthChecks"]]
    asked = [checks[name]["FullyQualifiedDomainName"] for name in counted]
    assert asked == [f"api-{letter}.{DOMAIN}" for letter in LETTERS[place:]]
    assert {checks[name]["ResourcePath"] for name in counted} == {"/healthz"}
    assert checks["Any"]["HealthThreshold"] == 1


def records_of(resources):
    """Return all records of all sites, by name and role."""
    return {
        (one["Name"].removesuffix(f".{DOMAIN}."), one.get("Failover")): (
            region,
            one["ResourceRecords"][0],
            one.get("HealthCheckId", {}).get("Fn::GetAtt", [None])[0],
        )
        for region in REGIONS
        for one in resources(f"site-{region}", "AWS::Route53::RecordSet").values()
    }


@pytest.mark.parametrize("noun", ["iot", "api"])
def test_names_lead_from_the_first_site_to_the_last_and_each_half_is_its_owners(
    resources, noun
):
    records = records_of(resources)
    a, b, c, d = REGIONS
    chain = [noun, f"{noun}-from-b", f"{noun}-from-c"]
    for name, here, there in zip(chain, (a, b, c), (b, c, d), strict=True):
        region, target, check = records[name, "PRIMARY"]
        assert (region, check) == (here, "Primary")
        assert "Fn::GetAtt" in target
        region, target, check = records[name, "SECONDARY"]
        is_last = there == d
        assert (region, check) == (there, "Health" if is_last else "Any")
        following = None if is_last else chain[chain.index(name) + 1]
        assert is_last == ("Fn::GetAtt" in target)
        assert is_last or target == f"{following}.{DOMAIN}"
    for letter, region in zip(LETTERS, REGIONS, strict=True):
        assert records[f"{noun}-{letter}", None][0] == region
    of_noun = [key for key in records if key[0].startswith(noun)]
    assert len(of_noun) == 2 * len(chain) + len(REGIONS)


def test_cold_objects_are_copied_from_each_site_to_each_other(paths, resources):
    plan = json.loads((next(iter(paths.values())).parent / "stacks.json").read_text())
    needs = {one["name"]: one["parameters"] for one in plan}
    for region in REGIONS:
        stack = f"copies-{region}"
        (wish,) = resources(stack, "Custom::HotsiteCopies").values()
        given = [(wish["ReplicaBucket"], wish["ReplicaKeyArn"])]
        given += [(one["Bucket"], one["KeyArn"]) for one in wish["More"]]
        sources = {
            (
                needs[f"hotsite-{stack}"][bucket["Ref"]]["stack"],
                needs[f"hotsite-{stack}"][key["Ref"]]["stack"],
            )
            for bucket, key in given
        }
        others = [one for one in REGIONS if one != region]
        assert sources == {(f"hotsite-cold-{one}",) * 2 for one in others}
        (role,) = resources(stack, "AWS::IAM::Role").values()
        text = json.dumps(role)
        assert all(f'"Ref": "{bucket["Ref"]}"' in text for bucket, _ in given)
        assert all(f'"Ref": "{key["Ref"]}"' in text for _, key in given)


def test_functions_know_all_sites(resources):
    for region in REGIONS:
        for one in resources(f"site-{region}", "AWS::Lambda::Function").values():
            assert one["Environment"]["Variables"]["SITE_LETTERS"] == "a,b,c,d"


def test_of_two_sites_nothing_knows_that_there_might_be_more(assembly):
    for path in assembly.paths:
        text = path.read_text()
        assert "SITE_LETTERS" not in text
        assert "-from-" not in text
        assert '"More"' not in text


def test_first_site_of_many_differs_from_that_of_two_in_switches_alone(paths, assembly):
    """An owner who adds a standby changes nothing that serves."""
    before, after = (
        json.loads(path.read_text())["Resources"]
        for path in (assembly.path("site-eu-central-1"), paths[f"hotsite-site-{A}"])
    )
    assert after.keys() - before.keys() == {"SwitchC", "SwitchD"}
    assert before.keys() <= after.keys()
    changed = {key for key in before if before[key] != after[key]}
    kinds = {before[key]["Type"] for key in changed - {"Primary"}}
    assert kinds == {"AWS::Lambda::Function"}


def stacks_in(folder):
    entries = json.loads((folder / "stacks.json").read_text())
    bodies = {path.name: path.read_text() for path in folder.glob("*.template.json")}
    return read_stacks(entries, bodies)


def test_a_fleet_of_two_sites_becomes_one_of_four_and_what_leads_there_comes_last(
    paths, assembly
):
    two = stacks_in(assembly.paths[0].parent)
    four = stacks_in(next(iter(paths.values())).parent)
    account = SimAccount()
    places = {region: SimStacks(account, region) for region in REGIONS}
    deployment = Deployment(places, SimClock(), lambda _stack, _event: None)
    given = {"AssetBucket": "code", "HostedZoneId": "Z1"}
    for region in REGIONS:
        list(upload({region: SimPackages(account, "code")}, {}))
    list(deployment.deploy(Wish(two, given, standby=REGIONS[1], active=A)))
    wish = Wish(four, given, standby=REGIONS[1], active=A)
    fates = {part.stack: part.fate for part in deployment.foresee(wish)}
    assert len(fates) == len(four)
    assert fates["hotsite-site-us-east-1"] is Fate.CREATED
    assert fates[f"hotsite-copies-{A}"] is fates["hotsite-data"] is Fate.CHANGED
    done = [stack.name for stack, found in deployment.deploy(wish) if not found.reason]
    sites = [name.removeprefix("hotsite-site-") for name in done if "-site-" in name]
    assert set(sites[:2]) == set(REGIONS[2:])
    assert sites[2:] == [REGIONS[1], A]
    assert done.index("hotsite-data") > done.index("hotsite-key-us-east-1")
    again = list(deployment.deploy(wish))
    assert {found.reason for _, found in again} == {"nothing to change"}
