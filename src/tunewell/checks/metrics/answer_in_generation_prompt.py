"""MET038: the model is given the answer that it is to write."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Finding, Fix, Key, Number, Safety, Severity
from tunewell.subjects.rehearsed_evaluation import RehearsedEvaluation


@check("MET038", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("E27",))
def answer_in_generation_prompt(
    evaluation: RehearsedEvaluation, *, max_share: float = 0.5
) -> Iterator[Finding]:
    """Evaluation by generated text hands a decoder the whole row, with the answer.

    ## What it finds
    `predict_with_generate` on a model that continues its prompt, over rows that are made for
    training: question and answer in `input_ids`.

    ## Why it matters
    What is generated begins with all that was put in. A metric that looks at the whole text finds
    the right answer in it, because it was given; one that cuts the prompt off judges what the model
    writes after the answer.

    ## How it is measured
    In a batch of up to four rows, by the evaluation's own collator, the labels that are not -100
    are compared with the tokens that `generate` is given: at the same places, or at the end of the
    prompt. More than `max_share` of the rows (0.5) that hold their answer are found.

    ## Example
    A `Seq2SeqTrainer` of a Llama with `predict_with_generate=True`, evaluated on the rows of an
    instruction set with labels beside their inputs.

    ## Fix
    An evaluation set whose `input_ids` end where the answer begins, padded on the left, and the
    answers as labels; cut the prompt's length off what is generated before it is scored.

    ## When it is wrong
    When the task is to repeat the prompt.

    ## Sources
    transformers issue 26474, `Seq2SeqTrainer.prediction_step` of 5.23; fault E27 of the catalogue,
    reproduced with it.
    """
    made = evaluation.generated
    if made is None or not made.decoder_only or not made.compared:
        reason = "the evaluation writes no texts, or its model has an encoder"
        raise NotApplicableError(reason)
    share = made.answers_given / made.compared
    if share <= max_share:
        return
    yield Finding(
        message=(
            f"{made.answers_given:,} of {made.compared:,} rows hand the model the answer that it "
            "is to write: generation continues the prompt, and the answer stands in it"
        ),
        where=(Key(path="predict_with_generate"),),
        evidence=(
            Number(
                name="rows whose labels stand in the prompt",
                value=100 * share,
                unit="%",
                bound=f"at most {100 * max_share:g} %",
            ),
        ),
        impact="scores say nothing of what the model can write",
        fixes=(
            Fix(
                title="evaluate on prompts that end where the answer begins, and cut the prompt "
                "off what is generated",
                safety=Safety.MANUAL,
            ),
        ),
    )
