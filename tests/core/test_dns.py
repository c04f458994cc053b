import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.dns import (
    Answer,
    Choice,
    Conditions,
    Failover,
    Latency,
    Line,
    Question,
    Record,
    ResponseCode,
    Role,
    Simple,
    Weighted,
    Zone,
    choose,
    normal_name,
    resolve,
    zone_of,
)
from hotsite.errors import InvalidInputError

APEX = "fleet.test"
A_TARGET = "abc-ats.iot.eu-central-1.amazonaws.com"
B_TARGET = "def-ats.iot.eu-west-1.amazonaws.com"
PRIMARY = Record(
    f"iot.{APEX}", "CNAME", 10, (f"{A_TARGET}.",), Failover(Role.PRIMARY), "a", "hc-a"
)
SECONDARY = Record(
    f"iot.{APEX}", "CNAME", 10, (f"{B_TARGET}.",), Failover(Role.SECONDARY), "b", "hc-b"
)
OPEN_SECONDARY = replace(SECONDARY, health_check_id=None)
OWN = Zone(
    APEX,
    (
        PRIMARY,
        SECONDARY,
        Record(f"iot-a.{APEX}", "CNAME", 10, (f"{A_TARGET}.",)),
        Record(f"txt.{APEX}", "TXT", 5, ('"one" "two"',)),
        Record(f"many.{APEX}", "A", 5, ("127.0.0.1", "127.0.0.2")),
        Record(f"deep.below.{APEX}", "A", 5, ("127.0.0.3",)),
        Record(f"*.wild.{APEX}", "A", 5, ("127.0.0.4",)),
        Record(f"real.wild.{APEX}", "TXT", 5, ('"here"',)),
        Record(f"out.{APEX}", "CNAME", 5, ("www.example.com.",)),
        Record(f"gone.{APEX}", "CNAME", 5, (f"nothing.{APEX}.",)),
        Record(f"loop-1.{APEX}", "CNAME", 5, (f"loop-2.{APEX}.",)),
        Record(f"loop-2.{APEX}", "CNAME", 5, (f"loop-1.{APEX}.",)),
    ),
)
AWS = tuple(
    Zone(
        f"{region}.amazonaws.com",
        (Record(f"*.iot.{region}.amazonaws.com", "A", 60, (address,)),),
    )
    for region, address in (
        ("eu-central-1", "127.0.1.1"),
        ("eu-west-1", "127.0.2.1"),
    )
)
ZONES = (OWN, *AWS)
OK, NAME_ERROR, REFUSED = (
    ResponseCode.NO_ERROR,
    ResponseCode.NAME_ERROR,
    ResponseCode.REFUSED,
)


def ask(name, kind="A", *unhealthy):
    return resolve(ZONES, Question(name, kind), Conditions(frozenset(unhealthy)))


def values(answer):
    return [line.value for line in answer.lines]


@pytest.mark.parametrize(
    ("secondary", "unhealthy", "picked"),
    [
        (SECONDARY, set(), "a"),
        (SECONDARY, {"hc-b"}, "a"),
        (SECONDARY, {"hc-a"}, "b"),
        (SECONDARY, {"hc-a", "hc-b"}, "a"),
        (OPEN_SECONDARY, set(), "a"),
        (OPEN_SECONDARY, {"hc-a"}, "b"),
    ],
)
def test_failover_pair_follows_the_documented_table(secondary, unhealthy, picked):
    choice = choose([secondary, PRIMARY], Conditions(frozenset(unhealthy)))
    assert choice.record.set_identifier == picked
    assert choice.reason


def test_primary_without_a_health_check_is_always_healthy():
    primary = replace(PRIMARY, health_check_id=None)
    everything = Conditions(frozenset({"hc-a", "hc-b"}))
    assert choose([primary, SECONDARY], everything).record is primary


def test_lone_secondary_is_answered_even_when_unhealthy():
    choice = choose([SECONDARY], Conditions(frozenset({"hc-b"})))
    assert choice.record is SECONDARY


def weighted(*weights):
    return [
        Record(f"w.{APEX}", "A", 5, (f"127.0.0.{i}",), Weighted(w), str(i), f"hc-{i}")
        for i, w in enumerate(weights, start=1)
    ]


@pytest.mark.parametrize(
    ("weights", "unhealthy", "draw", "picked"),
    [
        ((90, 10), set(), 0.0, "1"),
        ((90, 10), set(), 0.899, "1"),
        ((90, 10), set(), 0.9, "2"),
        ((90, 10), {"hc-1"}, 0.0, "2"),
        ((90, 10), {"hc-1", "hc-2"}, 0.95, "2"),
        ((90, 0), set(), 0.999, "1"),
        ((90, 0), {"hc-1"}, 0.0, "2"),
        ((90, 0), {"hc-1", "hc-2"}, 0.999, "1"),
        ((0, 0), set(), 0.4, "1"),
        ((0, 0), set(), 0.6, "2"),
    ],
)
def test_weights_follow_the_documented_table(weights, unhealthy, draw, picked):
    choice = choose(weighted(*weights), Conditions(frozenset(unhealthy), draw))
    assert choice.record.set_identifier == picked


def test_a_draw_that_rounds_up_to_one_still_picks_somebody():
    assert choose(weighted(1, 2), Conditions(draw=1.0)).record.set_identifier == "2"


@pytest.mark.parametrize(
    ("unhealthy", "latency_s", "picked"),
    [
        (set(), {"eu-west-1": 0.02, "us-east-1": 0.09}, "eu-west-1"),
        (set(), {"us-east-1": 0.09}, "us-east-1"),
        ({"eu-west-1"}, {"eu-west-1": 0.02, "us-east-1": 0.09}, "us-east-1"),
        ({"eu-west-1", "us-east-1"}, {"eu-west-1": 0.02}, "eu-west-1"),
        (set(), {}, "eu-west-1"),
    ],
)
def test_latency_answers_the_nearest_healthy_region(unhealthy, latency_s, picked):
    group = [
        Record(f"l.{APEX}", "A", 5, ("127.0.0.1",), Latency(region), region, region)
        for region in ("us-east-1", "eu-west-1")
    ]
    given_ = Conditions(frozenset(unhealthy), latency_s=latency_s)
    assert choose(group, given_).record.set_identifier == picked


def test_latency_to_an_unknown_region_is_infinite():
    record = Record(f"l.{APEX}", "A", 5, ("127.0.0.1",), Latency("x"), "x")
    assert Conditions().distance(record) == (math.inf, "x")
    assert Conditions().distance(PRIMARY) == (math.inf, "a")


def test_simple_record_is_answered_whatever_its_health():
    record = Record(f"s.{APEX}", "A", 5, ("127.0.0.1",), health_check_id="hc")
    assert choose([record], Conditions(frozenset({"hc"}))) == Choice(
        record, "the only record"
    )


def test_chain_is_followed_into_the_region_of_the_healthy_site():
    assert ask(f"iot.{APEX}").lines == (
        Line(f"iot.{APEX}", "CNAME", 10, f"{A_TARGET}."),
        Line(A_TARGET, "A", 60, "127.0.1.1"),
    )
    assert values(ask(f"iot.{APEX}", "A", "hc-a")) == [f"{B_TARGET}.", "127.0.2.1"]


def test_own_name_never_moves():
    assert values(ask(f"iot-a.{APEX}", "A", "hc-a"))[-1] == "127.0.1.1"


def test_cname_question_is_answered_without_following():
    assert values(ask(f"iot.{APEX}", "CNAME")) == [f"{A_TARGET}."]


@pytest.mark.parametrize(
    ("name", "kind", "code", "count", "has_authority"),
    [
        (f"many.{APEX}", "A", OK, 2, False),
        (f"txt.{APEX}", "TXT", OK, 1, False),
        (f"many.{APEX}", "AAAA", OK, 0, True),
        (f"iot.{APEX}", "AAAA", OK, 1, True),
        (f"below.{APEX}", "A", OK, 0, True),
        (APEX, "A", OK, 0, True),
        (APEX, "SOA", OK, 1, False),
        (f"nothing.{APEX}", "A", NAME_ERROR, 0, True),
        (f"a.b.nothing.{APEX}", "A", NAME_ERROR, 0, True),
        (f"gone.{APEX}", "A", NAME_ERROR, 1, True),
        (f"out.{APEX}", "A", OK, 1, False),
        (f"loop-1.{APEX}", "A", ResponseCode.SERVER_FAILURE, 0, False),
        ("example.com", "A", REFUSED, 0, False),
        ("xfleet.test", "A", REFUSED, 0, False),
        ("", "A", REFUSED, 0, False),
        ("dynamodb.eu-west-1.amazonaws.com", "A", NAME_ERROR, 0, True),
        ("iot.eu-west-1.amazonaws.com", "A", OK, 0, True),
        (APEX, "ANY", REFUSED, 0, False),
        (APEX, "AXFR", REFUSED, 0, False),
        (APEX, "IXFR", REFUSED, 0, False),
    ],
)
def test_every_question_gets_the_answer_of_the_standards(
    name, kind, code, count, has_authority
):
    answer = ask(name, kind)
    assert answer.code is code
    assert len(answer.lines) == count
    assert (answer.authority is not None) == has_authority


@pytest.mark.parametrize(
    ("name", "kind", "code", "found"),
    [
        (f"any.wild.{APEX}", "A", OK, ["127.0.0.4"]),
        (f"two.deep.wild.{APEX}", "A", OK, ["127.0.0.4"]),
        (f"*.wild.{APEX}", "A", OK, ["127.0.0.4"]),
        (f"any.wild.{APEX}", "AAAA", OK, []),
        (f"real.wild.{APEX}", "A", OK, []),
        (f"below.real.wild.{APEX}", "A", NAME_ERROR, []),
        (f"wild.{APEX}", "A", OK, []),
    ],
)
def test_wildcard_stands_in_as_rfc_4592_says(name, kind, code, found):
    answer = ask(name, kind)
    assert (answer.code, values(answer)) == (code, found)


def test_negative_answer_is_kept_for_the_smaller_of_ttl_and_minimum():
    soa = "ns.fleet.test. h.fleet.test. 1 2 3 4 30"
    for ttl_s, kept_s in ((900, 30), (20, 20)):
        zone = Zone(APEX, (Record(APEX, "SOA", ttl_s, (soa,)),))
        assert zone.negative == Line(APEX, "SOA", kept_s, soa)
    assert Zone(APEX, ()).negative.ttl_s == 900


def test_only_a_weighted_answer_may_not_be_repeated():
    zone = Zone(APEX, tuple(weighted(1, 1)))
    question = Question(f"w.{APEX}", "A")
    assert not resolve((zone,), question, Conditions()).is_repeatable
    assert ask(f"iot.{APEX}").is_repeatable


def test_closest_enclosing_zone_answers():
    inner = Zone(f"in.{APEX}", ())
    assert zone_of((OWN, inner), f"x.in.{APEX}") is inner
    assert zone_of((inner, OWN), APEX) is OWN
    assert zone_of((inner, OWN), "test") is None


PLAIN = Record(f"x.{APEX}", "A", 5, ("127.0.0.1",))


@pytest.mark.parametrize(
    ("records", "problem"),
    [
        ([replace(PLAIN, name=APEX, type="CNAME", values=("x.",))], "apex"),
        ([replace(PLAIN, type="MX")], "not served"),
        ([replace(PLAIN, name="x.example.com")], "outside the zone"),
        ([replace(PLAIN, name="xfleet.test")], "outside the zone"),
        ([replace(PLAIN, name=f"X.{APEX}")], "lower case"),
        ([replace(PLAIN, type="NS", values=("ns.",))], "delegation"),
        ([replace(PLAIN, values=())], "no value"),
        ([replace(PLAIN, type="CNAME", values=("x.", "y."))], "exactly one"),
        ([replace(PLAIN, ttl_s=-1)], "TTL"),
        ([replace(PLAIN, ttl_s=2**31)], "TTL"),
        ([replace(PLAIN, routing=Weighted(256), set_identifier="i")], "weight"),
        ([replace(PLAIN, routing=Weighted(-1), set_identifier="i")], "weight"),
        ([replace(PLAIN, routing=Weighted(1))], "set identifier"),
        ([replace(PLAIN, set_identifier="i")], "set identifier"),
        ([replace(PLAIN, name=APEX, type="SOA", values=("a b 1",))], "seven"),
        ([PLAIN, replace(PLAIN, type="CNAME", values=("y.",))], "stands alone"),
        ([PLAIN, PLAIN], "identifier twice"),
        ([PRIMARY, replace(PRIMARY, set_identifier="c")], "routing value twice"),
        ([PRIMARY, replace(SECONDARY, set_identifier="a")], "identifier twice"),
        ([PRIMARY, replace(SECONDARY, routing=Weighted(1))], "mixed"),
        ([weighted(1, 2)[0], replace(weighted(1, 2)[1], ttl_s=6)], "one TTL"),
    ],
)
def test_zone_that_route_53_would_not_accept_cannot_be_made(records, problem):
    with pytest.raises(InvalidInputError, match=problem):
        Zone(APEX, tuple(records))


def test_names_are_compared_without_case_and_last_dot():
    assert normal_name("IoT.Fleet.Test.") == f"iot.{APEX}"


def test_groups_hold_every_record_and_the_default_soa():
    grouped = [record for group in OWN.groups() for record in group]
    assert {*OWN.records} == {r for r in grouped if r.type != "SOA"}
    assert len(grouped) == len(OWN.records) + 1


HEALTH = st.frozensets(st.sampled_from(["hc-1", "hc-2", "hc-3"]))
DRAWS = st.floats(0, 1, exclude_max=True)


@given(st.lists(st.integers(0, 255), min_size=1, max_size=3), HEALTH, DRAWS)
def test_unhealthy_record_is_never_picked_while_a_healthy_one_exists(
    weights, unhealthy, draw
):
    group = weighted(*weights)
    picked = choose(group, Conditions(unhealthy, draw)).record
    if any(record.health_check_id not in unhealthy for record in group):
        assert picked.health_check_id not in unhealthy


@given(HEALTH, DRAWS)
def test_health_of_others_never_changes_a_simple_answer(unhealthy, draw):
    question = Question(f"iot-a.{APEX}", "A")
    assert resolve(ZONES, question, Conditions(unhealthy, draw)) == resolve(
        ZONES, question, Conditions()
    )


@given(
    st.text("abdeiotw*.-", max_size=40).map(lambda t: f"{t}{APEX}"),
    st.sampled_from(["A", "AAAA", "CNAME", "TXT", "SOA", "NS", "TYPE65"]),
)
def test_every_name_gets_an_answer_with_a_consistent_shape(name, kind):
    answer = ask(name, kind)
    assert isinstance(answer, Answer)
    is_negative = answer.code is NAME_ERROR or (answer.code is OK and not answer.lines)
    if is_negative:
        assert answer.authority is not None
    if answer.code is REFUSED:
        assert not answer.lines
        assert answer.authority is None


def test_default_routing_is_simple():
    assert PLAIN.routing == Simple()
