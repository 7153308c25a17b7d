"""FIT004 hidden-non-finite."""

from tunewell.checks.fit.hidden_non_finite import hidden_non_finite
from tunewell.testing import CheckCases, trace

NAN, INF = float("nan"), float("inf")


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
