import pytest

from hotsite.core import scenario as scenarios
from hotsite.core.course import Act, Course, CourseObjectives, Outage, problems
from hotsite.core.operations import Kind
from hotsite.errors import InvalidInputError

KILL = Act(hurt=Outage.KILL)


def wrong(course):
    return [key for key, _ in problems(course)]


@pytest.mark.parametrize(
    ("course", "keys"),
    [
        (Course((KILL,)), []),
        (Course(()), ["acts"]),
        (Course((KILL,) * 51), ["acts"]),
        (Course((KILL,), await_limit_s=0), ["await_limit_s"]),
        (
            Course((KILL,), objectives=CourseObjectives(active="c")),
            ["objectives: active"],
        ),
        (
            Course((KILL,), objectives=CourseObjectives(switches=-1)),
            ["objectives: switches and both_active_s"],
        ),
        (Course((Act(),)), ["act 1: hurt, mend and operate"]),
        (
            Course((KILL, Act(hurt=Outage.KILL, mend=Outage.KILL))),
            ["act 2: hurt, mend and operate"],
        ),
        (Course((Act(hurt=Outage.KILL, site="c"),)), ["act 1: site"]),
        (Course((Act(hurt=Outage.KILL, awaits="c"),)), ["act 1: awaits"]),
        (Course((Act(hurt=Outage.BROWN_OUT, share=0),)), ["act 1: share"]),
        (Course((Act(hurt=Outage.KILL, after_s=-1),)), ["act 1: after_s"]),
        (Course((Act(operate=Kind.FORCED, tries_max=0),)), ["act 1: tries_max"]),
        (Course((Act(operate=Kind.FAILBACK, site="b"),)), ["act 1: site"]),
    ],
)
def test_what_is_wrong_with_a_course_is_named(course, keys):
    assert wrong(course) == keys


def test_an_act_says_what_it_is():
    acts = (
        KILL,
        Act(mend=Outage.TABLES, site="b"),
        Act(operate=Kind.PLANNED, site="b"),
    )
    assert [act.text for act in acts] == [
        "break kill at a",
        "mend tables at b",
        "planned to b",
    ]


def parsed(**more):
    acts = [{"hurt": "kill", "site": "a"}]
    text = {"name": "x", "title": "X.", "course": {"acts": acts}, **more}
    return scenarios.parse(text, source="x.toml")


def test_a_scenario_reads_its_course():
    assert parsed().course == Course((KILL,))


def test_a_wrong_act_is_one_clear_line():
    acts = [{"hurt": "kill", "site": "c"}]
    with pytest.raises(InvalidInputError) as caught:
        parsed(course={"acts": acts})
    assert str(caught.value) == "x.toml: course: act 1: site must be a or b"


def test_a_course_has_no_other_fault():
    with pytest.raises(InvalidInputError, match="course must be alone"):
        parsed(fault={"kind": "region-kill"})
