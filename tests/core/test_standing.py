"""What a site may believe of itself, and what its switch says."""

import pytest

from hotsite.core.epoch import Epoch
from hotsite.core.operations import Action, Book, Claim, Look
from hotsite.core.standing import FencePolicy, Standing, posture, switch

POLICY = FencePolicy(away_s_max=30.0)
NOW_S = 1000.0
A0, B1 = Epoch(0, "a", 0.0), Epoch(1, "b", 100.0)


def seen(site, epoch, sure_s):
    return Look(site, epoch, sure_s, sure_s, 100.0, Action.SERVE, "")


def book(*items):
    return Book({item.key: item for item in items})


@pytest.mark.parametrize(
    ("items", "site", "standing"),
    [
        # Nobody has looked yet: even the first site cannot tell.
        ((), "a", Standing.FENCED),
        ((), "b", Standing.STANDBY),
        ((seen("a", A0, NOW_S - 30),), "a", Standing.ACTIVE),
        ((seen("a", A0, NOW_S - 31),), "a", Standing.FENCED),
        # What was sure was another epoch.
        ((Claim(B1), seen("b", A0, NOW_S)), "b", Standing.FENCED),
        ((Claim(B1), seen("b", B1, NOW_S)), "b", Standing.ACTIVE),
        ((Claim(B1), seen("b", B1, NOW_S)), "a", Standing.STANDBY),
        # An epoch is its own proof at the moment of the decision.
        ((Claim(Epoch(3, "b", NOW_S - 30)),), "b", Standing.ACTIVE),
        ((Claim(Epoch(3, "b", NOW_S - 31)),), "b", Standing.FENCED),
        # It was heard of over HTTPS, and replication has not come.
        ((seen("a", B1, NOW_S),), "a", Standing.STANDBY),
    ],
)
def test_standing(items, site, standing):
    found = posture(book(*items), site, now_s=NOW_S, policy=POLICY)
    assert found.standing is standing
    assert found.reason
    assert found.may_command == (standing is Standing.ACTIVE)
    said = switch(book(*items), site, now_s=NOW_S, policy=POLICY)
    assert said.is_on == (standing is Standing.ACTIVE)
    assert said.status_code == (200 if said.is_on else 404)
    assert (said.epoch, said.now_s) == (book(*items).newest, NOW_S)


def test_other_sites_look_proves_nothing():
    found = posture(
        book(Claim(B1), seen("a", B1, NOW_S)), "b", now_s=NOW_S, policy=POLICY
    )
    assert found.standing is Standing.FENCED
    assert "900 s ago" in found.reason
    first = posture(book(), "a", now_s=NOW_S, policy=POLICY)
    assert first.reason == "epoch 0 (a) was never confirmed"
