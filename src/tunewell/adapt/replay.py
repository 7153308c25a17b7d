"""Mix new rows with old ones, so that the retrained model forgets nothing."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from dataclasses import dataclass

import numpy as np

from tunewell.subjects.dataset import Split


@dataclass(frozen=True, slots=True, eq=False)
class Mixture:
    """The mixed training split and what went into it.

    `kept_old` are the 0-based numbers of the old rows that stayed; `repeated` counts new rows that
    were left out because an old one has the same text and label.
    """

    split: Split
    kept_old: tuple[int, ...]
    old_rows: int
    new_rows: int
    repeated: int

    @property
    def sentence(self) -> str:
        """What was mixed, for the report."""
        old = f"{len(self.kept_old):,} of {self.old_rows:,} old rows"
        again = f" ({self.repeated:,} that were known already left out)" if self.repeated else ""
        return f"{old} and {self.new_rows:,} new rows{again}"


def mix(old: Split, new: Split, *, share: float = 1.0, seed: int = 0) -> Mixture:
    """Old rows first, then new ones that are not among them.

    Args:
        old: rows that the current model learned from.
        new: rows that came since.
        share: of the old rows to keep, drawn within each label, at least one of each. All by
            default: where all old rows are at hand, keeping them costs time and nothing else.
            Without room for all, 5 to 25 % hold most of what was known (Ibrahim et al. 2024).
        seed: of the draw.

    Raises:
        ValueError: if the share is not above 0 and at most 1.
    """
    if not 0 < share <= 1:
        message = f"the share of old rows must be above 0 and at most 1, not {share}"
        raise ValueError(message)
    kept = tuple(range(len(old))) if share == 1 else _drawn(old, share, seed)
    known = Counter((old.texts[row], old.labels[row]) for row in kept)
    added = [row for row in range(len(new)) if not known[(new.texts[row], new.labels[row])]]
    split = dataclasses.replace(
        old,
        texts=[old.texts[r] for r in kept] + [new.texts[r] for r in added],
        labels=[old.labels[r] for r in kept] + [new.labels[r] for r in added],
        lines=[old.lines[r] for r in kept] + [new.lines[r] for r in added],
        broken=(),
    )
    return Mixture(split, kept, len(old), len(added), len(new) - len(added))


def _drawn(old: Split, share: float, seed: int) -> tuple[int, ...]:
    by_label: dict[str | None, list[int]] = defaultdict(list)
    for row, label in enumerate(old.labels):
        by_label[label].append(row)
    rng = np.random.default_rng(seed)
    kept: list[int] = []
    for label in sorted(by_label, key=str):
        rows = by_label[label]
        count = max(1, round(share * len(rows)))
        kept += [int(row) for row in rng.choice(rows, count, replace=False)]
    return tuple(sorted(kept))
