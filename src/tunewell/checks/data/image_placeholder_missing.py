"""DAT048: rows whose images do not have one placeholder each in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity
from tunewell.facts.parts import parts
from tunewell.facts.scan import Screen, fitting
from tunewell.facts.turns.irregular import Noted
from tunewell.subjects.dataset import MESSAGES, Dataset, Split

PLACEHOLDER = (
    r"(?i)<\|?(image|img|video|audio|vision|media)(_pad|_placeholder|here|[_ ]?\d+)?\|?>|"
    r"<(start_of_image|image_soft_token)>|\[(img|image)\]"
)
"""How LLaVA, LLaMA-Factory, Qwen-VL, Gemma 3, InternVL, Pixtral and MMMU mark an image's place."""

Ints = NDArray[np.int64]


@check("DAT048", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("D49",))
def image_placeholder_missing(dataset: Dataset, *, max_rows: int = 0) -> Iterator[Finding]:
    """Rows that have more or fewer images, videos or sounds than placeholders in their text.

    ## What it finds
    Rows with a column of images, videos or sounds whose number differs from the number of
    placeholders such as `<image>` in the texts, pieces of type "image" in messages included.

    ## Why it matters
    The processor puts the features of each image in the place of its placeholder. Where one is
    missing, training stops ("number of image tokens does not match"), or the image is left out and
    the model learns to describe what it has not seen.

    ## How it is measured
    By counting both in every row. More than `max_rows` rows, 0 by default, are a warning. Where no
    row of the file has a placeholder, this is information: TRL puts them in by itself, and
    LLaMA-Factory refuses the rows.

    ## Example
    `{"images": ["a.png"], "messages": [{"role": "user", "content": "What is this?"}]}` among rows
    that say `<image>What is this?`.

    ## Fix
    Write `<image>` where each image belongs, or take away images that no text speaks of.

    ## When it is wrong
    When the placeholder of your model is another one than those that are known here.

    ## Sources
    Fault D49 of the catalogue. TRL 1.16, `prepare_multimodal_messages`; LLaMA-Factory, data
    format: the number of images must be that of the `<image>` tokens.
    """
    shown = [split for split in dataset.splits if set(split.media) - {MESSAGES}]
    if not shown:
        reason = "the data has no column of images, videos or sounds"
        raise NotApplicableError(reason)
    counts = [_placeholders(split) for split in shown]
    details = [
        _differing(_given(split), placeholders)
        for split, placeholders in zip(shown, counts, strict=True)
    ]
    found = Noted(shown, details)
    if found.count <= max_rows:
        return
    nowhere = not any(placeholders.any() for placeholders in counts)
    what, rows = found.kinds.most_common(1)[0]
    yield Finding(
        message=(
            f"no row marks where its images belong: {found.of_rows} have {what}"
            if nowhere
            else f"{found.of_rows} do not have one placeholder for each image; {rows:,} have {what}"
        ),
        where=found.where,
        evidence=(
            found.number("rows that differ", f"at most {max_rows:,} rows"),
            found.table("images and placeholders"),
        ),
        impact=(
            "trainers that do not put the placeholders in by themselves refuse these rows"
            if nowhere
            else "training stops at these rows, or leaves the images out"
        ),
        fixes=(Fix(title="write <image> where each image belongs", safety=Safety.MANUAL),),
        severity=Severity.INFO if nowhere else Severity.WARNING,
        confidence=Confidence.HIGH if nowhere else Confidence.MEDIUM,
    )


def _given(split: Split) -> Ints:
    """The images, videos and sounds in the columns of each row."""
    columns = [counts for name, counts in split.media.items() if name != MESSAGES]
    total = np.zeros(len(split), dtype=np.int64)
    for counts in columns:
        total += np.asarray(counts, dtype=np.int64)
    return total


def _placeholders(split: Split) -> Ints:
    """The placeholders in the texts of each row and the pieces of its messages."""
    known = parts(split)
    pieces = split.media.get(MESSAGES)
    counts = np.zeros(len(split), dtype=np.int64) if pieces is None else np.array(pieces, np.int64)
    pattern = re.compile(PLACEHOLDER)
    for part in fitting(split, Screen(PLACEHOLDER)).tolist():
        row = int(np.searchsorted(known.start, part, side="right")) - 1
        counts[row] += sum(1 for _ in pattern.finditer(known.texts[part]))
    return counts


def _differing(given: Ints, placeholders: Ints) -> dict[int, list[str]]:
    rows = np.flatnonzero(given != placeholders)
    return {
        row: [f"{given[row]:,} of them and {placeholders[row]:,} placeholders"]
        for row in rows.tolist()
    }
