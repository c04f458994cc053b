"""What the kinds of drills say differently: figures, headline, tables."""

from collections.abc import Iterable

from hotsite.core.verdict import Verdict
from hotsite.faces.render import churn, course, tables
from hotsite.faces.render.story import Story, headline
from hotsite.faces.render.tables import Figure, Table


def figures_of(verdict: Verdict) -> tuple[Figure, ...]:
    """Return the figures that decide a drill, the most important first."""
    if verdict.churn and verdict.churn_objectives:
        return churn.figures(verdict.churn, verdict.churn_objectives)
    usual = tables.figures(verdict)
    if verdict.course and verdict.course_objectives:
        return (*course.figures(verdict.course, verdict.course_objectives), *usual)
    return usual


def headline_of(story: Story) -> str:
    """Return the outcome of a drill in one sentence."""
    verdict = story.verdict
    if verdict.churn:
        return churn.headline(story, verdict.churn)
    if verdict.course and verdict.course_objectives:
        return course.headline(story, verdict.course, verdict.course_objectives)
    return headline(story)


def tables_of(story: Story) -> Iterable[Table]:
    """Yield what comes before the account of messages, in a text."""
    if story.verdict.course is not None:
        yield from course.tables_of(story)
    else:
        yield tables.recovery_table(story.verdict)
