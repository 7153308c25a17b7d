"""MET023: two evaluations of the same rows differ."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Key, Number, Safety, Severity
from tunewell.subjects.rehearsed_evaluation import RehearsedEvaluation

HALF = frozenset({"bfloat16", "float16"})


@check(
    "MET023",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("E01",),
)
def evaluation_not_repeatable(
    evaluation: RehearsedEvaluation,
    *,
    max_difference: float = 1e-3,
    max_half_difference: float = 0.02,
) -> Iterator[Finding]:
    """The model answers the same rows otherwise the second time: dropout is on in evaluation.

    ## What it finds
    Outputs or losses that differ between two passes over one batch in evaluation mode.

    ## Why it matters
    Scores are worse than the model is, and change from one evaluation to the next, so that the best
    checkpoint is chosen by luck. In a reproduction 24 of 64 predictions flipped.

    ## How it is measured
    A copy of the model in evaluation mode, one batch, the trainer's own prediction step, twice. A
    difference above `max_difference` of the largest output (0.001; repeated sums on a GPU differ by
    1e-6) is found; above `max_half_difference` (0.02) where the weights have 16 bits.

    ## Example
    `torch.nn.functional.dropout(x, 0.1)`, which drops whatever mode the model is in.

    ## Fix
    Pass `training=self.training` to functional dropout, or use the module.

    ## When it is wrong
    When the model draws at random on purpose.

    ## Sources
    Fault E01 of the catalogue, reproduced with transformers 5.23 and torch 2.13.
    """
    difference = evaluation.repeat_difference
    if difference is None:
        reason = "the evaluation gives no numbers that could be compared"
        raise NotApplicableError(reason)
    bound = max_half_difference if evaluation.precision in HALF else max_difference
    if difference <= bound:
        return
    yield Finding(
        message=(
            "two passes over one evaluation batch differ by "
            f"{100 * difference:,.3g} % of the largest output: something is drawn at random in "
            "evaluation mode"
        ),
        where=(Key(path="model"),),
        evidence=(
            Number(
                name="largest difference",
                value=100 * difference,
                unit="%",
                bound=f"at most {100 * bound:g} %",
            ),
        ),
        impact="scores change from one evaluation to the next, and the best model is luck",
        fixes=(
            Fix(
                title="pass training=self.training to functional dropout, or use nn.Dropout",
                safety=Safety.MANUAL,
            ),
        ),
    )
