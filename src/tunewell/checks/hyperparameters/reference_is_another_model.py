"""HYP041: preference tuning against a reference that is not where the model starts."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Key,
    Number,
    Safety,
    Severity,
)
from tunewell.subjects.reference import Reference

WHAT = {
    "model": "the reference model",
    "base": "the base model without its adapter, which is the reference,",
    "adapter": "the copy of the adapter that is the reference",
    "precomputed": "the reference whose scores were computed beforehand",
}


@check(
    "HYP041",
    category=Category.SUSPICIOUS,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("R08", "R09"),
)
def reference_is_another_model(
    reference: Reference, *, max_log_ratio: float = 0.5
) -> Iterator[Finding]:
    """A reference model that differs from the model before the first step.

    ## What it finds
    A DPO training in which the model and its reference give the same answers other probabilities
    before anything is learned: a mean log-ratio above `max_log_ratio` (0.5).

    ## Why it matters
    The loss holds the model to its reference. If that is another model, part of every step pulls
    towards it and away from what was learned before, and the rewards begin with an offset that
    means nothing.

    ## How it is measured
    One batch is scored by both, without dropout, the way the trainer does it. Equal models give a
    log-ratio of 0. `max_log_ratio` of 0.5 over a whole answer is well above what rounding in
    bfloat16 makes of a few hundred tokens (about 0.1), and below what one epoch of supervised
    tuning does to an answer (several units).

    ## Example
    A model that was tuned in this process and given to `DPOTrainer` without `ref_model`: TRL loads
    the reference from the model's folder, where the tuned weights are not.

    ## Fix
    Save the tuned model and load it from there, or pass a copy of it as `ref_model`.

    ## When it is wrong
    When another reference was chosen on purpose, as some recipes of iterated preference tuning do.

    ## Sources
    Rafailov et al., "Direct Preference Optimization", 2023, section 4; TRL pull requests 1193 and
    4723. That the reference is the very same object (R09) is raised by TRL itself. Faults R08 and
    R09 of the catalogue.
    """
    if reference.log_ratio <= max_log_ratio:
        return
    yield Finding(
        message=(
            f"before the first step, the model and {WHAT.get(reference.kind, 'its reference')} "
            f"differ: their mean log-ratio over {reference.rows} answers is "
            f"{reference.log_ratio:.2f}, and equal models have 0"
        ),
        where=(Key(path="preference.reference"),),
        evidence=(
            Number(
                name="mean log-ratio to the reference at the start",
                value=reference.log_ratio,
                bound=f"at most {max_log_ratio:g}",
            ),
            *(
                (
                    Number(
                        name="mean log-probability of a chosen answer",
                        value=reference.answer_log_probability,
                    ),
                )
                if reference.answer_log_probability is not None
                else ()
            ),
        ),
        impact="training is pulled towards another model than the one it starts from",
        fixes=(
            Fix(
                title=(
                    "pass a copy of the starting model as ref_model, or save the model and load it "
                    "from its new folder"
                ),
                safety=Safety.MANUAL,
            ),
        ),
    )
