"""DAT088: a loss mask that is not what the settings ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Number, Row, Safety, Severity
from tunewell.facts.targets import around, documents, require_task
from tunewell.facts.turns.irregular import percent
from tunewell.subjects.batch import Batch, BatchRow
from tunewell.subjects.recipe import Recipe

FEWEST_LETTERS = 8
"""Letters and digits of a text from which on it can be told whether it is in another."""

ASSISTANT = frozenset({"assistant", "gpt", "model", "bot"})
NO_LETTER = re.compile(r"[^a-z0-9]")
"""Texts are compared without what tokenizers change: white space, case, and tokens of single bytes.
"""


@dataclass(frozen=True, slots=True)
class _Told:
    """What a row's own columns say is asked last and answered to it, folded."""

    asked: str
    answered: str
    all_answers: str


@check(
    "DAT088",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("D07", "V01", "V04"),
)
def mask_not_as_set(
    batch: Batch, recipe: Recipe | None, *, max_share: float = 0.05, min_covered: float = 0.5
) -> Iterator[Finding]:
    """Prompts that are trained although the settings ask for answers alone, or lost answers.

    ## What it finds
    - The settings ask for the loss of completions or of assistant turns alone, and prompts are
      trained: the mask was lost on the way from the row to the batch.
    - The mask leaves out most of the answer.

    Training on prompts by choice is not a fault, and nothing is said of it.

    ## Why it matters
    The prompts, often the same boilerplate again and again, make up most of the loss. The model
    learns to write prompts, and the evaluation loss rises early. A mask of two tokens where the
    answer has two hundred teaches next to nothing.

    ## How it is measured
    `completion_only_loss` and `assistant_only_loss` say what is asked; TRL asks for completions
    alone where rows have a prompt and a completion and nothing is set. What is trained is read off
    the collated batch. Where the rows still hold their texts, the trained tokens, decoded and
    without anything but letters and digits, must not hold the prompt, and must hold at least
    `min_covered` of the letters of the answer (half), unless the row does not hold it. Where the
    texts are gone, rows that are trained in every token are found. More than `max_share` of the
    rows (5 %) are reported.

    ## Example
    `SFTTrainer(..., data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False))` over
    prompt-completion rows: that collator makes new labels from the input, prompts included.

    ## Fix
    Leave the collator to the trainer, bring `labels` or a `completion_mask` with tokenised rows,
    and let the versions of TRL and transformers fit each other.

    ## When it is wrong
    When the answer repeats the prompt word for word.

    ## Sources
    Faults D07, V01 and V04 of the catalogue.
    """
    require_task(batch, "causal")
    rows = [row for row in batch.train.rows if row.labels is not None and len(documents(row)) == 1]
    asked = _asked(recipe, rows)
    if asked is None or not rows:
        reason = "the settings do not ask for the loss of answers alone, or rows are packed"
        raise NotApplicableError(reason)
    prompts = [row for row in rows if _trains_prompt(row)]
    lost = [row for row in rows if _covered(row) < min_covered and row.trained[1:].any()]
    wrong, sure = (prompts, True) if prompts else (lost, False)
    if len(wrong) <= max_share * len(rows):
        return
    share = len(wrong) / len(rows)
    if sure:
        message = (
            f"{asked} asks for the loss of answers alone, and the prompt is trained in "
            f"{percent(share)} of the {len(rows):,} rows looked at"
        )
    else:
        message = (
            f"the loss mask leaves out most of the answer in {percent(share)} of the "
            f"{len(rows):,} rows looked at"
        )
    row = wrong[0]
    trained = sum(int(row.trained.sum()) for row in wrong)
    whole = sum(int(row.attended.sum()) for row in wrong)
    yield Finding(
        message=message,
        where=tuple(
            Row(split=batch.train.split, index=row.index) for row in wrong if row.index is not None
        ),
        evidence=(
            Number(name="tokens trained in these rows", value=100 * trained / whole, unit="%"),
            around("the beginning of such a row", row, int(row.attended.argmax()) + 10),
        ),
        impact="most of the loss comes from prompts" if sure else "hardly any answer is learned",
        fixes=(
            Fix(
                title="leave the collator to the trainer, or give the rows labels with -100 on the "
                "prompt",
                safety=Safety.MANUAL,
            ),
        ),
        severity=None if sure else Severity.WARNING,
        confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
    )


def _asked(recipe: Recipe | None, rows: list[BatchRow]) -> str | None:
    """The setting that asks for answers alone; None where none does."""
    if recipe is None:
        return None
    if recipe.preparation.assistant_only:
        return "assistant_only_loss"
    if recipe.preparation.train_on_prompt is False:
        return "completion_only_loss"
    pairs = all({"prompt", "completion"} <= set(row.source) for row in rows)
    if recipe.task == "sft" and recipe.preparation.train_on_prompt is None and pairs:
        return "TRL's default for rows with a prompt and a completion"
    return None


def _trains_prompt(row: BatchRow) -> bool:
    told = _told(row.source)
    if told is None or len(told.asked) < FEWEST_LETTERS:
        (document,) = documents(row)
        return document.whole
    if told.asked in told.all_answers:
        return False
    return told.asked in _trained_text(row)


def _covered(row: BatchRow) -> float:
    """Share of the answer's letters that are trained; 1 where that cannot be told."""
    told = _told(row.source)
    if told is None or len(told.answered) < FEWEST_LETTERS:
        return 1.0
    if told.answered not in _folded("".join(row.pieces)):
        return 1.0  # the row was cut or the template left something out: other faults
    return len(_trained_text(row)) / len(told.answered)


def _trained_text(row: BatchRow) -> str:
    return _folded("".join(p for p, known in zip(row.pieces, row.trained, strict=True) if known))


def _told(source: Mapping[str, Any]) -> _Told | None:
    """The last thing that is asked, and the answer to it."""
    prompt, completion = source.get("prompt"), source.get("completion")
    if isinstance(prompt, str) and isinstance(completion, str):
        return _Told(_folded(prompt), _folded(completion), _folded(completion))
    turns = source.get("messages")
    if turns is None and isinstance(prompt, list) and isinstance(completion, list):
        turns = [*prompt, *completion]
    if not isinstance(turns, list):
        return None
    spoken = [turn for turn in turns if isinstance(turn, Mapping)]
    said = [(str(turn.get("role")) in ASSISTANT, _folded(turn.get("content"))) for turn in spoken]
    users = [text for answer, text in said if not answer]
    answers = [text for answer, text in said if answer]
    if not users or not answers:
        return None
    return _Told(users[-1], answers[-1], "|".join(answers))


def _folded(text: object) -> str:
    return NO_LETTER.sub("", text.lower()) if isinstance(text, str) else ""
