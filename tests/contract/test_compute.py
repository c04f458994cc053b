"""The compute of a pilot light, as any world must switch it on."""

import pytest

from hotsite.errors import NotFoundError


def test_what_is_off_is_named_the_canary_first(compute):
    assert compute.off() == ("canary", "meter")


def test_each_is_switched_on_by_itself(compute):
    compute.switch_on("meter")
    assert compute.off() == ("canary",)
    compute.switch_on("canary")
    assert compute.off() == ()


def test_what_is_on_stays_on(compute):
    for _ in range(2):
        compute.switch_on("canary")
    assert compute.off() == ("meter",)


def test_there_is_nothing_else_to_switch_on(compute):
    with pytest.raises(NotFoundError):
        compute.switch_on("broker")


def test_what_is_on_is_switched_off_the_canary_last(compute):
    for name in compute.off():
        compute.switch_on(name)
    assert compute.on() == ("meter", "canary")
    for _ in range(2):
        compute.switch_off("meter")
    assert (compute.on(), compute.off()) == (("canary",), ("meter",))
    compute.switch_off("canary")
    assert (compute.on(), compute.off()) == ((), ("canary", "meter"))


def test_there_is_nothing_else_to_switch_off(compute):
    with pytest.raises(NotFoundError):
        compute.switch_off("broker")
