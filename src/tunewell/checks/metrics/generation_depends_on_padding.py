"""MET024: texts written in a padded batch differ from those written alone."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Number, Row, Safety, Severity
from tunewell.subjects.rehearsed_evaluation import RehearsedEvaluation


@check("MET024", category=Category.CORRECTNESS, severity=Severity.WARNING, covers=("E10",))
def generation_depends_on_padding(
    evaluation: RehearsedEvaluation, *, max_rows: int = 0
) -> Iterator[Finding]:
    """A decoder writes other texts in a batch than alone, most often for padding on the right.

    ## What it finds
    An evaluation by generated texts (`predict_with_generate`) of a model that continues its prompt,
    in which rows of a padded batch get another text than by themselves.

    ## Why it matters
    Padded on the right, the model continues the padding instead of the prompt. Scores are far below
    what the model can do, and depend on the size of the batch.

    ## How it is measured
    Four rows, the shortest and the longest of a sample, are continued by 8 tokens without chance by
    a copy of the model, one by one and in one batch. More than `max_rows` rows that differ, 0 by
    default, are found: with high confidence where the batch is padded on the right, with medium
    where it is not, because rounding may turn a near tie. Models with an encoder are left alone.

    ## Example
    A `Seq2SeqTrainer` on a Llama whose tokenizer pads on the right.

    ## Fix
    `tokenizer.padding_side = "left"` for the collator of the evaluation.

    ## When it is wrong
    When prompts of one length are all there will ever be.

    ## Sources
    Fault E10 of the catalogue, reproduced with transformers 5.23, which only logs a line.
    """
    made = evaluation.generated
    if made is None or not made.decoder_only or not made.compared:
        reason = "the evaluation writes no texts, or its model has an encoder"
        raise NotApplicableError(reason)
    if len(made.differs) <= max_rows:
        return
    right = made.left_padded is False
    side = "right" if right else "left"
    yield Finding(
        message=(
            f"{len(made.differs):,} of {made.compared:,} rows get another text in a batch padded "
            f"on the {side} than alone"
        ),
        where=tuple(Row(split="eval", index=row) for row in made.differs),
        evidence=(
            Number(
                name="rows whose text differs",
                value=len(made.differs),
                unit="rows",
                bound=f"at most {max_rows:,}",
            ),
        ),
        impact="scores are below what the model can do, and depend on the batch size",
        fixes=(
            Fix(
                title="set padding_side='left' on the tokenizer of the evaluation's collator"
                if right
                else "pass the attention mask to generate",
                safety=Safety.MANUAL,
            ),
        ),
        confidence=Confidence.HIGH if right else Confidence.MEDIUM,
    )
