"""``ports.deployment.Stacks``: in memory as in a Region's CloudFormation."""

import json
import time

import pytest
from tests.contract import world

from hotsite.adapters.aws.stacks import CloudFormationStacks
from hotsite.core.stacks import Review, order_for, read_stacks
from hotsite.sim.stacks import SimAccount, SimStacks

REGION = "eu-west-1"


@pytest.fixture(params=["sim", pytest.param("local", marks=pytest.mark.local)])
def stacks(request):
    if request.param == "sim":
        return SimStacks(SimAccount(), REGION)
    cloud = world.Cloud.local(request.getfixturevalue("region"))
    return CloudFormationStacks(cloud.client("cloudformation"))


def stack(name, *, seconds=30, bucket=""):
    queue = {
        "Type": "AWS::SQS::Queue",
        "Properties": {"VisibilityTimeout": seconds, "QueueName": {"Ref": "Queue"}},
    }
    kept = {
        "Type": "AWS::S3::Bucket",
        "Properties": {"BucketName": bucket},
        "DeletionPolicy": "Retain",
    }
    body = {
        "Parameters": {"Queue": {"Type": "String"}},
        "Resources": {"Work": queue, **({"Kept": kept} if bucket else {})},
        "Outputs": {"QueueUrl": {"Value": {"Ref": "Work"}}},
    }
    entry = {"name": name, "region": REGION, "template": "t"}
    (found,) = read_stacks([entry], {"t": json.dumps(body)})
    return found


def order(stacks, wanted):
    return order_for(wanted, stacks.look(wanted.name), {"Queue": wanted.name}, {})


def until(look, is_there):
    """Look until it is as it shall be; each look is a call."""
    deadline_s = time.monotonic() + 20
    while not is_there(found := look()):
        assert time.monotonic() < deadline_s, found
        time.sleep(0.02)
    return found


def reviewed(stacks, given):
    stacks.propose(given)
    return until(
        lambda: stacks.proposal(given.stack.name, given.name),
        lambda found: found is not None and found.review is not Review.PENDING,
    )


def done(stacks, name):
    return until(
        lambda: stacks.look(name),
        lambda found: found is None or not found.status.endswith("_IN_PROGRESS"),
    )


def made(stacks, wanted):
    given = order(stacks, wanted)
    assert reviewed(stacks, given).review is Review.READY
    stacks.execute(wanted.name, given.name)
    return done(stacks, wanted.name)


def test_what_is_not_there_is_nothing_and_may_go(stacks):
    name = f"none-{world.fresh_name()}"
    assert stacks.look(name) is None
    assert stacks.proposal(name, "hotsite-1") is None
    assert list(stacks.events(name)) == []
    stacks.discard(name, "hotsite-1")
    stacks.remove(name)


def test_a_stack_is_proposed_reviewed_made_and_told_of(stacks):
    wanted = stack(f"a-{world.fresh_name()}")
    given = order(stacks, wanted)
    assert given.is_new
    found = reviewed(stacks, given)
    assert [(one.action, one.name) for one in found.changes] == [("Add", "Work")]
    # Proposing it again changes nothing.
    assert reviewed(stacks, given) == found
    stacks.execute(wanted.name, given.name)
    seen = done(stacks, wanted.name)
    assert seen.status == "CREATE_COMPLETE"
    assert seen.outputs.keys() == {"QueueUrl"}
    assert seen.parameters == {"Queue": wanted.name}
    assert stacks.proposal(wanted.name, given.name) is None
    events = stacks.events(wanted.name)
    assert ("Work", "CREATE_COMPLETE") in [(e.resource, e.status) for e in events]
    assert len({event.id for event in events}) == len(events)


def test_the_same_again_is_an_empty_change_and_a_difference_is_not(stacks):
    wanted = stack(f"b-{world.fresh_name()}")
    made(stacks, wanted)
    same = order(stacks, wanted)
    assert not same.is_new
    assert reviewed(stacks, same).review is Review.EMPTY
    stacks.discard(wanted.name, same.name)
    assert stacks.proposal(wanted.name, same.name) is None
    other = stack(wanted.name, seconds=60)
    given = order(stacks, other)
    found = reviewed(stacks, given)
    assert [(one.action, one.name) for one in found.changes] == [("Modify", "Work")]
    stacks.execute(other.name, given.name)
    assert done(stacks, other.name).status == "UPDATE_COMPLETE"


def test_what_was_made_once_can_be_made_again_and_is_empty_when_it_is_there(stacks):
    name = f"e-{world.fresh_name()}"
    for seconds in (30, 60, 30, 60):
        wanted = stack(name, seconds=seconds)
        assert made(stacks, wanted).status.endswith("_COMPLETE")
    # Named by its content, it has the name of the change that led here.
    assert reviewed(stacks, order(stacks, wanted)).review is Review.EMPTY


def test_a_proposal_alone_makes_nothing_and_goes_with_its_stack(stacks):
    wanted = stack(f"c-{world.fresh_name()}")
    given = order(stacks, wanted)
    reviewed(stacks, given)
    assert stacks.look(wanted.name).status == "REVIEW_IN_PROGRESS"
    stacks.remove(wanted.name)
    until(lambda: stacks.look(wanted.name), lambda found: found is None)
    assert stacks.proposal(wanted.name, given.name) is None


def test_what_is_kept_is_in_the_way_of_the_next_stack(stacks):
    name = f"d-{world.fresh_name()}"
    wanted = stack(name, bucket=f"kept-{name}".lower())
    assert made(stacks, wanted).status == "CREATE_COMPLETE"
    stacks.remove(name)
    until(lambda: stacks.look(name), lambda found: found is None)
    assert made(stacks, wanted).status == "ROLLBACK_COMPLETE"
    assert any(event.is_failure for event in stacks.events(name))
