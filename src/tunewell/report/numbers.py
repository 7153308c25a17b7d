"""Small arithmetic that several renderers share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tunewell.core.finding import Matrix, Table
from tunewell.core.proof import Estimate

POINTS_DRAWN = 600
"""Points of a curve in a page: above it a screen shows no more, and the file only grows."""

CLASSES_DRAWN = 16
"""Classes of a confusion matrix in a page: more are not legible on a phone."""

Point = tuple[int, float | None]


def envelope(
    steps: Sequence[int], values: Sequence[float | None], limit: int = POINTS_DRAWN
) -> list[Point]:
    """At most `limit` points that keep the lowest, the highest and a lost value of each stretch.

    A spike of one step survives, which averaging or skipping would hide. A value of None stays as
    one None in its stretch, so that the line is broken there.
    """
    points = list(zip(steps, values, strict=False))
    if len(points) <= limit:
        return points
    stretches = max(limit // 3, 1)
    kept: list[Point] = []
    for i in range(stretches):
        part = points[i * len(points) // stretches : (i + 1) * len(points) // stretches]
        finite = [(value, at) for at, (_, value) in enumerate(part) if value is not None]
        chosen = {min(finite)[1], max(finite)[1]} if finite else set()
        chosen |= (
            {next(at for at, (_, v) in enumerate(part) if v is None)}
            if len(finite) < len(part)
            else set()
        )
        kept += [part[at] for at in sorted(chosen)]
    return kept


def confusions(matrix: Matrix) -> list[tuple[str, str, int, int]]:
    """Wrong cells of the matrix, most frequent first: (true, predicted, count, rows of true)."""
    cells = [
        (matrix.labels[i], matrix.labels[j], count, sum(row))
        for i, row in enumerate(matrix.counts)
        for j, count in enumerate(row)
        if i != j and count > 0
    ]
    return sorted(cells, key=lambda cell: -cell[2])


def most_confused(matrix: Matrix, limit: int = CLASSES_DRAWN) -> Matrix:
    """The matrix cut to the classes with the most wrong cells, in their own order."""
    size = len(matrix.labels)
    if size <= limit:
        return matrix
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
    chosen.sort()
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


def changes(table: Table) -> list[Change]:
    """The rows of a before/after table: metric, before, low, high, after, low, high.

    Rows of another form are left out; the table itself is shown in any case.
    """
    found = []
    for row in table.rows:
        numbers = [float(cell) for cell in row[1:] if isinstance(cell, int | float)]
        if len(row) != 7 or len(numbers) != 6 or not all(0 <= n <= 1 for n in numbers):  # noqa: PLR2004  the seven columns above
            continue
        name = str(row[0])
        before = Estimate(name=name, value=numbers[0], low=numbers[1], high=numbers[2])
        after = Estimate(name=name, value=numbers[3], low=numbers[4], high=numbers[5])
        found.append(Change(name, before, after))
    return found
