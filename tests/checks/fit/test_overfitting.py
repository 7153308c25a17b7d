"""FIT001 overfitting."""

from tunewell.checks.fit.overfitting import overfitting
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, run_check, trace

LEARNS = {step: 2.0 * 0.97**step for step in range(1, 101)}


def judged(*values: float) -> dict[int, float]:
    """Evaluations every ten steps."""
    return {10 * (place + 1): value for place, value in enumerate(values)}


class TestOverfitting(CheckCases):
    """A real rise, single evaluations that rise, and curves that only fall."""

    check = overfitting
    faulty = {
        "a steady rise": (
            trace(loss=LEARNS, eval_loss=judged(1.4, 0.9, 0.7, 0.8, 0.95, 1.1, 1.3)),
        ),
        "the first evaluation before the first logged loss": (
            trace(
                loss={step: LEARNS[step] for step in range(15, 101)},
                eval_loss=judged(0.7, 0.8, 0.95, 1.1, 1.3),
            ),
        ),
        "a slow and steady rise of 8 %": (
            trace(
                loss=LEARNS,
                eval_loss=judged(6.2, 6.15, 6.2, 6.23, 6.3, 6.31, 6.4, 6.5, 6.55, 6.65),
            ),
        ),
        "a second and last evaluation": (
            trace(loss=[2 * 0.95**step for step in range(60)], eval_loss={20: 0.6, 60: 0.9}),
        ),
        "two sets that both rise": (
            trace(
                loss=LEARNS,
                eval_mail_loss=judged(0.9, 0.7, 0.8, 1.0, 1.1),
                eval_chat_loss=judged(0.8, 0.7, 0.9, 1.0, 1.2),
            ),
        ),
        "accuracy of 1,000 rows": (
            trace(
                loss=LEARNS,
                eval_accuracy=judged(0.7, 0.9, 0.88, 0.82, 0.8),
                eval_runtime=judged(*[2.0] * 5),
                eval_samples_per_second=judged(*[500.0] * 5),
            ),
        ),
    }
    nearly = {
        "accuracy of 50 rows": (
            trace(
                loss=LEARNS,
                eval_accuracy=judged(0.7, 0.9, 0.88, 0.82, 0.8),
                eval_runtime=judged(*[2.0] * 5),
                eval_samples_per_second=judged(*[25.0] * 5),
            ),
        ),
        "one of two sets": (
            trace(
                loss=LEARNS,
                eval_mail_loss=judged(0.9, 0.7, 0.6, 0.5, 0.45),
                eval_chat_loss=judged(0.8, 0.7, 0.9, 1.0, 1.2),
            ),
        ),
        "one evaluation up": (trace(loss=LEARNS, eval_loss=judged(1.4, 0.9, 0.7, 0.9)),),
        "a plateau": (trace(loss=LEARNS, eval_loss=judged(1.4, 0.9, 0.7, 0.71, 0.72, 0.73)),),
        "noise": (
            trace(loss=LEARNS, eval_loss=judged(1.0, 0.7, 1.1, 0.8, 1.2, 0.65, 1.1, 0.8, 0.9)),
        ),
        "training loss rises too": (
            trace(
                loss={step: 1 + step / 100 for step in range(1, 101)},
                eval_loss=judged(1.0, 0.7, 0.9, 1.0, 1.1),
            ),
        ),
    }
    clean = {
        "falls": (trace(loss=LEARNS, eval_loss=judged(1.4, 0.9, 0.7, 0.6, 0.5)),),
        "two evaluations": (trace(loss=LEARNS, eval_loss=judged(0.5, 0.9)),),
    }


def test_the_fix_stops_early_and_keeps_the_best() -> None:
    """With a recipe the fix is an edit of it."""
    subjects = (
        *TestOverfitting.faulty["a steady rise"],
        Recipe(load_best_model_at_end=False),
    )
    (finding,) = run_check(overfitting, subjects).findings
    assert {edit.path for edit in finding.fixes[0].edits} == {  # type: ignore[union-attr]
        "early_stopping_patience",
        "load_best_model_at_end",
    }
