import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.backoff import BackoffPolicy
from hotsite.core.candidates import Candidates

NAMES = ("iot.example.com", "iot-a.example.com", "iot-b.example.com")
A, B = "192.0.2.1", "192.0.2.2"


def candidates(names=NAMES, ports=(8883,), **policy):
    return Candidates(names, ports, BackoffPolicy(**policy))


def next_dial(choice, leads_to, now_s):
    """Return the name and address that is dialled, passing over what has to wait."""
    while choice.passes_over(leads_to[choice.name], now_s):
        pass
    return choice.name, leads_to[choice.name]


def test_after_a_silent_site_the_other_one_is_next_whatever_dns_says():
    choice = candidates()
    choice.leave(A, 0.0, 100.0, lived_s=60)
    leads_to = {NAMES[0]: A, NAMES[1]: A, NAMES[2]: B}
    assert next_dial(choice, leads_to, 100.0) == (NAMES[2], B)


def test_when_the_other_site_fails_too_the_first_is_dialled_again():
    choice = candidates()
    leads_to = {NAMES[0]: A, NAMES[1]: A, NAMES[2]: B}
    choice.leave(A, 0.0, 100.0, lived_s=60)
    dialled = []
    for now_s in range(101, 107):
        dialled.append(next_dial(choice, leads_to, now_s))
        choice.fail(dialled[-1][1], 0.0, now_s)
    assert [name for name, _address in dialled[:3]] == [NAMES[2], NAMES[0], NAMES[1]]
    assert {address for _name, address in dialled[3:]} == {A, B}


def test_a_failure_is_forgotten_after_a_while_and_after_a_connection_that_lived():
    choice = candidates(shun_s=60)
    choice.leave(A, 0.0, 100.0, lived_s=60)
    assert not choice.passes_over(A, 160.0)
    assert choice.passes_over(A, 159.0)
    choice.leave(None, 0.0, 159.0, lived_s=10)
    assert not choice.passes_over(A, 159.0)


def test_a_cut_connection_is_no_reason_to_go_elsewhere():
    choice = candidates()
    choice.leave(None, 0.0, 100.0, lived_s=60)
    assert next_dial(choice, dict.fromkeys(NAMES, A), 100.0) == (NAMES[0], A)


def test_an_order_to_move_overrules_what_failed():
    choice = candidates()
    choice.leave(B, 0.0, 100.0, lived_s=60)
    choice.prefer(NAMES[2])
    leads_to = {NAMES[0]: A, NAMES[1]: A, NAMES[2]: B}
    assert next_dial(choice, leads_to, 100.0) == (NAMES[2], B)
    choice.fail(B, 0.0, 101.0)
    assert next_dial(choice, leads_to, 101.0) == (NAMES[0], A)


def test_a_throttled_device_begins_its_round_again():
    choice = candidates(throttle_spread_s=40)
    choice.fail(A, 0.0, 100.0)
    assert choice.name == NAMES[1]
    assert choice.throttle(0.5, 100.0) == 120
    assert choice.name == NAMES[0]
    choice.spread(80.0)
    assert choice.throttle(0.5, 100.0) == 140


@pytest.mark.parametrize("said", [None, -1.0, 86_401.0])
def test_nonsense_about_the_spread_is_ignored(said):
    choice = candidates(throttle_spread_s=40)
    choice.spread(said)
    assert choice.throttle(1.0, 100.0) == 140


STEP = st.tuples(st.sampled_from([A, B]), st.floats(0, 1), st.floats(0, 30))


@given(st.lists(STEP, min_size=12, max_size=40), st.sampled_from([1, 2, 3]))
def test_every_name_has_its_turn_whatever_fails(steps, count):
    """No memory of failures keeps a device from any of its names for ever."""
    choice, now_s, dialled = candidates(NAMES[:count]), 100.0, []
    for address, uniform, passed_s in steps:
        now_s += passed_s
        passed = 0
        while choice.passes_over(address, now_s):
            passed += 1
        assert passed < count
        dialled.append(choice.name)
        choice.fail(address, uniform, now_s)
    for start in range(0, len(dialled) - count + 1, count):
        assert sorted(dialled[start : start + count]) == sorted(NAMES[:count])
