"""A Region limits the rate of each IoT operation when it is told to."""

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st
from tests.local.region_world import Authority, config_of, running

from hotsite.errors import InvalidInputError
from hotsite.local.region.registry.quotas import DEFAULTS, Limits

LIMITS = "/_hotsite/limits"
ONCE = Config(retries={"max_attempts": 0})


class Clock:
    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


def test_a_bucket_is_one_second_deep_and_fills_at_its_rate():
    clock = Clock()
    limits = Limits({"CreateThing": 10}, clock=clock)
    assert [limits.admit("CreateThing") for _ in range(12)] == [True] * 10 + [False] * 2
    clock.now_s = 0.3
    assert [limits.admit("CreateThing") for _ in range(4)] == [True] * 3 + [False]
    clock.now_s = 100.0
    assert sum(limits.admit("CreateThing") for _ in range(20)) == 10
    assert limits.describe()["calls"] == {"CreateThing": 36}
    assert limits.describe()["throttled"] == {"CreateThing": 13}


@given(st.lists(st.floats(0, 0.5), max_size=200), st.integers(1, 20))
def test_no_more_calls_pass_than_the_rate_and_one_burst_allow(pauses_s, rate):
    clock = Clock()
    limits = Limits({"GetPolicy": rate}, clock=clock)
    passed = 0
    for pause_s in pauses_s:
        clock.now_s += pause_s
        passed += limits.admit("GetPolicy")
    assert passed <= rate + clock.now_s * rate + 1e-6


def test_keys_have_buckets_of_their_own_and_the_unlisted_is_free():
    limits = Limits({"ShadowRequestsPerThing": 1}, clock=Clock())
    assert limits.admit("ShadowRequestsPerThing", "a")
    assert limits.admit("ShadowRequestsPerThing", "b")
    assert not limits.admit("ShadowRequestsPerThing", "a")
    assert all(limits.admit("CreateThing") for _ in range(1000))


@pytest.mark.parametrize(
    "document",
    [
        [],
        {"quotas": "some"},
        {"quotas": {"CreateThing": 0}},
        {"quotas": {"CreateThing": "10"}},
        {"quotas": {"CreateThing": True}},
        {"thing_type_deletion_wait_s": -1},
    ],
)
def test_a_wrong_setting_is_refused_and_changes_nothing(document):
    limits = Limits({"CreateThing": 10}, 300.0)
    with pytest.raises(InvalidInputError):
        limits.change(document)
    assert limits.calls_per_s == {"CreateThing": 10}
    assert limits.thing_type_deletion_wait_s == 300.0


def test_the_defaults_are_switched_on_and_off():
    limits = Limits()
    limits.change({"quotas": "default"})
    assert limits.calls_per_s == DEFAULTS
    limits.change({"thing_type_deletion_wait_s": 300})
    assert limits.calls_per_s == DEFAULTS
    limits.change({"quotas": "off"})
    assert limits.describe()["calls_per_s"] == {}
    assert limits.thing_type_deletion_wait_s == 300


@pytest.fixture(scope="module")
def region(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("authority"))
    directory = tmp_path_factory.mktemp("region")
    config = config_of(authority, directory, "eu-central-1", "127.0.13.6", "a")
    with running(config) as process:
        yield process


@pytest.fixture
def quotas(region):
    def change(value):
        status, answer = region.request("PUT", LIMITS, {"quotas": value})
        assert status == 200
        return answer

    yield change
    change("off")


def outcome(call, **arguments):
    try:
        call(**arguments)
    except ClientError as error:
        answer = error.response
        return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]
    return None


@pytest.mark.local
@pytest.mark.timeout(60)
def test_a_call_above_its_quota_is_throttled_and_counted(region, quotas):
    iot = region.client("iot", config=ONCE)
    # One call in a thousand seconds: no machine is slow enough to earn a second.
    quotas({"CreateThing": 0.001})
    outcomes = [outcome(iot.create_thing, thingName="one") for _ in range(3)]
    assert outcomes == [None] + [("ThrottlingException", 400)] * 2
    iot.describe_thing(thingName="one")
    counted = region.request("GET", LIMITS)[1]
    assert counted["calls"] == {"CreateThing": 3, "DescribeThing": 1}
    assert counted["throttled"] == {"CreateThing": 2}
    quotas("off")
    assert outcome(iot.create_thing, thingName="one") is None


@pytest.mark.local
@pytest.mark.timeout(60)
def test_boto3_retries_a_throttled_call_by_itself(region, quotas):
    retries = {"mode": "standard", "max_attempts": 12}
    iot = region.client("iot", config=Config(retries=retries))
    quotas({"CreateThing": 20})
    for number in range(30):
        iot.create_thing(thingName=f"again-{number}")
    assert region.request("GET", LIMITS)[1]["calls"]["CreateThing"] >= 30


@pytest.mark.local
@pytest.mark.timeout(60)
def test_shadow_requests_are_limited_for_each_thing(region, quotas):
    data = region.client("iot-data", config=ONCE)
    quotas({"ShadowRequestsPerThing": 0.001})
    call = {"payload": b'{"state": {"reported": {"a": 1}}}'}
    assert outcome(data.update_thing_shadow, thingName="a", **call) is None
    assert outcome(data.update_thing_shadow, thingName="b", **call) is None
    throttled = ("ThrottlingException", 429)
    assert outcome(data.get_thing_shadow, thingName="a") == throttled


@pytest.mark.local
@pytest.mark.timeout(60)
def test_the_limits_answer_no_other_method_and_no_nonsense(region):
    assert region.request("DELETE", LIMITS)[0] == 405
    assert region.request("PUT", LIMITS, {"quotas": 3})[0] == 400
