"""DAT047: rows of token tags that do not fit their tokens, or whose tags contradict each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tunewell.core.check import check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity
from tunewell.facts.parts import require_kind
from tunewell.facts.turns.irregular import Noted, noted
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.reading import Irregular

INSIDE = re.compile(r"[IEMLie][-_](.+)")
"""A tag that goes on with a span: I of BIO, and M, E, L of the schemes that mark ends."""

SPAN = re.compile(r"[A-Za-z][-_](.+)")
MARKED_STARTS = re.compile(r"[BSUb][-_]")
IOB1_SHARE = 0.5


@check("DAT047", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("D45",))
def tags_do_not_fit_tokens(
    dataset: Dataset, *, max_rows: int = 0, max_broken_share: float = 0.0
) -> Iterator[Finding]:
    """Rows with more or fewer tags than tokens, no tokens, or tags that cannot follow each other.

    ## What it finds
    - rows whose list of tags is not as long as their list of tokens, and rows without any token;
    - tags of the BIO scheme that go on with a span which has not begun: `I-PER` after `O` or after
      `B-ORG`.

    ## Why it matters
    A list that is too short either stops training or shifts every label after the gap by one word.
    An `I` without its `B` is counted as a span by some scorers and not by others, so the same model
    has two different F1 values.

    ## How it is measured
    By counting. More than `max_rows` rows of another length, 0 by default, are an error: no trainer
    can use them. Broken sequences alone are a warning from a share of the rows above
    `max_broken_share`, 0 by default, because files that were tagged by a program have none.
    The order is looked at only where tags are names and spans are marked by their beginning: where
    at least half of the spans begin with `I`, the file is in the older IOB1 scheme, in which that
    is right.

    ## Example
    `{"tokens": ["Anna", "lives", "in", "Oslo"], "ner_tags": ["B-PER", "O", "B-LOC"]}`

    ## Fix
    Drop the rows of another length. Write `B` for an `I` that begins a span.

    ## When it is wrong
    When tags stand for spans of another kind of scheme that happens to use the letter I.

    ## Sources
    Fault D45 of the catalogue. Ramshaw and Marcus, 1995 (IOB1); Sang and Veenstra, 1999 (IOB2).
    """
    require_kind(dataset, {Kind.TAGGING})
    lengths = noted(dataset, Irregular.COUNT)
    details: list[dict[int, list[str]]] = []
    for split, seen in zip(dataset.splits, lengths.details, strict=True):
        rows = {row: list(said) for row, said in seen.items()}
        for row, text in enumerate(split.texts):
            if not text.strip():
                rows.setdefault(row, []).append("no tokens")
        details.append(dict(sorted(rows.items())))
    unfit = Noted(dataset.splits, details)
    order = Noted(dataset.splits, [_broken(split) for split in dataset.splits])
    if unfit.count > max_rows:
        what = unfit.kinds.most_common(1)[0][0]
        yield Finding(
            message=f"{unfit.of_rows} do not have one tag for each token, such as {what}",
            where=unfit.where,
            evidence=(
                unfit.number("rows that do not fit", f"at most {max_rows:,} rows"),
                unfit.table("how they differ"),
                *((order.table("tags that cannot follow each other"),) if order.count else ()),
            ),
            impact="training stops at these rows, or every tag after the gap is one word off",
            fixes=(unfit.drop(),),
        )
    elif order.share > max_broken_share:
        what = order.kinds.most_common(1)[0][0]
        yield Finding(
            message=f"{order.of_rows} have a tag that goes on with a span which has not begun: "
            f"{what}",
            where=order.where,
            evidence=(
                order.number("rows with such a tag", f"at most {100 * max_broken_share:g} %"),
                order.table("tags that cannot follow each other"),
            ),
            impact="scorers disagree on these spans, so F1 depends on the scorer",
            fixes=(Fix(title="write B for an I that begins a span", safety=Safety.MANUAL),),
            severity=Severity.WARNING,
            confidence=Confidence.MEDIUM,
        )


def _broken(split: Split) -> dict[int, list[str]]:
    """Rows with the pairs of tags in them that cannot follow each other."""
    found: dict[int, list[str]] = {}
    begun = unmarked = 0
    for row, tags in enumerate(split.label_sets or ()):
        wrong = _wrong(tags)
        begun += sum(MARKED_STARTS.match(tag) is not None for tag in tags)
        unmarked += len(wrong)
        if wrong:
            found[row] = wrong
    return found if unmarked < IOB1_SHARE * (begun + unmarked) else {}


def _wrong(tags: Sequence[str]) -> list[str]:
    wrong: list[str] = []
    before = ""
    for tag in tags:
        inside = INSIDE.fullmatch(tag)
        if inside is not None:
            span = SPAN.fullmatch(before)
            if span is None or span[1] != inside[1]:
                wrong.append(f"{tag} after {before}" if before else f"{tag} at the beginning")
        before = tag
    return wrong
