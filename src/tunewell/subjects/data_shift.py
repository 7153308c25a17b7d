"""How new data differs from the data that the current model was trained on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LabelShare:
    """One label's rows on both sides. `known` says whether the current data has the label."""

    name: str
    current_rows: int
    new_rows: int

    @property
    def known(self) -> bool:
        """Whether the current data has rows of it."""
        return self.current_rows > 0


@dataclass(frozen=True, slots=True)
class MovedRow:
    """A new row that is unlike the current ones; `row` is its 0-based number in the new data."""

    row: int
    line: int
    text: str
    label: str | None


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class DataShift:
    """The results of the two-sample tests.

    The p-values are Holm-adjusted for both tests together. `text_effect` is the squared mean
    discrepancy (0 where nothing moved), `label_effect` the total variation distance of the shares
    of known labels, 0 to 1. `label_p` is None where a side has no labels. `moved` are the rows
    that differ most, first the one that differs most. `features` says what the texts were
    compared by.
    """

    current_rows: int
    new_rows: int
    tested_rows: tuple[int, int]
    text_p: float
    text_effect: float
    label_p: float | None
    label_effect: float
    moved: tuple[MovedRow, ...]
    labels: tuple[LabelShare, ...]
    features: str
    new_file: str

    @property
    def unseen_labels(self) -> tuple[LabelShare, ...]:
        """Labels of the new data that the current data does not have."""
        return tuple(label for label in self.labels if not label.known)
