"""Facts about how a run did on other rows, and what it answered."""

from __future__ import annotations

import math

import numpy as np

from tunewell.facts.curves import end_level
from tunewell.facts.run.curve_facts import first_bad, flat, losses_of
from tunewell.facts.run.fact import Seen, Told, fact, ramp, told
from tunewell.subjects.trace import Column, Trace


@fact(
    "evaluation-behind",
    "whether the evaluation loss stayed behind the training loss",
    columns=("eval_loss",),
)
def behind(seen: Seen) -> Told | None:
    """Rows that were trained on are known far better than others."""
    losses, judged = losses_of(seen.trace), seen.trace.column("eval_loss").finite
    if losses is None or not len(judged):
        return None
    trained, held = end_level(losses.values), float(judged.values[-1])
    if held <= 0:
        return None
    strength = ramp(trained / held, 0.7, 0.3)
    return told(strength, f"at the end the training loss is {trained:.3g} and the evaluation loss "
                f"{held:.3g}")  # fmt: skip


@fact(
    "evaluation-never-beat-guessing",
    "whether evaluation was ever better than guessing",
    columns=("eval_loss",),
    classifiers=True,
)
def never_beat_guessing(seen: Seen) -> Told | None:
    """Training loss falls, and on other rows the model never does better than one that guesses."""
    losses, judged = losses_of(seen.trace), seen.trace.column("eval_loss").finite
    classes = seen.trace.classes
    if losses is None or len(judged) < 2 or not classes or classes < 2:  # noqa: PLR2004
        return None
    guess, best = math.log(classes), float(judged.values.min())
    right = seen.trace.column("eval_accuracy").finite
    if end_level(losses.values) > 0.9 * guess or (
        len(right) and right.values.max() > min(1.5 / classes, 0.9)
    ):
        return None
    strength = ramp(best / guess, 0.9, 0.97)
    return told(
        strength,
        f"the training loss fell to {end_level(losses.values):.3g}, and the evaluation loss was "
        f"never below {best:.3g} (guessing costs {guess:.3g})",
    )


@fact("evaluation-as-good", "whether evaluation went along", columns=("eval_loss",))
def along(seen: Seen) -> Told | None:
    """Evaluation loss about as good as training loss: nothing is learned by heart."""
    losses, judged = losses_of(seen.trace), seen.trace.column("eval_loss").finite
    if losses is None or not len(judged) or flat(seen) is not None:
        return None
    trained, held = end_level(losses.values), float(judged.values[-1])
    strength = ramp(held / trained, 1.2, 1.05) if trained > 0 else 0.0
    return told(strength, f"the evaluation loss ended at {held:.3g}, as good as the training "
                f"loss of {trained:.3g}")  # fmt: skip


@fact(
    "score-never-moves",
    "whether the evaluation score ever moved",
    columns=("eval_accuracy",),
    classifiers=True,
)
def score_fixed(seen: Seen) -> Told | None:
    """The same accuracy at every evaluation but the first, although the loss moves.

    One answer for every row. A model that has not begun to learn shows the same and is left out,
    and so is one whose weights may no longer be numbers.
    """
    scores = _while_finite(seen.trace, "eval_accuracy")
    later = scores.values[1:]
    if len(later) < 2 or np.ptp(later) > 0 or flat(seen) is not None:  # noqa: PLR2004  two equal
        return None
    return Told(1.0, f"accuracy was {later[0]:.3g} at each of the last {len(later)} evaluations")


@fact(
    "one-class-answered",
    "whether the model answers with one class",
    columns=("predicted_top_share",),
    classifiers=True,
)
def one_class(seen: Seen) -> Told | None:
    """Nearly every row gets the same class, although the labels are not all the same."""
    answers = _while_finite(seen.trace, "predicted_top_share")
    labels = seen.trace.column("label_top_share").finite
    share = float(answers.values[-1]) if len(answers) else 0.0
    if len(labels) and float(labels.values[-1]) > 0.9 * share:
        return None
    strength = ramp(share, 0.9, 0.98)
    return told(strength, f"at the end {100 * share:.0f} % of the answers were one class")


def _while_finite(trace: Trace, name: str) -> Column:
    """A column up to the first loss that is not finite: what comes after follows from that."""
    column, bad = trace.column(name).finite, first_bad(trace)
    if bad is None:
        return column
    before = column.steps < bad
    return Column(column.steps[before], column.values[before])


@fact(
    "labels-mostly-one-class",
    "whether most labels are one class",
    columns=("label_top_share",),
    classifiers=True,
)
def skewed(seen: Seen) -> Told | None:
    """Labels of which most are one class."""
    labels = seen.trace.column("label_top_share").finite
    share = float(np.median(labels.values)) if len(labels) else 0.0
    strength = ramp(share, 0.6, 0.9)
    return told(strength, f"{100 * share:.0f} % of the labels are one class")
