"""Rows of an odd shape, as the readers noted them, and what a finding says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tunewell.core.finding import DropRows, Fix, Number, Row, Safety, Table
from tunewell.core.words import counted
from tunewell.facts.parts import places
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.reading import Irregular

SHOWN = 10


@dataclass(frozen=True)
class Noted:
    """Rows with something to say of each.

    `details` holds, for each split, what was seen in which row (0-based), the rows in order.
    """

    splits: Sequence[Split]
    details: Sequence[Mapping[int, Sequence[str]]]

    @property
    def count(self) -> int:
        """Number of rows in all splits."""
        return sum(map(len, self.details))

    @property
    def share(self) -> float:
        """The rows as a share of all rows, 0 to 1."""
        return self.count / max(1, sum(map(len, self.splits)))

    @property
    def of_rows(self) -> str:
        """The rows out of all, with their share, for a sentence."""
        total = sum(map(len, self.splits))
        return f"{self.count:,} of {counted(total, 'row')} ({percent(self.share)})"

    @property
    def kinds(self) -> Counter[str]:
        """How many rows each detail was seen in."""
        return Counter(
            detail for rows in self.details for said in rows.values() for detail in set(said)
        )

    @property
    def where(self) -> tuple[Row, ...]:
        """The rows of every split."""
        return tuple(
            place
            for split, rows in zip(self.splits, self.details, strict=True)
            for place in places(split, list(rows))
        )

    def number(self, name: str, bound: str) -> Number:
        """The share of the rows beside its bound."""
        return Number(name=name, value=100 * self.share, unit="%", bound=bound)

    def table(self, name: str) -> Table:
        """What was seen, how often, and where first."""
        first: dict[str, tuple[str, int]] = {}
        for split, rows in zip(self.splits, self.details, strict=True):
            for row, said in rows.items():
                for detail in said:
                    first.setdefault(detail, (split.name, int(split.lines[row])))
        return Table(
            name=name,
            columns=("what was seen", "rows", "first in", "line"),
            rows=tuple(
                (detail, rows, *first[detail]) for detail, rows in self.kinds.most_common(SHOWN)
            ),
            total=len(first),
        )

    def drop(self, what: str = "row") -> Fix:
        """The fix that leaves the rows out."""
        edits = tuple(
            DropRows(split=split.name, rows=tuple(rows))
            for split, rows in zip(self.splits, self.details, strict=True)
            if rows
        )
        return Fix(title=f"drop {counted(self.count, what)}", safety=Safety.UNSAFE, edits=edits)


def percent(share: float) -> str:
    """A share in per cent, with as many digits as tell it from none and from all."""
    value = 100 * share
    return f"{value:.0f} %" if value >= 10 or not value else f"{value:.2g} %"  # noqa: PLR2004  two digits


def noted(dataset: Dataset, what: Irregular, keep: Callable[[str], bool] | None = None) -> Noted:
    """The rows that a reader noted something of, with what it saw; `keep` says which details."""
    details: list[dict[int, list[str]]] = []
    for split in dataset.splits:
        rows: dict[int, list[str]] = {}
        for note in split.irregular:
            if note.what is what and (keep is None or keep(note.detail)):
                rows.setdefault(note.row, []).append(note.detail)
        details.append(dict(sorted(rows.items())))
    return Noted(dataset.splits, details)
