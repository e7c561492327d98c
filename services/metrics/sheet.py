"""A report as CSV (RFC 4180), for a spreadsheet: a row for each figure. No cell can be read as a formula."""

import csv
from collections.abc import Iterator
from io import StringIO
from typing import Final

from services.metrics.report import Report, Side

FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")  # What a spreadsheet would run, or trip over.
HEAD: Final = ("first", "last", "period", "label", "figure", "version", "unit")
VALUES: Final = ("value", "part", "whole", "half_within", "most_within", "late")

Value = str | int | float | None


def sheet(report: Report) -> str:
    """`label` is headed by what the figures are told apart by. The other days come after these."""
    written = StringIO()
    out = csv.writer(written)
    out.writerow([*(report.per or name if name == "label" else name for name in HEAD), *VALUES])
    for side in (report, report.against):
        if side:
            out.writerows([plain(value) for value in row] for row in rows(report, side))
    return written.getvalue()


def rows(report: Report, side: Side) -> Iterator[list[Value]]:
    for line in side.lines:
        for name, figure in line.figures.items():
            means = report.figures[name]
            where: list[Value] = [
                str(side.first),
                str(side.last),
                line.period,
                line.label,
                name,
                means.version,
                means.unit,
            ]
            yield [*where, *(getattr(figure, value) for value in VALUES)]


def plain(value: Value) -> Value:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
