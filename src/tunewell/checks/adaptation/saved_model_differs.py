"""ADA020: a saved model that is not the one that was trained."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
    Table,
    Tensor,
)
from tunewell.core.words import counted
from tunewell.subjects.round_trip import RoundTrip

FINE = 0.01
COARSE = 0.1
FILES_SHOWN = 20


@check(
    "ADA020",
    category=Category.CORRECTNESS,
    severity=Severity.ERROR,
    covers=("O20", "S01", "S07", "S11", "S28", "S30"),
)
def saved_model_differs(
    trip: RoundTrip, *, max_difference: float = FINE, max_difference_16_bit: float = COARSE
) -> Iterator[Finding]:
    """A model that is another one once it was saved and loaded again.

    ## What it finds
    Trained parts that are in no saved file, an adapter that does nothing after loading, names that
    no loader knows, values that are no numbers, files that cannot be loaded, and outputs that are
    not those of the model in memory.

    ## Why it matters
    Training was for nothing, and nobody is told: evaluation before saving was good, the files have
    plausible sizes, and the loaded model answers like the base.

    ## How it is measured
    A copy takes one step at a high rate, so that what is lost shows; the trainer's own
    `save_model` writes it to a temporary folder; `from_pretrained` loads it, an adapter on the base
    as it was before the step. Outputs of one batch are compared, relative to their spread. A round
    trip without loss gives exactly 0; `max_difference` (0.01) leaves room for kernels and
    `max_difference_16_bit` (0.1) for 16-bit weights, whose buffers are rebuilt in 32.

    ## Example
    `model.state_dict = ...` patched as in the scripts of 2023: PEFT filters the names a second time
    and loads nothing. A head set trainable by hand under LoRA: it is trained and not saved.

    ## Fix
    Name what is trained beside the adapter in `modules_to_save`; leave `state_dict` alone.

    ## When it is wrong
    When another program saves the model, or its outputs are random in evaluation mode.

    ## Sources
    alpaca-lora issues 293 and 446; PEFT issues 310 and 2699. Faults O20, S01, S07, S11, S28 and S30
    of the catalogue.
    """
    bound = max_difference_16_bit if trip.coarse else max_difference
    told = _absent(trip) or _broken(trip) or _silent(trip)
    if told is None and trip.difference is not None and trip.difference > bound:
        told = (
            f"outputs of the loaded model are {trip.difference:.2g} of their spread off",
            "compare the names of the saved tensors with those of the model",
            Confidence.MEDIUM,
        )
    if told is None:
        return
    message, fix, confidence = told
    yield Finding(
        message=message,
        where=tuple(Tensor(name=name) for name in trip.absent or trip.not_finite),
        evidence=(
            Number(
                name="largest difference of an output, relative to the outputs' spread",
                value=trip.difference,
                bound=f"at most {bound:g}",
            ),
            Number(name="tensors in the saved files", value=float(trip.saved)),
            Table(
                name="files that the trainer wrote",
                columns=("file",),
                rows=tuple((name,) for name in trip.files[:FILES_SHOWN]),
                total=len(trip.files),
            ),
        ),
        impact="what is loaded later is not what was trained",
        confidence=confidence,
        fixes=(Fix(title=fix, safety=Safety.MANUAL),),
    )


Told = tuple[str, str, Confidence]


def _absent(trip: RoundTrip) -> Told | None:
    if not trip.absent:
        return None
    count = len(trip.absent)
    trained = f"{counted(count, 'trained tensor')} outside the adapter"
    names = ", ".join(trip.absent[:3])
    return (
        f"{trained} {'is' if count == 1 else 'are'} in no saved file: {names}",
        "name the module in modules_to_save of the adapter instead of setting requires_grad",
        Confidence.HIGH,
    )


def _broken(trip: RoundTrip) -> Told | None:
    if trip.prefixed:
        return (
            "the saved names begin with _orig_mod., which torch.compile adds and no loader knows",
            "save the model that was compiled (model._orig_mod), not the compiled one",
            Confidence.HIGH,
        )
    if trip.not_finite:
        names = ", ".join(trip.not_finite[:3])
        return (
            f"saved tensors hold values that are no numbers after one step: {names}",
            "find what makes the gradient infinite before anything is saved",
            Confidence.MEDIUM,
        )
    if trip.raised is not None:
        return (
            f"what the trainer saves cannot be loaded: {trip.raised}",
            "load the saved folder once before training",
            Confidence.MEDIUM,
        )
    return None


def _silent(trip: RoundTrip) -> Told | None:
    if not trip.adapter or not trip.effect or trip.effect_loaded is None:
        return None
    if not trip.saved:
        cause = "its file is empty"
    elif trip.effect_loaded == 0:
        cause = f"the names of its {trip.saved:,} tensors are none that PEFT looks for"
    else:
        return None
    return (
        f"the adapter does nothing once it was saved and loaded: {cause}",
        "remove what replaces state_dict or save_pretrained, and save with trainer.save_model",
        Confidence.HIGH,
    )
