"""One device's telemetry, as lines for people and as one document for programs."""

import json
from collections.abc import Iterator
from typing import Any

from hotsite.core.intervals import Intervals
from hotsite.core.series import Row
from hotsite.faces.render.times import shown
from hotsite.flows.telemetry_query import HOT, Read, Series

_COLUMNS = ("published", "epoch", "seq", "origin", "data")
_GAPS_SHOWN_MAX = 20


def lines(series: Series) -> Iterator[str]:
    """Yield the series for people: a row a message, then a summary."""
    rows = [_COLUMNS, *map(_cells, series.rows)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()
    count = len(series.rows)
    yield f"{count} {'message' if count == 1 else 'messages'}"
    for epoch, missing in series.gaps.items():
        yield f"epoch {epoch}: {_missing(missing)}"


def remarks(series: Series) -> Iterator[str]:
    """Yield what the reader must know beside the series: who answered, who did not."""
    for read in series.reads:
        yield f"{read.kind}: {read.region} {_went(read)}"
    for read in series.reads:
        failed = [r.region for r in series.reads if r.kind == read.kind and r.failure]
        if failed and not read.failure:
            what = "replicated" if read.kind == HOT else "delivered and replicated"
            yield (
                f"{read.kind}: what arrived in {', '.join(failed)} and was not {what}"
                " before may be missing"
            )
    for kind in series.failed_kinds:
        yield f"{kind}: no site answered; what only it holds is missing"


def document(series: Series) -> dict[str, Any]:
    """Return the series for programs."""
    rows = series.rows
    return {
        "messages": [_message(row) for row in rows],
        "summary": {
            "count": len(rows),
            "first": _end(rows[0]) if rows else None,
            "last": _end(rows[-1]) if rows else None,
            "gaps": {str(e): list(found.pairs) for e, found in series.gaps.items()},
            "sources": [
                {
                    "store": read.kind,
                    "region": read.region,
                    "rows": read.count,
                    "unreadable": read.unreadable,
                    "error": read.failure or None,
                }
                for read in series.reads
            ],
        },
    }


def _cells(row: Row) -> tuple[str, ...]:
    epoch, seq = row.key
    return shown(row.published_at_s), str(epoch), str(seq), row.origin or "-", row.data


def _missing(missing: Intervals) -> str:
    if not missing:
        return "no gap"
    pairs = missing.pairs[:_GAPS_SHOWN_MAX]
    parts = [str(a) if a == b else f"{a}-{b}" for a, b in pairs]
    if len(missing.pairs) > len(pairs):
        parts.append("…")
    return f"{missing.size} missing: {', '.join(parts)}"


def _went(read: Read) -> str:
    if read.failure:
        return f"does not answer: {read.failure}"
    rows = f"answered, {read.count} {'row' if read.count == 1 else 'rows'}"
    return f"{rows}, {read.unreadable} unreadable" if read.unreadable else rows


def _message(row: Row) -> dict[str, Any]:
    return {
        "thing": row.thing,
        "epoch": row.key.epoch,
        "seq": row.key.seq,
        "published_at_s": row.published_at_s,
        "received_at_s": row.received_at_s,
        "origin": row.origin or None,
        "data": _value(row.data),
    }


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _end(row: Row) -> dict[str, Any]:
    return {
        "epoch": row.key.epoch,
        "seq": row.key.seq,
        "published_at_s": row.published_at_s,
    }
