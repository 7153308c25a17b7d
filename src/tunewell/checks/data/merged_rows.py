"""DAT019: several records in one field."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from tunewell.core.check import check
from tunewell.core.finding import Category, Confidence, Finding, Severity
from tunewell.core.words import counted
from tunewell.facts.parts import require_kind
from tunewell.facts.scan import Screen, fitting
from tunewell.facts.writing.flagged import flag, unless_asked
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.layout import Kind
from tunewell.subjects.parts import Role

Ints = NDArray[np.int64]

MANY_LABELS = 400
"""With more label names than this the pattern made of them would be too large."""

NUMBERED = r"(?i)\b\d{1,3}\s?[.)]\s*instruction\s*:"
HEADED = r"(?im)^#{2,4}\s*(instruction|human|user)\s*:?\s*$"
SPOKEN = r"(?m)^(Human|User|USER|### Human|### User|<\|user\|>)\s?: ?\S"
SERIES = re.compile(
    r"\b(\d{1,3})\s?[.)]\s*instruction\s*:.*\b\1\s?[.)]\s*(input|output)\s*:",
    re.IGNORECASE | re.DOTALL,
)
NEXT_RECORD = re.compile(
    r"\S\s*^#{2,4}\s*(instruction|human|user)\b.*^#{2,4}\s*(response|output|answer|assistant)\b",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)
NEXT_TURN = re.compile(
    r"\S\s*\n\s*\n(### )?(Human|User|USER)\s?:.*\n(### )?(Assistant|ASSISTANT|AI|Bot)\s?:",
    re.DOTALL,
)
ALL_THREE = re.compile(
    r"^\W*(\d+\W+)?instruction\s*:.*^\W*(\d+\W+)?input\s*:.*^\W*(\d+\W+)?(output|response)\s*:",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)
ABOUT_INSTRUCTIONS = re.compile(r"(?i)\binstructions?\b")
ABOUT_RECORDS = re.compile(
    r"(?i)\binstructions\b|\binstruction\s*(and|field|set|data|tun|follow|for)|\bprompt|\btemplate|"
    r"\bgpt\b.*\btasks?\b|dialog|conversation|\bchat|script|transcript|interview|few-shot"
)


@check(
    "DAT019",
    category=Category.CORRECTNESS,
    severity=Severity.WARNING,
    confidence=Confidence.HIGH,
)
def merged_rows(
    dataset: Dataset, *, max_rows: int = 0, row_like_share: float = 0.5
) -> Iterator[Finding]:
    r"""Fields that hold several records run together.

    ## What it finds
    - an answer in which the next records follow the answer: `12. Instruction: ... 12. Output: ...`,
      `### Instruction: ... ### Response: ...`, or the next question of a user and its answer;
    - an instruction that holds a whole record: instruction, input and output;
    - a text of a classification file that holds other rows with their labels, as a quotation mark
      that is never closed leaves it.

    ## Why it matters
    The model learns to go on after its answer: it invents the next question and answers that too.
    In a classification file the rows inside the field are lost, and their labels are read as text.

    ## How it is measured
    By patterns. An answer counts where headings or turns of a further record begin after some
    other text and the row does not ask for instructions, prompts, scripts or dialogues. A
    classified text counts where at least `row_like_share` of its lines, half of them, begin or end
    with a label of the data set that a comma, tab, semicolon or bar sets off. More than `max_rows`
    rows, 0 by default, are reported.

    ## Example
    `"output": "She watered the flowers.\n\n6. Instruction: Write a story.\n6. Output: ..."`

    ## Fix
    Drop the rows; better, cut the field where the next record begins.

    ## When it is wrong
    When the answer is meant to be a list of tasks and the row does not say so.

    ## Sources
    The cleaning of Stanford's Alpaca by its users (the AlpacaDataCleaned project) lists 37 such
    rows. The SMS Spam Collection, read with quotation marks, swallows rows in the same way.
    """
    require_kind(dataset, [kind for kind in Kind if kind is not Kind.TAGGING])
    found = flag(dataset, lambda split: _merged(split, row_like_share))
    if found.count <= max_rows:
        return
    verb = "holds" if found.count == 1 else "hold"
    yield Finding(
        message=f"{found.of_all} {verb} several records in one field",
        where=found.where,
        evidence=(
            found.number("rows with several records", f"at most {counted(max_rows, 'row')}"),
            found.examples("fields with several records", _border),
        ),
        impact="the model learns to go on with another question after its answer",
        fixes=(found.drop("merged row"),),
    )


def _merged(split: Split, row_like_share: float) -> Ints:
    answers = frozenset({Role.ANSWER})
    if split.kind in {Kind.CLASSIFICATION, Kind.MULTI_LABEL, Kind.PAIRS}:
        return _swallowed(split, row_like_share)
    found = [
        unless_asked(split, _both(split, NUMBERED, SERIES, answers), ABOUT_INSTRUCTIONS),
        unless_asked(split, _both(split, HEADED, NEXT_RECORD, answers), ABOUT_RECORDS),
        unless_asked(split, _both(split, SPOKEN, NEXT_TURN, answers), ABOUT_RECORDS),
        _both(split, NUMBERED, SERIES, frozenset({Role.PROMPT, Role.INPUT})),
    ]
    if split.kind is Kind.INSTRUCTION:
        prompts = frozenset({Role.PROMPT})
        found.append(_both(split, r"(?i)instruction\s*:", ALL_THREE, prompts))
    return np.unique(np.concatenate(found))


def _both(split: Split, screen: str, whole: re.Pattern[str], roles: frozenset[Role]) -> Ints:
    """The parts that fit the screen and then the whole pattern, which the engine cannot say."""
    return fitting(split, Screen(screen, lambda text: bool(whole.search(text)), roles))


def _swallowed(split: Split, row_like_share: float) -> Ints:
    """Texts that hold lines with a label of their own."""
    names = {name for name in split.labels if name is not None}
    if split.label_sets is not None:
        names = {name for labels in split.label_sets for name in labels}
    if not 1 < len(names) <= MANY_LABELS:
        return np.empty(0, dtype=np.int64)
    one = "|".join(sorted(re.escape(name) for name in names))
    line = rf"^[\"']?(?:{one})[\"']?\s?[,\t;|]\s?\S|\S[\"']?\s?[,\t;|]\s?[\"']?(?:{one})[\"']?\s*$"
    search = re.compile(line).search

    def row_like(text: str) -> bool:
        lines = [piece for piece in text.splitlines() if piece.strip()]
        hits = sum(1 for piece in lines if search(piece))
        return len(lines) > 1 and hits >= max(1, row_like_share * len(lines))

    screen = rf"(?m)(?:{line})"
    sides = frozenset({Role.TEXT, Role.SECOND})
    lined = fitting(split, Screen(r"\S[ \t]*[\r\n]+\s*\S", None, sides))
    if not len(lined):
        return lined
    return np.intersect1d(lined, fitting(split, Screen(screen, row_like, sides)))


def _border(text: str) -> int:
    """Where the next record begins."""
    for pattern in (NUMBERED, HEADED, SPOKEN):
        hit = re.search(pattern, text)
        if hit:
            return hit.start()
    return max(0, text.find("\n"))
