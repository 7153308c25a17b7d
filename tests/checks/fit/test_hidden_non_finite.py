"""FIT004 hidden-non-finite."""

import dataclasses

from tunewell.checks.fit.hidden_non_finite import hidden_non_finite
from tunewell.core.finding import Severity
from tunewell.subjects.trace import Intervention, Trace
from tunewell.testing import CheckCases, run_check, trace

NAN, INF = float("nan"), float("inf")


def guarded(
    *done: Intervention,
    step_loss: list[float],
    nonfinite_parameters: dict[int, float] | None = None,
) -> Trace:
    """A guarded run with a log at every other step, as the watcher writes it."""
    bad = [float(loss != loss) for loss in step_loss]  # noqa: PLR0124  NaN is not itself
    pairs = range(2, len(step_loss) + 1, 2)
    made = trace(
        step_loss=step_loss,
        loss=dict.fromkeys(pairs, 1.9),
        nonfinite_losses={step: bad[step - 2] + bad[step - 1] for step in pairs},
        nonfinite_parameters=nonfinite_parameters or {},
    )
    return dataclasses.replace(made, interventions=done)


class TestHiddenNonFinite(CheckCases):
    """What the log of a destroyed run shows, and what it leaves out."""

    check = hidden_non_finite
    faulty = {
        "zeros and NaN gradients": (
            trace(loss=[2.0, 1.9, 0.0, 0.0], grad_norm=[1.0, 1.0, NAN, NAN]),
        ),
        "raw losses alone": (trace(loss=[2.0, 1.9, 1.9], raw_loss=[2.0, 1.9, NAN]),),
        "counted steps": (trace(loss=[2.0, 1.9], nonfinite_losses=[0.0, 3.0]),),
        "NaN at the end": (trace(loss=[2.0, 1.0], grad_norm=[1.0, NAN]),),
        "weights of the sample": (
            trace(loss=[2.0, 1.9, 1.8], nonfinite_parameters=[0.0, 12.0, 12.0]),
        ),
        "one step left out by the guard, and another that was not": (
            guarded(Intervention(3, "skip", "..."), step_loss=[2.0, 1.9, NAN, 1.7, NAN, 1.6]),
        ),
        "the guard stopped the run": (
            guarded(Intervention(4, "stop", "..."), step_loss=[2.0, 1.9, 1.8, NAN]),
        ),
        "left out, and the weights are not finite": (
            guarded(
                Intervention(3, "skip", "..."),
                step_loss=[2.0, 1.9, NAN, 1.7],
                nonfinite_parameters={4: 12.0},
            ),
        ),
        "gradients of the sample to the end": (
            trace(loss=[2.0, 1.9, 1.8], nonfinite_gradients=[0.0, 0.0, 7.0]),
        ),
    }
    nearly = {
        "overflows whose steps were skipped": (
            trace(
                loss=[2.0, 1.9, 1.8, 1.7],
                grad_norm=[INF, INF, INF, 2.0],
                skipped=[1.0, 1.0, 1.0, 0.0],
            ),
        ),
        "one overflow in fp16": (trace(loss=[2.0, 1.9, 1.8], grad_norm=[INF, 3.0, 2.0]),),
        "a loss of zero": (trace(loss=[0.1, 0.0, 0.0], grad_norm=[0.1, 0.0, 0.0]),),
    }
    clean = {"finite": (trace(loss=[2.0, 1.9], grad_norm=[1.0, 1.1]),)}


def test_what_the_guard_handled_is_information() -> None:
    """Left out, or taken back; the log's window holds the step."""
    for done in (Intervention(3, "skip", "..."), Intervention(4, "back", "...")):
        (finding,) = run_check(
            hidden_non_finite, (guarded(done, step_loss=[2.0, 1.9, NAN, 1.7]),)
        ).findings
        assert finding.severity is Severity.INFO
        assert "the guard left the updates out or went back" in finding.message
