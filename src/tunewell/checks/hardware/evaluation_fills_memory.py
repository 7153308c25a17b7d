"""HW020: the predictions that an evaluation keeps do not fit in memory."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, NotRunError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    SettingValue,
    Severity,
    Table,
)
from tunewell.core.words import counted
from tunewell.facts.machine import require_training_machine
from tunewell.facts.recipe import change, place
from tunewell.facts.trainer_script import made_trainers
from tunewell.facts.weights import loaded_weights
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.dataset import Dataset, Split
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.script import Script
from tunewell.subjects.tokenization import Tokenization

GIB = 1024**3
WRITING = frozenset({"sft", "pretraining", "seq2seq"})
"""Tasks whose predictions are a score for each word of the vocabulary, at each token."""


@check("HW020", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("P12",))
def evaluation_fills_memory(  # noqa: PLR0913  each subject tells one factor
    recipe: Recipe,
    dataset: Dataset,
    checkpoint: Checkpoint,
    machine: Machine,
    tokenization: Tokenization | None,
    script: Script | None,
    *,
    copies: float = 2.0,
) -> Iterator[Finding]:
    """The evaluation keeps the scores of every word at every token, more than memory holds.

    ## What it finds
    A language model that is evaluated with `compute_metrics` and without
    `preprocess_logits_for_metrics`, where the kept scores are more than the memory: an error where
    they alone are, a warning where `copies` times as much is.

    ## Why it matters
    The run trains for hours and ends with an out-of-memory error at its first evaluation. The
    memory of training says nothing about it: training keeps the scores of one batch alone.

    ## How it is measured
    Evaluation rows, times the tokens of the longest one (all are padded to it), times the size of
    the vocabulary, times 4 bytes. Without `eval_accumulation_steps` they stay on the GPU until the
    end (2 bytes each where the weights are 16-bit and nothing is autocast), with it they go to main
    memory, as fp32. Without a tokenizer a row has at least as many tokens as words. `copies` is 2:
    the scores of a new batch are joined to the others in a new tensor, while both are there.

    ## Example
    1,000 rows of 512 tokens and a vocabulary of 128,256 words: 245 GiB.

    ## Fix
    Let `preprocess_logits_for_metrics` keep the best word of each token (`logits.argmax(-1)`). With
    enough main memory, `eval_accumulation_steps`; for the loss alone, `prediction_loss_only`.

    ## When it is wrong
    With `batch_eval_metrics`, or a trainer of one's own that keeps less.

    ## Sources
    `Trainer.evaluation_loop` of transformers 5.23, whose predictions were measured to be exactly
    this large in a test; fault P12 of the catalogue.
    """
    saving = recipe.saving
    if recipe.task not in WRITING or saving.prediction_loss_only:
        reason = "no scores of words are kept"
        raise NotApplicableError(reason)
    if recipe.generation.predict_with_generate:
        reason = "the evaluation keeps the words it generates, and no scores"
        raise NotApplicableError(reason)
    if not _scores_kept(recipe, script):
        reason = "only the loss is kept, or the scores are made small first"
        raise NotApplicableError(reason)
    require_training_machine(recipe, machine)
    rows = dataset.evaluation
    if rows is None:
        reason = "pass the rows that judge the model: --eval FILE"
        raise NotRunError(reason)
    vocabulary = checkpoint.config.get("vocab_size")
    if not isinstance(vocabulary, int):
        reason = "the model's config does not say the size of its vocabulary"
        raise NotApplicableError(reason)
    length = _longest(recipe, checkpoint, rows, tokenization)
    values = len(rows) * length * vocabulary
    held = _where_kept(recipe, checkpoint, machine)
    for what, bytes_each, available in held:
        kept = values * bytes_each
        if available <= 0 or kept * copies <= available:
            continue
        sure = kept > available
        yield Finding(
            message=(
                f"the evaluation keeps {kept / GIB:,.1f} GiB of scores in {what} "
                f"({counted(len(rows), 'row')} x {length:,} tokens x {vocabulary:,} words), and "
                + (
                    f"that has {available / GIB:,.1f} GiB"
                    if sure
                    else f"joining them takes {copies:g} times that of {available / GIB:,.1f} GiB"
                )
            ),
            severity=Severity.ERROR if sure else Severity.WARNING,
            confidence=Confidence.HIGH if sure else Confidence.MEDIUM,
            where=(place(recipe, "saving.eval_accumulation_steps"),),
            evidence=(
                Number(
                    name="scores kept",
                    value=float(kept),
                    unit="bytes",
                    bound=f"at most {available:,} bytes",
                ),
                Table(
                    name="what is multiplied",
                    columns=("factor", "value"),
                    rows=(
                        ("evaluation rows", len(rows)),
                        ("tokens of the longest row", length),
                        ("words of the vocabulary", vocabulary),
                        ("bytes a score", bytes_each),
                    ),
                    total=4,
                ),
            ),
            impact="the run ends with an out-of-memory error at its first evaluation",
            fixes=_fixes(recipe, machine, values, copies),
        )
        return


def _scores_kept(recipe: Recipe, script: Script | None) -> bool:
    """Whether compute_metrics is given and nothing makes the scores small; False in doubt."""
    computed, reduced = recipe.saving.metrics_computed, recipe.saving.logits_reduced
    made = made_trainers(script) if script is not None else ()
    if computed is None:
        computed = any(call.gives("compute_metrics") for call in made)
    if reduced is None:
        answers = [call.gives("preprocess_logits_for_metrics") for call in made]
        reduced = any(answer is not False for answer in answers)
    return bool(computed) and not reduced


def _longest(
    recipe: Recipe, checkpoint: Checkpoint, rows: Split, tokenization: Tokenization | None
) -> int:
    """Tokens of the longest row; counted in the training rows, or else the words of these."""
    if tokenization is not None and len(tokenization.lengths):
        longest = int(tokenization.lengths.max())
    else:
        longest = max((len(text.split()) for text in rows.texts), default=0)
    limits = [n for n in (recipe.max_length, checkpoint.max_length) if n is not None]
    return max(1, min([longest, *limits]))


def _where_kept(
    recipe: Recipe, checkpoint: Checkpoint, machine: Machine
) -> list[tuple[str, int, int]]:
    """Where the scores lie on their way, with the bytes of each score and the memory there."""
    main = ("main memory", 4, machine.memory_bytes)
    if machine.gpu_bytes is None or recipe.saving.eval_accumulation_steps is not None:
        return [main]
    loaded = loaded_weights(recipe, checkpoint)
    half = loaded is not None and loaded.dtype != "float32" and recipe.precision == "fp32"
    return [(machine.gpu_name or "the GPU", 2 if half else 4, machine.gpu_bytes), main]


def _fixes(recipe: Recipe, machine: Machine, values: int, copies: float) -> tuple[Fix, ...]:
    small = Fix(
        title="keep the best word of each token alone: preprocess_logits_for_metrics",
        safety=Safety.MANUAL,
    )
    if machine.gpu_bytes is None or values * 4 * copies > machine.memory_bytes:
        return (small,)
    every: SettingValue = 1
    move = Fix(
        title="move the scores to main memory after each batch",
        safety=Safety.SAFE,
        edits=(change(recipe, "saving.eval_accumulation_steps", every),),
    )
    return (small, move)
