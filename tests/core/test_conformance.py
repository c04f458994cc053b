import pytest
from tests.core.conformance_world import (
    ALL,
    GAPS,
    SUBJECT,
    A,
    B,
    changed,
    device,
    kept,
    without,
)

from hotsite.core.conformance import Judgement, Phase, choose, judge
from hotsite.core.conformance_checks import CHECKS
from hotsite.core.sightings import (
    Acknowledged,
    Answered,
    Hello,
    Message,
    Published,
    Query,
    Subscribed,
)
from hotsite.errors import InvalidInputError

PASS, FAIL, UNSEEN = Judgement.PASS, Judgement.FAIL, Judgement.NOT_OBSERVED
DOUBLING = (1.0, 2.0, 4.0, 8.0, 16.0)


WHOLE = kept()


def verdicts(seen, held=WHOLE, played=ALL):
    findings = judge(CHECKS, SUBJECT, seen, held, played)
    return {one.check: one for one in findings}


def test_good_device_passes_every_check_with_evidence_and_without_a_fix():
    found = verdicts(device().seen)
    assert {name for name, one in found.items() if one.judgement is not PASS} == set()
    assert all(one.evidence and not one.fix for one in found.values())


def test_order_of_the_sightings_does_not_matter():
    seen = device().seen
    assert verdicts(list(reversed(seen))) == verdicts(seen)


def told(**changes):
    return device(**changes).seen


def fast_reconnects():
    made = device()
    made.attempt(95.0, A)
    made.attempt(95.3, A)
    return made.seen


def sent_twice(seq, digest):
    made = device()
    made.publish(96.0, A, seq, digest=digest)
    return made.seen


def same_reading_under_two_keys():
    extra = Published(97.0, A, "x", "dt/oven-1/telemetry", 1, (Message(7, 9, "d1"),))
    return [*device().seen, extra]


BAD = {
    "let in, and not heard": ("connects", without(told(), Acknowledged)),
    "never let in": ("connects", without(without(told(), Acknowledged), Answered)),
    "another client id": (
        "connects",
        without(without(told(client_id="x"), Acknowledged), Answered),
    ),
    "no server name": ("sni", changed(told(), Hello, server_name="", is_served=False)),
    "a name of AWS in TLS": (
        "sni",
        told(server_name="a1-ats.iot.eu-west-1.amazonaws.com"),
    ),
    "a name of AWS resolved": (
        "aws-names",
        [*told(), Query(3.0, "a1-ats.iot.eu-west-1.amazonaws.com", "A")],
    ),
    "the SDK's keep-alive": ("keep-alive", told(keep_alive_s=1200)),
    "no keep-alive": ("keep-alive", told(keep_alive_s=0)),
    "QoS 0": ("qos", told(qos=0)),
    "no key": ("format", changed(told(), Published, refused=1)),
    "no subscription": ("subscribes", told(filters=())),
    "a subscription to others": ("subscribes", told(filters=("cmd/oven-2/#",))),
    "subscribed once": (
        "subscribes",
        [o for o in told() if not isinstance(o, Subscribed) or o.at_s < 5],
    ),
    "CONNECTs too near": ("spacing", fast_reconnects()),
    "gave up when refused": ("inactive", told(gaps=((), ()), back_s=None)),
    "not back": ("inactive", told(back_s=None)),
    "back too late": ("inactive", told(back_s=61.0)),
    "constant waits": ("back-off", told(gaps=((5.0,) * 5, (5.0,) * 5))),
    "waits in step": ("jitter", told(gaps=(DOUBLING, DOUBLING))),
    "silence unnoticed": ("notices", told(freeze={"switch_s": 29.0})),
    "silence noticed late": (
        "notices",
        told(freeze={"switch_s": 29.0, "dials": (46.0,), "arrive_s": 50.0}),
    ),
    "late after a freeze": (
        "recovery-freeze",
        told(freeze={"switch_s": 29.0, "dials": (12.0,), "arrive_s": 61.0}),
    ),
    "late after a kill": ("recovery-kill", told(kill={"arrive_s": 61.0, "seq": 4})),
    "never back after a kill": ("recovery-kill", told(kill={"switch_s": 21.0})),
    "an old address": (
        "follows-dns",
        told(kill={"switch_s": 21.0, "arrive_s": 52.0, "seq": 4}),
    ),
    "stays with a dead address": ("follows-dns", told(kill={"switch_s": 21.0})),
    "three CONNECTs": (
        "attempts",
        told(kill={"switch_s": 21.0, "arrive_s": 28.0, "connects": 3}),
    ),
    "one key, two messages": ("no-duplicate", sent_twice(1, "other")),
    "one message, two keys": ("no-duplicate", same_reading_under_two_keys()),
}


@pytest.mark.parametrize("case", BAD, ids=str)
def test_what_a_device_does_wrong_is_found_and_told_how_to_fix(case):
    check, seen = BAD[case]
    found = verdicts(seen)[check]
    assert found.judgement is FAIL, found
    assert found.fix


@pytest.mark.parametrize("pairs", [((1, 3),), ((1, 1), (3, 4))])
def test_acknowledged_message_that_the_surviving_store_lacks_is_a_loss(pairs):
    found = verdicts(device().seen, kept(*pairs))
    assert (found["no-loss"].judgement, found["no-loss"].measured) == (FAIL, 1.0)
    assert found["gapless"].judgement is PASS


def test_unacknowledged_message_is_not_lost_and_a_gap_all_the_same():
    made = device()
    made.publish(98.0, A, 5, is_acknowledged=False)
    found = verdicts(made.seen, kept((1, 4), (6, 6)))
    assert found["no-loss"].judgement is PASS
    assert found["gapless"].judgement is FAIL


def test_message_sent_again_under_its_key_is_no_duplicate():
    assert verdicts(sent_twice(1, "d"))["no-duplicate"].judgement is PASS


def test_device_with_own_names_that_leaves_before_dns_changes_passes():
    early = {"switch_s": 29.0, "dials": (6.0,), "arrive_s": 7.0}
    kill = {"switch_s": 21.0, "arrive_s": 2.0, "seq": 4}
    found = verdicts(device(freeze=early, kill=kill).seen)
    assert found["follows-dns"].judgement is PASS
    assert found["recovery-freeze"].measured == pytest.approx(7.51)


def test_device_with_a_second_connection_leaves_without_an_attempt():
    made = device(freeze={"switch_s": 29.0}, kill={"switch_s": 21.0})
    for at_s, seq in ((103.0, 3), (403.0, 4)):
        made.publish(at_s, B, seq)
    found = verdicts(made.seen)
    assert found["notices"].measured == pytest.approx(3.01)
    assert found["follows-dns"].judgement is PASS
    assert found["recovery-kill"].judgement is PASS
    assert found["attempts"].judgement is UNSEEN


def test_staggered_names_of_one_wave_are_no_waits_without_chance():
    stagger = (1.0, 1.0)
    gaps = tuple(
        (*stagger, a, *stagger, b, *stagger, c) for a, b, c in ((2, 5, 9), (4, 3, 7))
    )
    assert verdicts(device(gaps=gaps).seen)["jitter"].judgement is PASS


def test_waits_are_compared_only_when_there_are_two_refusals_with_enough_of_them():
    found = verdicts(device(gaps=(GAPS[0], ())).seen)
    assert found["jitter"].judgement is UNSEEN


def test_what_was_not_seen_or_not_played_is_never_a_pass():
    nothing = verdicts([], None)
    assert PASS not in {one.judgement for one in nothing.values()}
    unplayed = verdicts(device().seen, played=frozenset({Phase.START}))
    by_phase = {check.name: check.phase for check in CHECKS}
    for name, one in unplayed.items():
        expected = PASS if by_phase[name] is Phase.START else UNSEEN
        assert one.judgement is expected, name


def test_device_that_is_let_in_and_closed_at_once_needs_no_subscription():
    made = device()
    made.given["filters"] = ()
    made.attempt(99.0, A, closed_at_s=99.5)
    assert verdicts(made.seen)["subscribes"].judgement is PASS


def test_checks_are_chosen_by_name_in_the_order_of_the_table():
    assert [one.name for one in choose(["jitter", "sni"], CHECKS)] == ["sni", "jitter"]
    assert choose([], CHECKS) == CHECKS
    with pytest.raises(InvalidInputError, match="there is no check 'nsi'"):
        choose(["nsi"], CHECKS)


def test_names_of_checks_are_unique_and_every_check_has_a_bad_case():
    names = [one.name for one in CHECKS]
    assert len(set(names)) == len(names)
    assert set(names) == {check for check, _ in BAD.values()} | {"no-loss", "gapless"}
