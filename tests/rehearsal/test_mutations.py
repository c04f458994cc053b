"""Wrong decisions are found by the simulation, each within 1,000 seeds."""

import pytest
from scripts.mutations import (
    FAILOVER,
    FAILOVER_MUTATIONS,
    MUTATIONS,
    REGISTRY_MUTATIONS,
    SEEDS_MAX,
    TELEMETRY,
    TELEMETRY_MUTATIONS,
    Edit,
    Mutation,
    found,
    mutated,
)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda one: one.name)
def test_wrong_decision_is_found(mutation):
    fate = found(mutation)
    assert fate.seed is not None, str(fate)
    assert fate.seed < SEEDS_MAX


def test_there_is_a_mutation_for_each_rule_that_the_product_rests_on():
    assert len(MUTATIONS) == len({one.name for one in MUTATIONS})
    counts = [len(REGISTRY_MUTATIONS), len(TELEMETRY_MUTATIONS)]
    assert [*counts, len(FAILOVER_MUTATIONS)] == [7, 13, 16]


@pytest.mark.parametrize(
    "player", [Mutation("nothing", ()).player, TELEMETRY, FAILOVER]
)
def test_unchanged_copy_is_not_found_guilty(player):
    fate = found(Mutation("nothing", (), player), seeds=20)
    assert (fate.seed, fate.problem) == (None, "")
    assert str(fate) == "NOT FOUND  nothing: it lived through all"


def test_copy_that_does_not_run_is_not_taken_for_a_find():
    broken = Edit("errors.py", "class HotsiteError(", "class Gone(")
    fate = found(Mutation("broken", (broken,)), seeds=1)
    assert fate.seed is None
    assert "does not run" in fate.problem


def test_mutation_that_no_longer_fits_is_told(tmp_path):
    stale = Edit("errors.py", "there is no such text", "")
    with pytest.raises(ValueError, match="0 times, not once"):
        mutated(Mutation("stale", (stale,)), tmp_path)
