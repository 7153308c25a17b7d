"""MET020: the user's metric function raises, or the evaluation does."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    File,
    Finding,
    Fix,
    Key,
    Number,
    Safety,
    Severity,
    Table,
    Text,
)
from tunewell.subjects.first_step import Raised
from tunewell.subjects.rehearsed_evaluation import RehearsedEvaluation


@check("MET020", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("E06", "E08"))
def metric_function_raises(
    evaluation: RehearsedEvaluation, *, max_raised: int = 0
) -> Iterator[Finding]:
    """The metric function or the evaluation around it raises, after an epoch has been paid for.

    ## What it finds
    - a `compute_metrics` that is given a tuple of arrays, because the model gives more than its
      logits (hidden states, the encoder's states), and expects one;
    - one that decodes -100: labels that are not trained, and what fills up predictions of different
      length;
    - any other exception of `compute_metrics`, `preprocess_logits_for_metrics` or the evaluation.

    ## Why it matters
    Evaluation first runs after the first epoch, or after some hundred steps. The run is lost then,
    with its time and its money.

    ## How it is measured
    The trainer's own evaluation runs over some rows (32 at most) of a copy, with the metric
    function on copies of its arrays. If it raises, the same rows are repeated up to the length of
    the whole set and tried again, because some functions count on every row being there; if that
    passes, nothing is said. Texts are tried once more with one -100 at the end, which is what the
    trainer adds where two batches differ in length. More than `max_raised` failures, 0 by default,
    are an error. It is of high confidence where the tuple or the -100 explains it.

    ## Example
    "OverflowError: can't convert negative int to unsigned" of `tokenizer.batch_decode(labels)`.

    ## Fix
    Take `predictions[0]`, or leave outputs out by `keys_to_ignore_at_inference`; put
    `np.where(x != -100, x, tokenizer.pad_token_id)` before decoding.

    ## When it is wrong
    When the function needs rows that are not among those tried, such as one of each class.

    ## Sources
    Faults E06 and E08 of the catalogue, reproduced with transformers 5.23.
    """
    if evaluation.raised is not None and max_raised < 1:
        yield _finding(
            f"the evaluation of {evaluation.trainer} raises", evaluation.raised, evaluation,
            "mend what is shown, and check again", Confidence.MEDIUM, max_raised,
        )  # fmt: skip
        return
    judged = evaluation.judged
    if judged is None:
        reason = "the trainer has no metric function, or it was never called"
        raise NotApplicableError(reason)
    late = judged.raised is None and judged.raised_padded is not None
    raised = judged.raised_padded if late else judged.raised_whole or judged.raised
    only_the_sample = judged.tried_whole and judged.raised_whole is None and not late
    if raised is None or max_raised > 0 or only_the_sample:
        return
    several = len(judged.predictions) > 1
    ignored = any(judged.ignored) or late
    if several and not _is_decoding(raised):
        names = ", ".join(evaluation.outputs)
        what = (
            f"compute_metrics raises {raised.kind}: its predictions are a tuple of "
            f"{len(judged.predictions)} arrays ({names}), because the model gives more than logits"
        )
        title = (
            "take predictions[0], or have preprocess_logits_for_metrics or "
            "config.keys_to_ignore_at_inference leave the others out"
        )
        sure = Confidence.HIGH
    elif ignored and _is_decoding(raised):
        where = "the labels" if judged.ignored[1] and not late else "the predictions"
        when = " as soon as two batches differ in length" if late else ""
        what = f"compute_metrics raises {raised.kind}{when}: it decodes {where}, which hold -100"
        title = "np.where(x != -100, x, tokenizer.pad_token_id) before decoding, for both"
        sure = Confidence.HIGH
    else:
        what, title, sure = "compute_metrics raises", "mend what is shown", Confidence.MEDIUM
    yield _finding(what, raised, evaluation, title, sure, max_raised)


def _is_decoding(raised: Raised) -> bool:
    """Whether a tokenizer or a lookup by id was at work: negative ids have no token."""
    words = ("negative", "out of range", "overflow", "too small", "index", "list of integers")
    return raised.kind in {"OverflowError", "IndexError", "TypeError"} or any(
        word in raised.text.lower() for word in words
    )


def _finding(
    what: str,
    raised: Raised,
    evaluation: RehearsedEvaluation,
    title: str,
    confidence: Confidence,
    bound: int,
) -> Finding:
    judged = evaluation.judged
    at = f" at {raised.file}:{raised.line}" if raised.file else ""
    arrays = [] if judged is None else [*_named("predictions", judged.predictions)]
    arrays += [] if judged is None else [*_named("labels", judged.labels)]
    text = "" if raised.kind in what else f" {raised.kind}"
    return Finding(
        message=f"{what}{text}{at}: {raised.text}",
        where=(File(path=raised.file),) if raised.file else (Key(path="compute_metrics"),),
        evidence=(
            Text(name="what it raises", text=str(raised)),
            *((Text(name="the line", text=raised.code),) if raised.code else ()),
            Number(name="failures", value=1, bound=f"at most {bound}"),
            *((Table(name="what it is given", columns=("array", "shape"), rows=tuple(arrays),
                     total=len(arrays)),) if arrays else ()),
        ),
        impact="the run stops at its first evaluation",
        fixes=(Fix(title=title, safety=Safety.MANUAL),),
        confidence=confidence,
    )  # fmt: skip


def _named(name: str, shapes: tuple[tuple[int, ...], ...]) -> Iterator[tuple[str, str]]:
    for at, shape in enumerate(shapes):
        yield (f"{name}[{at}]" if len(shapes) > 1 else name, " x ".join(map(str, shape)))
