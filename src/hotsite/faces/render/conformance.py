"""Show what was found of devices: one alone, or several side by side."""

from collections.abc import Iterator, Sequence

from hotsite.core.conformance import Finding, Judgement, Report

_WORDS = {
    Judgement.PASS: "pass",
    Judgement.FAIL: "**fail**",
    Judgement.NOT_OBSERVED: "not observed",
}


def markdown(report: Report) -> str:
    """Return one report as a page of Markdown."""
    return "\n".join((*_one(report), ""))


def side_by_side(reports: Sequence[tuple[str, Report]]) -> str:
    """Return several devices' reports as one table, then each in words.

    Args:
        reports: A heading and a report for each device; the same checks.
    """
    names = [name for name, _ in reports]
    lines = [
        f"| check | {' | '.join(names)} | bound |",
        f"|---|{'---|' * len(names)}---|",
    ]
    for rows in zip(*(report.findings for _, report in reports), strict=True):
        cells = " | ".join(_cell(finding) for finding in rows)
        lines.append(
            f"| {rows[0].title} (`{rows[0].check}`) | {cells} | {_bound(rows[0])} |"
        )
    for name, report in reports:
        lines += ["", f"## {name}", ""]
        lines += list(_body(report))
    return "\n".join((*lines, ""))


def text(report: Report) -> str:
    """Return one report for a terminal."""
    lines = []
    for finding in report.findings:
        word = finding.judgement.value
        lines.append(f"{word:13} {finding.check:16} {finding.evidence}")
        if finding.judgement is Judgement.FAIL:
            lines.append(f"{'':13} {'':16} fix: {finding.fix}")
    lines += [f"note: {note}" for note in report.notes]
    failed = sum(one.judgement is Judgement.FAIL for one in report.findings)
    unseen = sum(one.judgement is Judgement.NOT_OBSERVED for one in report.findings)
    passed = len(report.findings) - failed - unseen
    lines.append(f"{passed} passed, {failed} failed, {unseen} not observed")
    return "\n".join(lines)


def _one(report: Report) -> Iterator[str]:
    yield f"# Conformance of `{report.device}`"
    yield ""
    yield from _body(report)


def _body(report: Report) -> Iterator[str]:
    yield f"`{report.command}`, {report.made_at}, {report.took_s:.0f} s."
    yield ""
    yield "| check | verdict | seen |"
    yield "|---|---|---|"
    for one in report.findings:
        yield f"| {one.title} | {_WORDS[one.judgement]} | {one.evidence} |"
    fixes = [one for one in report.findings if one.judgement is Judgement.FAIL]
    if fixes:
        yield ""
        yield "What to do:"
        yield ""
    for one in fixes:
        yield f"* `{one.check}`: {one.fix}"
    if report.notes:
        yield ""
    for note in report.notes:
        yield f"* Note: {note}."


def _cell(finding: Finding) -> str:
    word = _WORDS[finding.judgement]
    if finding.measured is None or not finding.unit:
        return word
    figure = f"{finding.measured:.1f}".removesuffix(".0")
    return f"{word} ({figure})"


def _bound(finding: Finding) -> str:
    if finding.bound is None:
        return ""
    return f"{finding.bound:g} {finding.unit}"
