"""Small arithmetic that several renderers share."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tunewell.core.finding import Matrix, Series, Table
from tunewell.core.proof import Estimate

POINTS_DRAWN = 600
"""Points of a curve in a page: above it a screen shows no more, and the file only grows."""

CLASSES_DRAWN = 16
"""Classes of a confusion matrix in a page: more are not legible on a phone."""

SHARE = re.compile(r"(\d+(?:\.\d+)?) % \((\d+(?:\.\d+)?) to (\d+(?:\.\d+)?)\)", re.ASCII)

Point = tuple[int, float | None]

CURVES, BEFORE_AFTER = "curves", "before-after"
"""Sections with a place and a form of their own; "curves-..." are curves of another run."""


def envelope(
    steps: Sequence[int], values: Sequence[float | None], limit: int = POINTS_DRAWN
) -> list[Point]:
    """At most `limit` points that keep the lowest, the highest and a lost value of each stretch.

    A spike of one step survives, which averaging or skipping would hide. A value of None stays as
    one None in its stretch, so that the line is broken there.
    """
    points = [
        (step, value if value is None or math.isfinite(value) else None)
        for step, value in zip(steps, values, strict=False)
    ]
    if len(points) <= limit:
        return points
    stretches = max(limit // 3, 1)
    kept: list[Point] = []
    for i in range(stretches):
        part = points[i * len(points) // stretches : (i + 1) * len(points) // stretches]
        finite = [(value, at) for at, (_, value) in enumerate(part) if value is not None]
        chosen = {min(finite)[1], max(finite)[1]} if finite else set()
        lost = [at for at, (_, value) in enumerate(part) if value is None]
        chosen.update(lost[:1])
        kept += [part[at] for at in sorted(chosen)]
    return kept


def finite_points(series: Series) -> list[tuple[int, float]]:
    """Steps and values of a series where the value was finite."""
    pairs = zip(series.steps, series.values, strict=False)
    return [(step, v) for step, v in pairs if v is not None and math.isfinite(v)]


def confusions(matrix: Matrix) -> list[tuple[str, str, int, int]]:
    """Wrong cells of the matrix, most frequent first: (true, predicted, count, rows of true)."""
    cells = [
        (true, predicted, count, sum(row))
        for i, (true, row) in enumerate(zip(matrix.labels, matrix.counts, strict=False))
        for j, (predicted, count) in enumerate(zip(matrix.labels, row, strict=False))
        if i != j and count > 0
    ]
    return sorted(cells, key=lambda cell: -cell[2])


def most_confused(matrix: Matrix, limit: int = CLASSES_DRAWN) -> Matrix:
    """The matrix cut to the classes with the most wrong cells, confused ones side by side.

    A matrix whose parts do not fit one another is cut to what they share.
    """
    size = min(len(matrix.labels), len(matrix.counts), *map(len, matrix.counts))
    if size <= limit:
        return _part(matrix, range(size))
    pairs = sorted(
        (
            (count, i, j)
            for i, row in enumerate(matrix.counts)
            for j, count in enumerate(row)
            if i != j
        ),
        reverse=True,
    )
    chosen: list[int] = []
    for _, i, j in pairs:
        new = [k for k in dict.fromkeys((i, j)) if k not in chosen]
        if len(chosen) + len(new) > limit:
            break
        chosen += new
    return _part(matrix, chosen)


def _part(matrix: Matrix, chosen: Sequence[int]) -> Matrix:
    return Matrix(
        name=matrix.name,
        labels=tuple(matrix.labels[i] for i in chosen),
        counts=tuple(tuple(matrix.counts[i][j] for j in chosen) for i in chosen),
    )


@dataclass(frozen=True, slots=True)
class Change:
    """One metric before and after, as shares between 0 and 1 with 95 % intervals."""

    metric: str
    before: Estimate
    after: Estimate
    difference: str


def changes(table: Table) -> list[Change]:
    """The rows of a before/after table as numbers.

    The table has a column "metric" and columns "before" and "after" whose cells read
    `81.2 % (77.5 to 84.4)`; "difference", where it is there, is taken as it stands. Rows of
    another form are left out: the table itself is shown in any case.
    """
    found = []
    for row in table.rows:
        cells = {name: str(cell) for name, cell in zip(table.columns, row, strict=False)}
        metric = cells.get("metric", "")
        before = _estimate(metric, cells.get("before", ""))
        after = _estimate(metric, cells.get("after", ""))
        if before is not None and after is not None:
            found.append(Change(metric, before, after, cells.get("difference", "")))
    return found


def _estimate(name: str, cell: str) -> Estimate | None:
    match = SHARE.fullmatch(cell)
    if match is None:
        return None
    value, low, high = (float(part) / 100 for part in match.groups())
    return Estimate(name=name, value=value, low=low, high=high)
