"""What the names of metrics tell: the direction that is better, and the set they were taken on."""

from __future__ import annotations

from tunewell.facts.memo import fact
from tunewell.subjects.trace import Trace

PREFIX = "eval_"

FALLING = frozenset(
    {"loss", "error", "error_rate", "wer", "cer", "ter", "mae", "mse", "rmse", "perplexity", "ppl"}
    | {"mape", "smape", "rmsle", "mean_squared_error", "mean_absolute_error", "nll", "bpc"}
    | {"edit_distance", "hamming_loss", "brier", "brier_score", "ece", "eer"}
)
"""Metrics of which less is better, by their name or by its last word."""

RISING = frozenset(
    {"accuracy", "f1", "macro_f1", "f1_macro", "micro_f1", "f1_micro", "weighted_f1"}
    | {"f1_weighted", "precision", "recall", "auc", "roc_auc", "mcc", "matthews_correlation"}
    | {"balanced_accuracy", "bleu", "sacrebleu", "chrf", "meteor", "rouge1", "rouge2", "rougel"}
    | {"rougelsum", "exact_match", "average_precision", "r2", "map", "ndcg"}
)
"""Metrics of which more is better, by their name or by its last word."""

TIMING = "_samples_per_second"
"""Ends a metric that the Trainer gives for every evaluation set."""


def more_is_better(name: str) -> bool | None:
    """The direction of a metric by its name, without `eval_`; None where it is in doubt."""
    name = name.casefold()
    for part in (name, name.rpartition("_")[2]):
        if part in RISING:
            return True
        if part in FALLING:
            return False
    return None


@fact
def evaluation_sets(trace: Trace) -> tuple[str, ...]:
    """The names of a run's evaluation sets, where it has several; empty for one without a name.

    The Trainer times each set: `eval_general_samples_per_second`. Where a log has no times, the
    names are those of losses beside which there is no `eval_loss`: with one, `eval_aux_loss` may be
    a part of it.
    """
    timed = _between(trace, TIMING)
    if timed or f"{PREFIX}loss" in trace.columns:
        return timed
    return _between(trace, "_loss")


def _between(trace: Trace, end: str) -> tuple[str, ...]:
    names = (name for name in sorted(trace.columns) if name.startswith(PREFIX))
    return tuple(
        name.removeprefix(PREFIX).removesuffix(end)
        for name in names
        if name.endswith(end) and len(name) > len(PREFIX) + len(end) - 1
    )


@fact
def directed_metrics(trace: Trace) -> dict[str, bool]:
    """Columns of evaluation whose direction is known, with whether more is better; no losses."""
    found: dict[str, bool] = {}
    for name in sorted(trace.columns):
        plain = name.removeprefix(PREFIX)
        direction = more_is_better(plain)
        if not name.startswith(PREFIX) or plain.endswith("loss"):
            continue
        if direction is None and trace.metric_for_best in {name, plain}:
            direction = trace.greater_is_better
        if direction is not None:
            found[name] = direction
    return found


def chosen_metric(trace: Trace) -> str | None:
    """The column by which the run chooses its best model; None where it names none."""
    metric = trace.metric_for_best
    if metric is None:
        return None
    return metric if metric.startswith(PREFIX) else PREFIX + metric
