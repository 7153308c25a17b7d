"""DAT008: the same training text under different labels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    DropRows,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.labels.classes import label_sets
from tunewell.facts.near.duplicates import groups
from tunewell.facts.near.folding import fold, folded
from tunewell.facts.parts import parts, places, questions, require_kind
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.parts import LEARNED

EXAMPLES = 10
CHARACTERS_SHOWN = 200
CLASSES = frozenset({Kind.CLASSIFICATION, Kind.MULTI_LABEL})
ANSWERS = frozenset({Kind.COMPLETION, Kind.INSTRUCTION})


@check("DAT008", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D31",))
def conflicting_labels(dataset: Dataset, *, max_texts: int = 0) -> Iterator[Finding]:
    """Training rows with the same text and different labels.

    ## What it finds
    Training texts that are equal apart from case, punctuation marks and white space and have more
    than one label; where rows have several labels, texts two of whose rows share none. Of prompts
    with answers: the same prompt with different answers.

    ## Why it matters
    No model can be right on all of these rows, and each pulls against the other in training. They
    show where the classes are not told apart clearly, so there are likely more such rows. Different
    answers to one prompt may all be right; then this is only worth knowing.

    ## How it is measured
    By comparing folded texts. More than `max_texts` such texts, 0 by default because a single-label
    task allows none, is a warning; of prompts with answers it is for information.

    ## Example
    `my top up is pending`, once `pending_top_up` and once `top_up_failed`.

    ## Fix
    Keep the label that most of the rows have and drop the others; where no label leads, drop all.

    ## When it is wrong
    When a text may have several labels: then the task is multi-label. Or when case or punctuation
    decides the label.

    ## Sources
    Fault D31 of the catalogue; Northcutt et al. 2021, "Pervasive Label Errors in Test Sets".
    """
    require_kind(dataset, CLASSES | ANSWERS)
    if dataset.kind in ANSWERS:
        yield from _answers(dataset.train, max_texts)
        return
    found = _conflicts(dataset)
    if len(found.examples) <= max_texts:
        return
    train, drop, rows = dataset.train, sorted(found.drop), sorted(found.rows)
    several = dataset.kind is Kind.MULTI_LABEL
    noun = counted(len(found.examples), "training text has", "training texts have")
    numbers = [
        Number(
            name="rows whose label is contradicted",
            value=100 * len(rows) / len(train),
            unit="%",
            bound=f"at most {max_texts:,} texts",
        )
    ]
    if several:
        numbers.append(
            Number(
                name="further texts whose rows agree only in part", value=found.partly, unit="texts"
            )
        )
    yield Finding(
        message=(
            f"{noun} {'labels that contradict each other' if several else 'more than one label'} "
            f"({counted(len(rows), 'row')}, {100 * len(rows) / len(train):.3g} %)"
        ),
        where=places(train, rows),
        evidence=(
            *numbers,
            Table(
                name="texts with several labels",
                columns=("lines", "text", "labels"),
                rows=tuple(found.examples[:EXAMPLES]),
                total=len(found.examples),
            ),
        ),
        impact="these rows pull against each other, and no model can be right on all of them",
        fixes=(
            Fix(
                title=f"drop {counted(len(drop), 'contradicted row')}",
                safety=Safety.UNSAFE,
                edits=(DropRows(split=train.name, rows=tuple(drop)),),
            ),
        ),
    )


@dataclass(slots=True)
class _Conflicts:
    """Rows of contradicted texts, those to drop, examples, and texts that agree in part."""

    rows: list[int] = field(default_factory=list)
    drop: list[int] = field(default_factory=list)
    examples: list[tuple[str | float | int | None, ...]] = field(default_factory=list)
    partly: int = 0


def _conflicts(dataset: Dataset) -> _Conflicts:
    train = dataset.train
    labels = label_sets(train)
    rows_of: defaultdict[int, list[int]] = defaultdict(list)
    for row, group in enumerate(groups(dataset).group[: len(train)].tolist()):
        # An empty set says that no label fits; a row that lacks its label says nothing.
        if group >= 0 and train.labels[row] is not None:
            rows_of[group].append(row)
    found = _Conflicts()
    for rows in rows_of.values():
        counts = Counter(labels[row] for row in rows)
        if len(counts) == 1:
            continue
        if not _contradict(list(counts)):
            found.partly += 1
            continue
        found.rows += rows
        (leader, most), (_, second) = counts.most_common(2)
        found.drop += [
            row
            for row in rows
            if most == second or (labels[row] != leader and not set(labels[row]) & set(leader))
        ]
        lines = ", ".join(str(train.lines[row]) for row in rows)
        names = ", ".join(" + ".join(several) or "none" for several in counts)
        found.examples.append((lines, train.texts[rows[0]], names))
    return found


def _contradict(kinds: Sequence[tuple[str, ...]]) -> bool:
    """Whether two sets of labels share none."""
    return any(not set(one) & set(other) for one in kinds for other in kinds if one != other)


def _answers(train: Split, max_texts: int) -> Iterator[Finding]:
    """The same prompt with different answers."""
    rows: list[int] = []
    examples: list[tuple[str | float | int | None, ...]] = []
    for same in _repeated(train):
        answers = {fold(answer): answer for answer in (_answer(train, row) for row in same)}
        if len(answers) > 1:
            rows += same
            lines = ", ".join(str(train.lines[row]) for row in same)
            shown = [answer[:CHARACTERS_SHOWN] for answer in list(answers.values())[:2]]
            examples.append((lines, questions(train)[same[0]][:CHARACTERS_SHOWN], *shown))
    if len(examples) <= max_texts:
        return
    yield Finding(
        message=(
            f"{counted(len(examples), 'prompt has', 'prompts have')} several different answers "
            f"({counted(len(rows), 'row')}, {100 * len(rows) / len(train):.3g} %)"
        ),
        where=places(train, sorted(rows)),
        evidence=(
            Number(
                name="rows whose prompt has another answer too",
                value=100 * len(rows) / len(train),
                unit="%",
                bound=f"at most {max_texts:,} prompts",
            ),
            Table(
                name="prompts with several answers",
                columns=("lines", "prompt", "one answer", "another"),
                rows=tuple(examples[:EXAMPLES]),
                total=len(examples),
            ),
        ),
        impact="where only one answer is right, the others teach a wrong one",
        fixes=(Fix(title="keep the best answer to each prompt", safety=Safety.MANUAL),),
        severity=Severity.INFO,
    )


def _repeated(split: Split) -> Iterator[list[int]]:
    """The rows of each prompt that comes more than once."""
    column = folded(questions(split)).combine_chunks().dictionary_encode()
    ids = column.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    nothing = column.dictionary.index("").as_py()
    often = np.bincount(ids, minlength=1) > 1
    if nothing >= 0:
        often[nothing] = False
    rows = np.flatnonzero(often[ids])
    rows = rows[np.argsort(ids[rows], kind="stable")]
    for same in np.split(rows, np.flatnonzero(np.diff(ids[rows])) + 1):
        if len(same):
            yield same.tolist()


def _answer(split: Split, row: int) -> str:
    return "\n".join(text for role, text in parts(split).of_row(row) if role in LEARNED)
