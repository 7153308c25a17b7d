"""Small arithmetic that several renderers share."""

from __future__ import annotations

from tunewell.core.finding import Matrix


def confusions(matrix: Matrix) -> list[tuple[str, str, int, int]]:
    """Wrong cells of the matrix, most frequent first: (true, predicted, count, rows of true)."""
    cells = [
        (matrix.labels[i], matrix.labels[j], count, sum(row))
        for i, row in enumerate(matrix.counts)
        for j, count in enumerate(row)
        if i != j and count > 0
    ]
    return sorted(cells, key=lambda cell: -cell[2])
