"""What becomes of an existing fleet, as a plan."""

import pytest

from hotsite.core.adoption import Domain, Fleet, Rule, plan

WHERE = {"domain": "fleet.example.com", "prefix": "hotsite", "standby": "eu-west-1"}
FLEET = Fleet(
    "eu-central-1",
    things=3_000,
    types=("oven", "hotsite-device"),
    groups=("kitchen", "hotsite-fleet"),
    dynamic_groups=("old-firmware",),
    policies=("ovens",),
    cas=1,
    templates=("claim",),
    rules=(Rule("store", "SELECT * FROM 'ovens/#'"), Rule("hotsite_batch", "SELECT *")),
    domains=(
        Domain("iot:Data-ATS", ""),
        Domain("theirs", "mqtt.example.com"),
        Domain("hotsite-iot", "iot.fleet.example.com"),
    ),
)


def test_registry_is_managed_and_what_is_ours_is_not_counted():
    managed = " | ".join(plan(FLEET, **WHERE).managed)
    assert "3,000 things" in managed
    assert "1 thing types: oven" in managed
    assert "1 thing groups: kitchen" in managed
    assert "hotsite" not in managed


def test_what_is_left_is_named_with_its_reason():
    left = {one.what: one for one in plan(FLEET, **WHERE).left}
    assert left["dynamic thing groups"].names == ("old-firmware",)
    assert left["topic rules"].names == ("store",)
    assert left["provisioning templates"].names == ("claim",)
    assert left["domain names"].names == ("mqtt.example.com",)
    assert all(one.why for one in left.values())


def test_devices_are_told_the_owners_name_after_the_other_region_knows_them():
    texts = [step.text for step in plan(FLEET, **WHERE).steps]
    (told,) = (i for i, text in enumerate(texts) if "iot.fleet.example.com" in text)
    (known,) = (i for i, text in enumerate(texts) if "the other Region has all" in text)
    assert known < told
    commands = [step.command for step in plan(FLEET, **WHERE).steps]
    assert "hotsite seed --from eu-central-1" in commands


@pytest.mark.parametrize(("things", "seed_s"), [(0, 0.0), (3_000, 300.0)])
def test_time_to_register_follows_the_quota_of_the_other_region(things, seed_s):
    fleet = Fleet("eu-central-1", things=things)
    assert plan(fleet, **WHERE).seed_s == seed_s


def test_an_empty_account_has_nothing_to_seed():
    found = plan(Fleet("eu-central-1"), **WHERE)
    assert found.managed == ()
    assert found.left == ()
    assert not any("seed" in step.command for step in found.steps)


def test_a_count_that_stopped_says_so():
    fleet = Fleet("eu-central-1", things=100, is_more=True)
    assert "100 or more things" in plan(fleet, **WHERE).managed[0]
