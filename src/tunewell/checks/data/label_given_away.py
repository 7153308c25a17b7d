"""DAT064: the text says its own label, or carries a sign that only one class has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Classes,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    SetText,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.labels.classes import label_sets
from tunewell.facts.labels.giveaways import Giveaway, Mark, giveaways, marks
from tunewell.facts.labels.spellings import folded_label
from tunewell.facts.parts import places, require_kind
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind

EXAMPLES = 10
CHARACTERS_SHOWN = 120
EDGE = " \t\r\n:|>-,.;"


@check("DAT064", category=Category.SUSPICIOUS, severity=Severity.WARNING)
def label_given_away(
    dataset: Dataset,
    *,
    min_rows: int = 5,
    min_right: float = 0.9,
    min_class_rows: int = 20,
    min_share: float = 0.8,
    max_elsewhere: float = 0.01,
) -> Iterator[Finding]:
    """Texts that name their own label, or carry a sign that only one class has.

    ## What it finds
    The name of the label in a shape that no sentence has: in brackets or as a heading at the
    beginning, in brackets at the end, or behind a word such as `label:` or `category =`. And signs
    that nearly all rows of a class have and nearly no others: an address, a path, an identifier
    whose number changes, a token of symbols, the same three words at the beginning or the end.

    ## Why it matters
    The model learns the sign and not the text. It scores well where the sign is there, and fails on
    texts of users, which never have it.

    ## How it is measured
    Names are compared without case and separators. At least `min_rows` rows (5) must name a label
    in this way, and in at least `min_right` of them (0.9) it must be their own. A sign must be in
    at least `min_share` (0.8) of the rows of a class of at least `min_class_rows` rows (20), and
    others may have it in at most `max_elsewhere` (0.01) times as many rows. Words are never signs,
    however well they tell a class ("refund"), and neither are names with a number in them ("401k",
    "w-2"). In BANKING77, CLINC150, SMS Spam and GoEmotions no row names its label, and the most
    telling template is "meaning of life", at the end of 38 % of the rows of its class.

    ## Example
    `[billing] I was charged twice` under `billing`, `[login] ...` under `login`.

    ## Fix
    Take the sign out of the texts, of training and evaluation alike. The names of labels are taken
    out by the fix; other signs need a person's eye.

    ## When it is wrong
    When the sign is there in use too: a form whose subject line users fill in.

    ## Sources
    Kaufman et al. 2012, "Leakage in Data Mining"; Geirhos et al. 2020, "Shortcut Learning in Deep
    Neural Networks".
    """
    require_kind(dataset, {Kind.CLASSIFICATION, Kind.MULTI_LABEL})
    train = dataset.train
    named = _named(train, dataset.label_names)
    if named.right < min_rows or named.right < min_right * (named.right + named.wrong):
        named = _Named()
    cleaned = {
        row: _without(train.texts[row], found)
        for row, found in zip(named.rows, named.found, strict=True)
    }
    signs = giveaways(
        [cleaned.get(row, text) for row, text in enumerate(train.texts)],
        label_sets(train),
        least_rows=min_class_rows,
        least_share=min_share,
        most_elsewhere=max_elsewhere,
    )
    if not named.right and not signs:
        return
    said: list[str] = []
    if named.right:
        share = 100 * named.right / len(train)
        said.append(f"{counted(named.right, 'training text')} ({share:.3g} %) name their own label")
    if signs:
        most = max(signs, key=lambda found: found.rows)
        said.append(
            f"{counted(len(signs), 'class has a sign', 'classes have signs')} that nearly no other "
            f"row has: {most.sign!r} in {most.rows:,} of {most.total:,} rows of {most.label!r}"
        )
    examples = [int(found.example) for found in signs]
    yield Finding(
        message="; ".join(said),
        where=(
            *places(train, sorted({*named.rows, *examples})),
            *([Classes(names=tuple(sorted(found.label for found in signs)))] if signs else []),
        ),
        evidence=(
            Number(
                name="rows that name their own label",
                value=named.right,
                unit="rows",
                bound=f"fewer than {min_rows:,}",
            ),
            Number(name="rows that name another label", value=named.wrong, unit="rows"),
            _texts(train, named),
            _table(train, signs),
        ),
        impact="the model learns the sign instead of the text, and fails where it is missing",
        fixes=(_clean(dataset, signs),),
        confidence=Confidence.MEDIUM if signs else Confidence.HIGH,
    )


@dataclass(slots=True)
class _Named:
    """Rows that name their own label, with where; and how many name only another one."""

    rows: list[int] = field(default_factory=list)
    found: list[list[Mark]] = field(default_factory=list)
    wrong: int = 0

    @property
    def right(self) -> int:
        return len(self.rows)


def _named(split: Split, names: Sequence[str]) -> _Named:
    folded = {folded_label(name): name for name in names}
    labels = label_sets(split)
    named = _Named()
    for row, text in enumerate(split.texts):
        found = list(marks(text, folded))
        # A label may have several spellings; that is another check's affair.
        mine = {folded_label(label) for label in labels[row]} if found else set()
        own = [mark for mark in found if folded_label(mark.label) in mine]
        if own:
            named.rows.append(row)
            named.found.append(own)
        elif found:
            named.wrong += 1
    return named


def _texts(train: Split, named: _Named) -> Table:
    return Table(
        name="texts that name their label",
        columns=("line", "label", "text"),
        rows=tuple(
            (train.lines[row], train.labels[row], train.texts[row][:CHARACTERS_SHOWN])
            for row in named.rows[:EXAMPLES]
        ),
        total=named.right,
    )


def _table(train: Split, signs: Sequence[Giveaway]) -> Table:
    return Table(
        name="signs of one class",
        columns=("class", "kind", "sign", "rows", "of", "in other classes", "text"),
        rows=tuple(
            (
                found.label,
                found.kind,
                found.sign,
                found.rows,
                found.total,
                found.elsewhere,
                train.texts[found.example][:CHARACTERS_SHOWN],
            )
            for found in signs[:EXAMPLES]
        ),
        total=len(signs),
    )


def _clean(dataset: Dataset, signs: Sequence[Giveaway]) -> Fix:
    """Take the names of labels out of the texts of every split."""
    title = "take what gives the label away out of the texts, in every split"
    if signs:
        return Fix(title=title, safety=Safety.MANUAL)
    edits: list[SetText] = []
    for split in dataset.splits:
        named = _named(split, dataset.label_names)
        for row, found in zip(named.rows, named.found, strict=True):
            old = split.texts[row]
            new = _without(old, found)
            if new:
                edits.append(SetText(split=split.name, row=row, old=old, new=new))
    return Fix(title=title, safety=Safety.UNSAFE, edits=tuple(edits))


def _without(text: str, found: Sequence[Mark]) -> str:
    for mark in sorted(found, key=lambda mark: -mark.start):
        before, after = text[: mark.start].rstrip(), text[mark.end :].lstrip(EDGE + "])}>*#\"'")
        text = f"{before} {after}".strip()
    return text
