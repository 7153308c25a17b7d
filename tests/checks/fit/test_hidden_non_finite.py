"""FIT004 hidden-non-finite."""

import dataclasses

from tunewell.checks.fit.hidden_non_finite import hidden_non_finite
from tunewell.core.finding import Severity
from tunewell.subjects.trace import Intervention, Trace
from tunewell.testing import CheckCases, run_check, trace

NAN, INF = float("nan"), float("inf")
LEFT_OUT = (Intervention(step=2, kind="skip", text="not taken"),)


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


def test_another_step_than_the_guard_left_out_counts() -> None:
    """A guard that left out one step has not dealt with a later one."""
    run = trace(loss=[2.0, 1.9, 1.8, 1.7], raw_loss=[2.0, NAN, NAN, 1.7])
    run = dataclasses.replace(run, interventions=LEFT_OUT)
    (finding,) = run_check(hidden_non_finite, (run,)).findings
    assert finding.message.startswith("losses are not finite in the log at step 3, and finite")


def test_it_says_whether_losses_were_finite_again() -> None:
    """Two logs in the middle of a run are not "from there on"."""
    losses, norms = [2.0, 1.9, 1.8, 1.7, 1.6], [1.0, NAN, INF, 1.0, 1.0]
    (finding,) = run_check(hidden_non_finite, (trace(loss=losses, grad_norm=norms),)).findings
    assert "in 2 logs from the one at step 2 to step 3, and finite again" in finding.message
    (finding,) = run_check(hidden_non_finite, (trace(loss=[2.0, 1.9, NAN, 0.0]),)).findings
    assert "from the log at step 3 on; the log shows a loss of 0.0 in 1 log" in finding.message


def test_what_the_guard_handled_is_information() -> None:
    """Left out, or taken back; the log's window holds the step."""
    for done in (Intervention(3, "skip", "..."), Intervention(4, "back", "...")):
        (finding,) = run_check(
            hidden_non_finite, (guarded(done, step_loss=[2.0, 1.9, NAN, 1.7]),)
        ).findings
        assert finding.severity is Severity.INFO
        assert "the guard left the updates out or went back" in finding.message
