"""FIT016: an adapter that changes no output."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Finding,
    Fix,
    Key,
    Number,
    Safety,
    Severity,
)
from tunewell.subjects.round_trip import RoundTrip
from tunewell.subjects.setup import Setup


@check("FIT016", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("S34",))
def adapter_without_effect(
    trip: RoundTrip, setup: Setup | None, *, min_effect: float = 0.0
) -> Iterator[Finding]:
    """An adapter with which the model answers exactly as without it.

    ## What it finds
    An adapter that, after a step at a high rate, changes no output by more than `min_effect` (0: to
    the last bit).

    ## Why it matters
    Whatever is learned, the fine-tuned model gives the base model's answers, word for word.

    ## How it is measured
    A copy takes one step at a rate of 0.01, which moves every matrix of a healthy adapter; then one
    batch runs through it with the adapter switched on and off. Models in 16 bits, in which a
    small effect can round to nothing, and models of which nothing is trained are not judged.

    ## Example
    `lora_alpha=0`, by which everything the adapter computes is multiplied.

    ## Fix
    Set `lora_alpha` to the rank or twice the rank; enable the adapter's layers.

    ## When it is wrong
    When the batch of two rows holds nothing that the adapter acts on, such as an adapter on rows
    of an embedding that do not occur.

    ## Sources
    PEFT issue 793; alpaca-lora issues 459 and 563. Fault S34 of the catalogue.
    """
    if trip.effect is None:
        reason = "there is no adapter, or it could not be switched off"
        raise NotApplicableError(reason)
    used = setup is None or any(a.active and a.trainable for a in setup.adapters)
    if trip.coarse or not used:
        reason = "the model is in 16 bits, or the adapter in use is not trained"
        raise NotApplicableError(reason)
    if trip.effect > min_effect:
        return
    yield Finding(
        message=(
            "after a step at a high learning rate, the model gives the same outputs to the last "
            "bit with its adapter and without"
        ),
        where=(Key(path="adapter"),),
        evidence=(
            Number(
                name="largest change of an output by the adapter, relative to their spread",
                value=trip.effect,
                bound=f"above {min_effect:g}",
            ),
        ),
        impact="the fine-tuned model answers like the base model",
        fixes=(
            Fix(
                title=(
                    "set lora_alpha above 0 (the rank, or twice the rank), and leave the adapter's "
                    "layers enabled"
                ),
                safety=Safety.MANUAL,
            ),
        ),
    )
