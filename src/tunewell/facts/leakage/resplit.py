"""Split again so that no group has rows on both sides, changing as little as possible."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from tunewell.core.finding import MoveRows
from tunewell.subjects.dataset import Split


@dataclass(slots=True)
class _Side:
    """One side of the split: which labels it is to have how often, and what it has so far."""

    wanted: Counter[str | None]
    held: Counter[str | None]

    def cost(self, labels: Counter[str | None]) -> float:
        """How far this side is from what is wanted of each label, with these rows added.

        Relative to its size, so that a small evaluation split weighs as much as the training rows.
        """
        after = self.held + labels
        off = sum(abs(after[name] - self.wanted[name]) for name in self.wanted.keys() | after)
        return off / max(1, self.wanted.total())


def move_whole_groups(
    train: Split,
    judged: Split,
    trained_groups: Sequence[Hashable | None],
    judged_groups: Sequence[Hashable | None],
) -> tuple[MoveRows, ...]:
    """Moves after which every group is whole on one side.

    Only groups that are on both sides move, the largest first, each to the side that is then nearer
    to the label counts it has now: sizes and shares of labels stay about as they are, as far as
    whole groups allow. Rows without a group (None) stay.

    Args:
        train: the training rows.
        judged: the rows that judge the model.
        trained_groups: the group of each training row.
        judged_groups: the group of each judging row.
    """
    here: defaultdict[Hashable, list[int]] = defaultdict(list)
    there: defaultdict[Hashable, list[int]] = defaultdict(list)
    for rows, groups in ((here, trained_groups), (there, judged_groups)):
        for row, group in enumerate(groups):
            if group is not None:
                rows[group].append(row)
    both = sorted(here.keys() & there.keys(), key=lambda group: _rank(here, there, group))
    taught, test = _side(train), _side(judged)
    labels: dict[Hashable, tuple[Counter[str | None], Counter[str | None]]] = {}
    for group in both:
        own = Counter(train.labels[row] for row in here[group])
        other = Counter(judged.labels[row] for row in there[group])
        labels[group] = own, other
        taught.held -= own
        test.held -= other
    to_train: list[int] = []
    to_judged: list[int] = []
    nothing: Counter[str | None] = Counter()
    for group in both:
        whole = labels[group][0] + labels[group][1]
        if taught.cost(whole) + test.cost(nothing) <= taught.cost(nothing) + test.cost(whole):
            taught.held += whole
            to_train += there[group]
        else:
            test.held += whole
            to_judged += here[group]
    moves = (
        MoveRows(split=judged.name, rows=tuple(sorted(to_train)), to=train.name),
        MoveRows(split=train.name, rows=tuple(sorted(to_judged)), to=judged.name),
    )
    return tuple(move for move in moves if move.rows)


def _side(split: Split) -> _Side:
    counts = Counter(split.labels)
    return _Side(counts, counts.copy())


def _rank(
    here: dict[Hashable, list[int]], there: dict[Hashable, list[int]], group: Hashable
) -> tuple[int, int]:
    return -len(here[group]) - len(there[group]), here[group][0]
