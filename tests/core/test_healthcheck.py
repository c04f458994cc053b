from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotsite.core.healthcheck import (
    CheckType,
    HealthCheckConfig,
    Opinion,
    Tally,
    judge,
    observe,
)
from hotsite.errors import InvalidInputError

HTTPS = HealthCheckConfig("h", CheckType.HTTPS, "api-a.fleet.test", port=443)
PARENT = HealthCheckConfig("p", CheckType.CALCULATED, children=("h",), threshold=1)


def verdict(check, healthy=16, checkers=16):
    return judge({check.id: check}, {check.id: Tally(healthy, checkers)})[check.id]


@pytest.mark.parametrize(
    ("healthy", "checkers", "is_healthy"),
    [
        (0, 16, False),
        (2, 16, False),
        (3, 16, True),
        (16, 16, True),
        (18, 100, False),
        (19, 100, True),
        (0, 1, False),
        (1, 1, True),
        (0, 0, True),
    ],
)
def test_healthy_means_more_than_18_percent_of_the_checkers(
    healthy, checkers, is_healthy
):
    assert verdict(HTTPS, healthy, checkers).is_healthy is is_healthy


def test_new_check_is_healthy_until_there_is_data_and_inverted_unhealthy():
    inverted = replace(HTTPS, is_inverted=True)
    assert judge({"h": HTTPS}, {})["h"].is_healthy
    assert not judge({"h": inverted}, {})["h"].is_healthy


@pytest.mark.parametrize(
    ("is_inverted", "is_disabled", "healthy", "is_healthy"),
    [
        (False, False, 16, True),
        (False, False, 0, False),
        (True, False, 16, False),
        (True, False, 0, True),
        (False, True, 0, True),
        (True, True, 16, False),
    ],
)
def test_disabled_counts_as_healthy_and_inversion_comes_last(
    is_inverted, is_disabled, healthy, is_healthy
):
    check = replace(HTTPS, is_inverted=is_inverted, is_disabled=is_disabled)
    found = verdict(check, healthy)
    assert found.is_healthy is is_healthy
    assert found.reason


@pytest.mark.parametrize(
    ("healthy", "threshold", "is_healthy"),
    [
        ((), 0, True),
        ((), 1, False),
        (("a",), 1, True),
        (("a",), 2, False),
        (("a", "b"), 2, True),
        (("a", "b"), 3, False),
    ],
)
def test_calculated_check_counts_its_healthy_children(healthy, threshold, is_healthy):
    checks = {
        **{name: replace(HTTPS, id=name) for name in ("a", "b")},
        "p": replace(PARENT, children=("a", "b"), threshold=threshold),
        "not-p": replace(
            PARENT, id="not-p", children=("p",), threshold=1, is_inverted=True
        ),
    }
    tallies = {name: Tally(16 if name in healthy else 0, 16) for name in ("a", "b")}
    verdicts = judge(checks, tallies)
    assert verdicts["p"].is_healthy is is_healthy
    assert verdicts["not-p"].is_healthy is not is_healthy


def test_calculated_check_may_come_before_its_children():
    verdicts = judge({"p": PARENT, "h": HTTPS}, {"h": Tally(0, 16)})
    assert not verdicts["p"].is_healthy


@pytest.mark.parametrize(
    ("checks", "problem"),
    [
        ({"p": PARENT}, "unknown child 'h'"),
        ({"p": replace(PARENT, children=("p",))}, "counts itself"),
        (
            {
                "p": replace(PARENT, children=("q",)),
                "q": replace(PARENT, id="q", children=("p",)),
            },
            "counts itself",
        ),
    ],
)
def test_family_that_makes_no_sense_is_refused(checks, problem):
    with pytest.raises(InvalidInputError, match=problem):
        judge(checks, {})


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": ""}, "needs an id"),
        ({"fqdn": ""}, "name or an address"),
        ({"port": 0}, "port"),
        ({"port": 65_536}, "port"),
        ({"path": "healthz"}, "slash"),
        ({"interval_s": 20}, "interval"),
        ({"failure_threshold": 0}, "failure threshold"),
        ({"failure_threshold": 11}, "failure threshold"),
        ({"threshold": 257}, "threshold"),
        ({"children": ("x",)}, "only a calculated"),
        ({"search_string": "ok"}, "STR_MATCH"),
        ({"type": CheckType.HTTPS_STR_MATCH}, "STR_MATCH"),
        (
            {"type": CheckType.HTTP_STR_MATCH, "search_string": "x" * 256},
            "255 characters",
        ),
        ({"type": CheckType.CALCULATED, "children": ("x",)}, "no port"),
        ({"type": CheckType.CALCULATED, "port": 0}, "needs children"),
    ],
)
def test_check_that_route_53_would_not_accept_cannot_be_made(changes, problem):
    with pytest.raises(InvalidInputError, match=problem):
        replace(HTTPS, **changes)


def test_types_know_what_they_speak():
    assert [kind for kind in CheckType if kind.has_tls] == [
        CheckType.HTTPS,
        CheckType.HTTPS_STR_MATCH,
    ]
    assert [kind for kind in CheckType if kind.has_search] == [
        CheckType.HTTP_STR_MATCH,
        CheckType.HTTPS_STR_MATCH,
    ]


@pytest.mark.parametrize(
    ("results", "failure_threshold", "expected"),
    [
        ("", 3, Opinion(is_healthy=True)),
        ("-", 1, Opinion(is_healthy=False)),
        ("--", 3, Opinion(is_healthy=True, contrary=2)),
        ("---", 3, Opinion(is_healthy=False)),
        ("--+--", 3, Opinion(is_healthy=True, contrary=2)),
        ("---++", 3, Opinion(is_healthy=False, contrary=2)),
        ("---+++", 3, Opinion(is_healthy=True)),
        ("---++-++", 3, Opinion(is_healthy=False, contrary=2)),
    ],
)
def test_opinion_turns_after_enough_results_in_a_row(
    results, failure_threshold, expected
):
    opinion = Opinion()
    for result in results:
        opinion = observe(
            opinion, is_ok=result == "+", failure_threshold=failure_threshold
        )
    assert opinion == expected


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 10))
def test_opinion_is_that_of_the_last_long_enough_run(results, failure_threshold):
    opinion = Opinion()
    for is_ok in results:
        opinion = observe(opinion, is_ok=is_ok, failure_threshold=failure_threshold)
    expected = True
    for end in range(failure_threshold, len(results) + 1):
        run = set(results[end - failure_threshold : end])
        if len(run) == 1:
            expected = run.pop()
    assert opinion.is_healthy is expected
    assert 0 <= opinion.contrary < failure_threshold


@given(st.integers(0, 100), st.integers(0, 100))
def test_one_more_healthy_checker_never_makes_a_site_unhealthy(one, other):
    fewer, more = sorted((one, other))
    if verdict(HTTPS, fewer, 100).is_healthy:
        assert verdict(HTTPS, more, 100).is_healthy
