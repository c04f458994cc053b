"""Deploying in memory: whole, killed at each call, changed, broken and removed."""

import json
from dataclasses import replace

import pytest

from hotsite.core.deployment import Act, Fate, lasting, removal_of
from hotsite.core.stacks import Need, read_stacks
from hotsite.errors import InvalidInputError, PermanentError
from hotsite.flows.deployment import Deployment, Wish, upload
from hotsite.sim.clock import SimClock
from hotsite.sim.stacks import SimAccount, SimPackages, SimStacks

A, B = "eu-central-1", "eu-west-1"
KEY, KEY_B, DATA = f"hs-key-{A}", f"hs-key-{B}", "hs-data"
SITES = (f"hs-site-{A}", f"hs-site-{B}")
NAMES = (KEY, KEY_B, DATA, *SITES)


class KilledError(Exception):
    """The process is gone."""


def kept(kind, **properties):
    return {"Type": kind, "Properties": properties, "DeletionPolicy": "Retain"}


def template(resources, *, needs=(), outputs=()):
    return json.dumps(
        {
            "Parameters": {name: {"Type": "String"} for name in needs},
            "Resources": resources,
            "Outputs": {name: {"Value": name} for name in outputs},
        }
    )


def stacks(memory=128, reserved=0):
    size = {"MemorySize": memory}
    limit = {"ReservedConcurrentExecutions": reserved} if reserved else {}
    site = {
        "Run": {"Type": "AWS::Lambda::Function", "Properties": {**size, **limit}},
        "Policy": {"Type": "AWS::IoT::Policy", "Properties": {"PolicyName": "hs"}},
    }
    key = template({"Key": kept("AWS::KMS::Key")}, outputs=("KeyId",))
    tables = {"T": kept("AWS::DynamoDB::GlobalTable", TableName="hs-registry")}
    need = {"KeyId": {"stack": KEY, "output": "KeyId"}}
    rows = (
        (KEY, A, key, {}),
        (KEY_B, B, template({"K": kept("AWS::KMS::Key")}, needs=("KeyId",)), need),
        (DATA, A, template(tables, needs=("KeyId",)), need),
        (SITES[0], A, template(site, needs=("Zone",)), {}),
        (SITES[1], B, template(site, needs=("Zone",)), {}),
    )
    entries = [
        {"name": name, "region": region, "template": name, "parameters": needs}
        for name, region, _, needs in rows
    ]
    return read_stacks(entries, {name: body for name, _, body, _ in rows})


class World:
    def __init__(self):
        self.account = SimAccount()
        self.told = []
        self.packages = {r: SimPackages(self.account, f"code-{r}") for r in (A, B)}

    def deployment(self):
        regions = (A, B, "c-1")
        places = {region: SimStacks(self.account, region) for region in regions}
        return Deployment(
            places, SimClock(), lambda stack, event: self.told.append((stack, event))
        )

    def deploy(self, memory=128, **more):
        list(upload(self.packages, {"x.zip": lambda: b"x"}))
        wish = Wish(stacks(memory), {"Zone": "Z1"}, standby=B, **more)
        return [(one.name, decision.reason) for one, decision in self.run(wish)]

    def run(self, wish):
        return self.deployment().deploy(wish)

    def statuses(self):
        return {name: found[0] for (_, name), found in self.account.there().items()}


def test_everything_is_created_in_order_and_what_is_needed_is_handed_on():
    world = World()
    assert [name for name, _ in world.deploy()] == list(NAMES)
    assert set(world.statuses().values()) == {"CREATE_COMPLETE"}
    values = {name: found[2] for (_, name), found in world.account.there().items()}
    assert values[KEY_B] == (("KeyId", f"{KEY}.KeyId"),)
    assert world.account.changes() == 0
    assert {stack.name for stack, _ in world.told} == set(NAMES)


def test_a_second_run_changes_nothing_and_leaves_nothing():
    world = World()
    world.deploy()
    before = world.account.there()
    assert {reason for _, reason in world.deploy()} == {"nothing to change"}
    assert world.account.there() == before
    assert world.account.changes() == 0


def test_a_run_that_was_killed_at_any_call_is_finished_by_the_next_one():
    whole = World()
    calls = []
    whole.account.on_call = calls.append
    whole.deploy()
    whole.deploy(memory=256)
    assert len(calls) > 100
    for place in range(len(calls)):
        world = World()
        world.account.on_call = killer(place)
        for memory in (128, 256):
            try:
                world.deploy(memory)
            except KilledError:
                world.account.on_call = lambda _what: None
                world.deploy(memory)
        assert world.account.there() == whole.account.there(), calls[place]
        assert world.account.changes() == 0


def killer(place):
    left = [place]

    def on_call(_what):
        left[0] -= 1
        if left[0] < 0:
            raise KilledError

    return on_call


def test_a_removal_that_was_killed_at_any_call_is_finished_by_the_next_one():
    for place in range(40):
        world = World()
        world.deploy()
        world.account.on_call = killer(place)
        try:
            list(world.deployment().remove(stacks()))
        except KilledError:
            world.account.on_call = lambda _what: None
            list(world.deployment().remove(stacks()))
        assert world.account.there() == {}
        assert world.account.kept[A] == {"hs-registry"}


def test_a_change_goes_to_the_standby_first_and_the_rest_stays():
    world = World()
    world.deploy()
    done = world.deploy(memory=256)
    assert [name for name, why in done if not why] == [SITES[1], SITES[0]]
    assert world.statuses()[SITES[0]] == "UPDATE_COMPLETE"
    assert world.statuses()[DATA] == "CREATE_COMPLETE"


def test_a_further_standby_is_made_before_the_others_lead_to_it():
    world = World()
    world.deploy()
    third = "hs-site-c-1"
    sites = [one for one in stacks(256) if one.name in SITES]
    new = replace(sites[1], name=third, region="c-1")
    others = tuple(one for one in stacks(256) if one.name not in SITES)
    leads = replace(sites[1], needs=(Need("Zone", third, "Out"),))
    parts = world.deployment().foresee(Wish((*others, new, leads), {"Zone": "Z1"}))
    fates = {part.stack: (part.fate, part.reason) for part in parts}
    assert fates[third] == (Fate.CREATED, "")
    assert fates[leads.name] == (Fate.CHANGED, f"reviewed when {third} is there")
    wish = Wish((*others, *sites, new), {"Zone": "Z1"}, standby=B, active=A)
    done = [one.name for one, decision in world.run(wish) if not decision.reason]
    assert done == [third, SITES[1], SITES[0]]
    again = Wish((*others, *sites, new), {"Zone": "Z2"}, standby=B, active=A)
    done = [one.name for one, decision in world.run(again) if not decision.reason]
    assert done == [SITES[1], third, SITES[0]]


def test_a_change_that_fails_is_rolled_back_in_the_standby_and_goes_no_further():
    world = World()
    world.deploy()
    world.account.broken.add("Run")
    with pytest.raises(PermanentError, match=r"Run .*it serves as it did before"):
        world.deploy(memory=256)
    assert world.statuses()[SITES[1]] == "UPDATE_ROLLBACK_COMPLETE"
    assert world.statuses()[SITES[0]] == "CREATE_COMPLETE"
    world.account.broken.clear()
    world.deploy(memory=256)
    assert world.statuses()[SITES[0]] == "UPDATE_COMPLETE"


def test_a_stack_whose_creation_failed_is_cleared_and_made_anew():
    world = World()
    world.account.broken.add("T")
    with pytest.raises(PermanentError, match=f"stack {DATA} in {A}: T .*cannot be"):
        world.deploy()
    assert world.statuses()[DATA] == "ROLLBACK_COMPLETE"
    world.account.broken.clear()
    world.deploy()
    assert set(world.statuses().values()) == {"CREATE_COMPLETE"}


def test_foreseeing_says_what_would_happen_and_changes_nothing():
    world = World()
    wish = Wish(stacks(), {"Zone": "Z1"}, standby=B)
    parts = list(world.deployment().foresee(wish))
    assert {part.fate for part in parts} == {Fate.CREATED}
    assert world.account.there() == {}
    said = list(lasting(parts))
    assert any("KMS key" in text and A in text and B in text for text in said)
    world.deploy()
    before = world.account.there()
    parts = list(world.deployment().foresee(Wish(stacks(256), {"Zone": "Z1"})))
    fates = {part.stack: part.fate for part in parts}
    assert fates[DATA] is Fate.SAME
    assert fates[SITES[0]] is Fate.CHANGED
    assert parts[-1].counts == {"changed": 1}
    assert world.account.there() == before
    assert world.account.changes() == 0


def test_data_outlives_its_stack_and_the_next_one_takes_it_over_when_asked():
    world = World()
    world.deploy()
    removed = [one.name for one, _ in world.deployment().remove(stacks())]
    assert removed[-1] == KEY
    assert world.account.there() == {}
    with pytest.raises(PermanentError, match="hs-registry already exists"):
        world.deploy()
    world.deploy(takes_over=True)
    assert set(world.statuses().values()) == {"CREATE_COMPLETE"}
    assert world.account.kept[A] == set()


def test_removing_says_what_goes_and_what_stays():
    world = World()
    world.deploy()
    seen = world.deployment().look(stacks())
    parts = {s.name: removal_of(s, seen.get(s.name)) for s in stacks()}
    assert [one.title for one in parts[DATA].kept] == ["hs-registry"]
    assert parts[SITES[0]].counts == {"removed": 2}
    assert any("no device is let in" in text for text in lasting([*parts.values()]))
    assert removal_of(stacks()[0], None).fate is Fate.SAME


def test_a_value_that_nobody_gives_is_refused_before_anything_is_asked():
    world = World()
    with pytest.raises(InvalidInputError, match=r"hs-site-.*no value for Zone"):
        list(world.run(Wish(stacks()[3:], {})))
    assert world.account.there() == {}


def test_an_operators_quota_is_kept_when_a_deployment_does_not_name_it():
    body = json.dumps(
        {
            "Parameters": {"RaisedQuotas": {"Type": "String", "Default": ""}},
            "Resources": {"Run": {"Type": "AWS::Lambda::Function"}},
        }
    )
    entry = {"name": "hs-x", "region": A, "template": "x"}
    world = World()
    wish = Wish(read_stacks([entry], {"x": body}), {"RaisedQuotas": "raised"})
    list(world.run(wish))
    done = list(world.run(Wish(wish.stacks, {})))
    assert [decision.act for _, decision in done] == [Act.DONE]
    assert world.account.there()[A, "hs-x"][2] == (("RaisedQuotas", "raised"),)


def test_code_that_is_there_is_not_put_again():
    world = World()
    contents = {"x.zip": lambda: b"x"}
    assert len(list(upload(world.packages, contents))) == 2
    assert list(upload(world.packages, contents)) == []
    assert all(place.remove() for place in world.packages.values())
    assert not any(place.remove() for place in world.packages.values())
