"""MET031 loss-and-metric-disagree."""

from tests.checks.runs import line, noisy, run

from tunewell.checks.metrics.loss_and_metric_disagree import loss_and_metric_disagree
from tunewell.core.finding import Severity
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, run_check

FALLS = noisy(line(1.9, 1.4, 12), 0.005)
RECIPE = Recipe(metric_for_best_model="eval_loss")


class TestLossAndMetricDisagree(CheckCases):
    """Twelve evaluations."""

    check = loss_and_metric_disagree
    faulty = {
        "rouge falls": run({"eval_loss": FALLS, "eval_rougeL": noisy(line(0.31, 0.24, 12), 0.005)}),
        "errors rise": run({"eval_loss": FALLS, "eval_wer": noisy(line(0.2, 0.3, 12), 0.005)}),
        "falls at once": run({"eval_loss": FALLS, "eval_f1": [0.86] * 7 + [0.7] + [0.33] * 4}),
        "the reverse": run(
            {
                "eval_loss": noisy(line(0.4, 0.6, 12), 0.005),
                "eval_accuracy": noisy(line(0.7, 0.8, 12), 0.005),
            }
        ),
    }
    nearly = {
        "scatter": run({"eval_loss": FALLS, "eval_accuracy": noisy([0.8] * 12, 0.03)}),
        "one bad evaluation": run({"eval_loss": FALLS, "eval_f1": [0.8] * 11 + [0.7]}),
        "recall for precision": run({"eval_loss": FALLS, "eval_recall": line(0.9, 0.6, 12)}),
        "nobody knows which way": run({"eval_loss": FALLS, "eval_length": line(30, 20, 12)}),
        "too few": run({"eval_loss": FALLS[:5], "eval_f1": line(0.9, 0.5, 5)}),
        "both turn": run(
            {"eval_loss": [1.9, 1.5, 1.2, 1.1, 1.2, 1.3, 1.4, 1.5], "eval_f1": line(0.9, 0.5, 8)}
        ),
    }
    clean = {"together": run({"eval_loss": FALLS, "eval_f1": line(0.5, 0.8, 12)})}


def test_the_reverse_is_information() -> None:
    """And the fix chooses by the metric."""
    (found,) = run_check(
        loss_and_metric_disagree, (*TestLossAndMetricDisagree.faulty["the reverse"], RECIPE)
    ).findings
    assert found.severity is Severity.INFO
    assert found.fixes[0].edits
