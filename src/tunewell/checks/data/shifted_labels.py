"""DAT061: labels that stand beside the text of another row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    DropRows,
    Edit,
    Finding,
    Fix,
    Number,
    Safety,
    SetLabel,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.labels.label_order import LabelOrder, Stretch, label_order
from tunewell.facts.parts import places, require_kind
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind

EXAMPLES = 5


@check(
    "DAT061",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("D31",),
)
def shifted_labels(
    dataset: Dataset, *, least_won: float = 0.7, error_share: float = 0.01
) -> Iterator[Finding]:
    """Rows whose label belongs to the text of a row before or after.

    ## What it finds
    Labels that were moved by one or two rows against their texts, in the whole file or over a
    stretch of it: a header read as a row, a row lost from one column, a sort of one column alone.

    ## Why it matters
    Every label looks right by itself, and all of them are wrong. Training on them goes as badly as
    on random labels, and an evaluation moved in this way calls a good model a bad one.

    ## How it is measured
    A text model (naive Bayes on runs of four characters, fitted in three folds) says how well each
    text fits its own label and the labels one and two rows further on. The whole file is moved
    where another pairing beats random labels far more often than the pairing as it stands. In a
    stretch, the moved label must fit better than the own one in at least `least_won` of the rows
    where the two differ, 0.7 by default: unmoved rows of the sets below stay under 0.25. And so
    clear a stretch must have a chance below 1 in a billion to stand anywhere among rows that are
    not moved. From `error_share` of a split's rows with a wrong label on, 1 % by default, it is an
    error, because 1 % is then lost from what can be learned.

    Planted in shuffled BANKING77, CLINC150, SMS Spam and GoEmotions, moves of all rows and of 60,
    20 and 5 % of them were all found, with borders right within 20 rows; moves of 1 % too, but for
    SMS Spam, where they change 10 labels. Nothing is said on these sets as they
    are. In a file that is sorted by label a move changes only the rows where a class ends; the
    finding then counts those.

    ## Example
    `where is my card` with the label of the next row, `exchange_rate`, and so on to the last row.

    ## Fix
    Join texts and labels again by a key. Or move the labels back; rows at the border of a stretch,
    whose own label cannot be known, are dropped.

    ## When it is wrong
    When the label is about the next row on purpose, as in a conversation whose next turn is to be
    foretold.

    ## Sources
    Fault D31 of the catalogue; the gambler's ruin for the chance of a stretch (Feller 1968,
    chapter XIV).
    """
    require_kind(dataset, {Kind.CLASSIFICATION, Kind.MULTI_LABEL})
    moved: list[tuple[Split, Stretch, LabelOrder]] = []
    for split in dataset.splits:
        order = label_order(split)
        moved += [
            (split, stretch, order)
            for stretch in order.stretches
            if stretch.won >= least_won * stretch.telling
        ]
    if not moved:
        return
    wrong = {
        split.name: sum(stretch.telling for other, stretch, _ in moved if other is split)
        for split in dataset.splits
    }
    share = max(wrong[split.name] / len(split) for split in dataset.splits)
    rows = sum(len(split) for split in dataset.splits if wrong[split.name])
    first, stretch, order = moved[0]
    ranges = "all rows" if _whole(first, stretch) else f"lines {_lines(first, stretch)}"
    more = f", and in {counted(len(moved) - 1, 'more stretch', 'more stretches')}"
    yield Finding(
        message=(
            f"in {ranges} of {first.name} the labels belong to the texts "
            f"{_direction(stretch.step)}{more if len(moved) > 1 else ''}: "
            f"{counted(sum(wrong.values()), 'label is', 'labels are')} wrong, "
            f"{100 * sum(wrong.values()) / rows:.3g} % of {rows:,} rows"
        ),
        where=tuple(
            place
            for split, at, _ in moved
            for place in places(split, [row for row in _rows(at) if _differs(split, at, row)])
        ),
        evidence=(
            Number(
                name="rows whose text fits the moved label better",
                value=100 * stretch.won / stretch.telling,
                unit="%",
                bound=f"below {100 * least_won:g} %",
            ),
            Number(
                name="as they stand, labels fit better than random ones in",
                value=100 * order.fit[0],
                unit="%",
                bound="50 % is chance",
            ),
            Table(
                name="stretches",
                columns=("split", "lines", "labels belong to the texts", "rows", "fit better"),
                rows=tuple(
                    (split.name, _lines(split, at), _direction(at.step), at.telling, at.won)
                    for split, at, _ in moved
                ),
                total=len(moved),
            ),
            Table(
                name="texts with the label beside them and the one that fits",
                columns=("line", "text", "label", "fitting label"),
                rows=tuple(
                    (first.lines[row], first.texts[row], first.labels[row], _moved(first, at, row))
                    for split, at, _ in moved[:1]
                    for row in [row for row in _rows(at) if _differs(split, at, row)][:EXAMPLES]
                ),
                total=stretch.telling,
            ),
        ),
        impact="the model is trained or judged on labels of other texts",
        fixes=(_repair(dataset, [(split, at) for split, at, _ in moved]),),
        severity=Severity.ERROR if share >= error_share else Severity.WARNING,
    )


def _rows(stretch: Stretch) -> range:
    return range(stretch.first, stretch.last + 1)


def _moved(split: Split, stretch: Stretch, row: int) -> str | None:
    at = row + stretch.step
    return split.labels[at] if 0 <= at < len(split) else None


def _differs(split: Split, stretch: Stretch, row: int) -> bool:
    moved = _moved(split, stretch, row)
    return moved is not None and split.labels[row] not in (None, moved)


def _whole(split: Split, stretch: Stretch) -> bool:
    return stretch.first == 0 and stretch.last == len(split) - 1


def _lines(split: Split, stretch: Stretch) -> str:
    return f"{split.lines[stretch.first]:,} to {split.lines[stretch.last]:,}"


def _direction(step: int) -> str:
    return f"{counted(abs(step), 'row')} {'before' if step > 0 else 'after'} them"


def _repair(dataset: Dataset, moved: list[tuple[Split, Stretch]]) -> Fix:
    title = "move the labels back to their texts"
    if dataset.kind is not Kind.CLASSIFICATION:
        return Fix(title=title, safety=Safety.MANUAL)
    rows_of: defaultdict[tuple[str, str, str], list[int]] = defaultdict(list)
    dropped: dict[str, set[int]] = {split.name: set() for split, _ in moved}
    for split, stretch in moved:
        size = abs(stretch.step)
        # The label of the last rows stands outside the stretch, beside the text it belongs to.
        border = _rows(stretch)[-size:] if stretch.step > 0 else _rows(stretch)[:size]
        dropped[split.name].update(border)
        for row in _rows(stretch):
            old, new = split.labels[row], _moved(split, stretch, row)
            if row in border:
                continue
            if old is None or new is None:
                dropped[split.name].add(row)
            elif old != new:
                rows_of[split.name, old, new].append(row)
    edits: list[Edit] = [
        SetLabel(split=name, rows=tuple(rows), old=old, new=new)
        for (name, old, new), rows in sorted(rows_of.items())
    ]
    edits += [DropRows(split=name, rows=tuple(sorted(rows))) for name, rows in dropped.items()]
    return Fix(title=title, safety=Safety.UNSAFE, edits=tuple(edits))
