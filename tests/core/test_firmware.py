"""What a device takes, and why it leaves the rest."""

import pytest
from tests.sample_firmware import image, old

from hotsite.core.firmware import (
    Catalogue,
    FirmwareRefusedError,
    Here,
    Judgement,
    Reason,
    choose,
    described,
    judge,
    trusted_now_s,
)

HERE = Here(running=old(), counter_min=1, failed=(), bytes_max=1000)

OFFERS = [
    (image(), Reason.TAKEN),
    (image(model="HS-2"), Reason.MODEL),
    (old(), Reason.CURRENT),
    (image(security_counter=0), Reason.COUNTER),
    (image(version="1.0.0"), Reason.OLDER),
    (image(version="0.9.9"), Reason.OLDER),
    (image(version="1.10.0", min_from="1.9.0"), Reason.MIN_FROM),
    (image(length=1001), Reason.TOO_LARGE),
]


@pytest.mark.parametrize(("offer", "reason"), OFFERS)
def test_an_authentic_offer_is_judged_by_the_first_rule_that_applies(offer, reason):
    assert judge(offer, HERE) == Judgement(reason, offer)


def test_an_image_that_failed_here_is_not_tried_again():
    here = Here(old(), 1, (image().sha256,), 1000)
    assert judge(image(), here).reason is Reason.FAILED_BEFORE


def test_a_counter_that_was_reached_counts_even_if_the_running_image_is_below_it():
    here = Here(old(), 3, (), 1000)
    assert judge(image(security_counter=2), here).reason is Reason.COUNTER


def test_the_newest_that_may_be_installed_is_a_step_on_the_way():
    step, goal = image(), image(version="2.0.0", min_from="1.1.0", sha256="a" * 64)
    assert choose(Catalogue((goal, step, old())), HERE) == Judgement(Reason.TAKEN, step)


def test_a_replica_that_is_behind_is_no_update_and_no_error():
    assert choose(Catalogue((image(),), is_behind=True), HERE) == Judgement(
        Reason.BEHIND
    )


def test_nothing_for_this_model_is_nothing():
    assert choose(Catalogue((image(model="X"),)), HERE) == Judgement(Reason.NOTHING)


def test_the_newest_says_why_nothing_is_installed():
    listed = Catalogue((old(), image(security_counter=0)))
    assert choose(listed, HERE).reason is Reason.COUNTER


@pytest.mark.parametrize(
    "changes",
    [
        {"version": "1.1"},
        {"version": "1.01.0"},
        {"version": 11},
        {"min_from": None},
        {"security_counter": "2"},
        {"security_counter": True},
        {"security_counter": -1},
        {"security_counter": 2**32},
        {"model": "a/b"},
        {"built_at_s": -1},
    ],
)
def test_a_signed_description_that_means_nothing_is_refused(changes):
    custom = {
        "version": "1.1.0",
        "min_from": "1.0.0",
        "security_counter": 2,
        "model": "HS-1",
        "built_at_s": 7,
    }
    assert described("x", 1, "a" * 64, custom).security_counter == 2
    with pytest.raises(FirmwareRefusedError) as refusal:
        described("x", 1, "a" * 64, {**custom, **changes})
    assert refusal.value.reason is Reason.MALFORMED


@pytest.mark.parametrize("custom", [None, [], "1.1.0", {}])
def test_a_target_without_a_description_is_refused(custom):
    with pytest.raises(FirmwareRefusedError) as refusal:
        described("x", 1, "a" * 64, custom)
    assert refusal.value.reason is Reason.MALFORMED


def test_a_device_is_never_earlier_than_its_own_firmware():
    assert trusted_now_s(0.0, image()) == 1_700_000_000
    assert trusted_now_s(1_800_000_000.0, image()) == 1_800_000_000
