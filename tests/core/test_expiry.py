"""What was signed has to outlive its signer."""

from dataclasses import replace

import pytest

from hotsite.core.expiry import FirmwareSettings, check
from hotsite.errors import InvalidInputError

USUAL = FirmwareSettings()


def test_the_defaults_hold_with_two_days_to_spare():
    check(USUAL, where="x")
    assert (USUAL.needed_h, USUAL.slack_h) == (120.0, 48.0)


def test_a_timestamp_that_ends_before_its_signer_is_back_is_refused_with_the_sum():
    with pytest.raises(InvalidInputError) as refusal:
        check(replace(USUAL, signing_rto_h=168.0), where="hotsite.toml")
    assert str(refusal.value) == (
        "hotsite.toml: firmware.timestamp_days is 7 (168 h), which has to outlive"
        " 24 h between renewals + 168 h without the signing service"
        " + 24 h until both Regions have it = 216 h; set it to 9 or more"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"renewal_interval_h": 0.0},
        {"signing_rto_h": -1.0},
        {"publish_lag_h": 0.0},
        {"snapshot_days": 6.0},
        {"targets_days": 13.0},
        {"root_days": 89.0},
    ],
)
def test_times_that_mean_nothing_are_refused(changes):
    with pytest.raises(InvalidInputError):
        check(replace(USUAL, **changes), where="x")
