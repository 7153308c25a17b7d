"""Put runs side by side: one score each, and those of the same settings together."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence

from tunewell.core.errors import InputError
from tunewell.facts.curves import noise
from tunewell.facts.evaluation_time import evaluated_rows
from tunewell.facts.metric_names import chosen_metric, more_is_better
from tunewell.stats.scatter import Difference, difference
from tunewell.subjects.runs import RunGroup, Runs, ScoredRun
from tunewell.subjects.trace import Column, Trace

FIRST_CHOICES = ("eval_accuracy", "eval_f1", "eval_macro_f1", "eval_loss")
"""What is compared where the runs do not choose by one metric."""

SEEDS = ("seed", "data_seed")
NO_SETTINGS = frozenset(
    {"output_dir", "run_name", "logging_dir", "hub_model_id", "hub_token", "report_to", "project"}
    | {"disable_tqdm", "keep_model", "save_strategy", "save_steps", "save_total_limit"}
    | {"save_only_model", "logging_steps", "logging_strategy", "logging_first_step"}
    | {"overwrite_output_dir", "resume_from_checkpoint", "dataloader_num_workers", "log_level"}
    | {"push_to_hub", "full_determinism", "dataloader_pin_memory", "eval_on_start"}
)
"""What says where a run writes and what it tells, not how it learns."""

TELLING = "learning_rate"
"""A log that does not say this one does not say its settings."""


SURE = 0.05
"""The usual level."""

SURE_OF_ONE = 0.01
"""Where a group has one run: its scatter is taken from the others, and of a few seeds tried at the
usual level one in twenty would pass for a gain."""


def level_for(first: RunGroup, other: RunGroup, alpha: float = SURE) -> float:
    """The p-value up to which two groups count as different."""
    lone = min(len(first.scores), len(other.scores)) == 1
    return min(alpha, SURE_OF_ONE) if lone else alpha


def grouped(
    named: Sequence[tuple[str, Trace]], *, metric: str | None = None, same_settings: bool = False
) -> Runs:
    """The runs with their scores, in groups of the same settings.

    Args:
        named: at least two runs with their names.
        metric: the column to compare by, with or without `eval_`; chosen where None.
        same_settings: take all runs for repetitions of one configuration.

    Raises:
        InputError: if the runs have no such metric in common.
    """
    column = _metric([trace for _, trace in named], metric)
    more = _direction(column, [trace for _, trace in named])
    kept_best = all(_keeps_best(trace) for _, trace in named)
    runs = [_scored(name, trace, column, more=more, best=kept_best) for name, trace in named]
    told = all(TELLING in run.trace.settings for run in runs) or same_settings
    members: dict[object, list[ScoredRun]] = {}
    for number, run in enumerate(runs):
        key = "one" if same_settings else _key(run.trace) if told else number
        members.setdefault(key, []).append(run)
    return Runs(
        metric=column,
        more_is_better=more,
        kept_best=kept_best,
        groups=tuple(
            _group(label, found) for label, found in zip(_labels(), members.values(), strict=False)
        ),
        told=told,
    )


def against_first(runs: Runs) -> list[tuple[RunGroup, Difference | None]]:
    """Each further group with its difference from the first, None where no scatter is known."""
    first, *others = runs.groups
    return [
        (
            group,
            difference(
                first.scores,
                group.scores,
                [other.scores for other in others if other is not group],
            ),
        )
        for group in others
    ]


def differing(runs: Runs) -> list[tuple[str, tuple[object, ...]]]:
    """The settings in which the groups differ, with a value a group, None where it is not told.

    Those of which two groups tell different values stand first: a value that one log tells and the
    others leave out need not be another.
    """
    told = [settings_of(group.runs[0].trace) for group in runs.groups]

    def order(name: str) -> tuple[bool, str]:
        values = {repr(settings[name]) for settings in told if name in settings}
        return len(values) < 2, name  # noqa: PLR2004  two that differ

    names = sorted({name for settings in told for name in settings}, key=order)
    return [
        (name, tuple(settings.get(name) for settings in told))
        for name in names
        if len({repr(settings.get(name)) for settings in told}) > 1
    ]


def settings_of(trace: Trace) -> dict[str, object]:
    """What says how a run learns, without its seed; the size of its data among it."""
    settings: dict[str, object] = {
        name: value
        for name, value in trace.settings.items()
        if name not in NO_SETTINGS and name not in SEEDS
    }
    sizes = {"training rows": trace.train_rows, "classes": trace.classes}
    settings |= {name: size for name, size in sizes.items() if size is not None}
    return settings


def _labels() -> list[str]:
    letters = string.ascii_uppercase
    return [*letters, *(a + b for a in letters for b in letters)]


def _group(label: str, runs: Sequence[ScoredRun]) -> RunGroup:
    kept: list[ScoredRun] = []
    repeats: list[ScoredRun] = []
    for run in runs:
        known = run.seed is not None and any(other.seed == run.seed for other in kept)
        (repeats if known else kept).append(run)
    return RunGroup(label, tuple(kept), tuple(repeats), settings_of(runs[0].trace))


def _key(trace: Trace) -> object:
    return tuple(sorted((name, repr(value)) for name, value in settings_of(trace).items()))


def _metric(traces: Sequence[Trace], named: str | None) -> str:
    common = [
        name
        for name in sorted(set.intersection(*(set(trace.columns) for trace in traces)))
        if all(len(trace.column(name).finite) for trace in traces)
    ]
    if named is not None:
        for full in (named, f"eval_{named}"):
            if full in common:
                return full
        offered = ", ".join(name for name in common if name.startswith("eval_")) or "none"
        message = f"the runs have no metric {named!r} in common; they have {offered}"
        raise InputError(message)
    chosen = {chosen_metric(trace) for trace in traces}
    only = next(iter(chosen)) if len(chosen) == 1 else None
    for name in (only, *FIRST_CHOICES, "loss"):
        if name in common:
            return str(name)
    message = "the runs have no evaluation and no loss in common; name a metric with --metric"
    raise InputError(message)


def _direction(metric: str, traces: Sequence[Trace]) -> bool:
    by_name = more_is_better(metric.removeprefix("eval_"))
    if by_name is not None:
        return by_name
    said = {t.greater_is_better for t in traces if chosen_metric(t) == metric}
    return said != {False}


def _keeps_best(trace: Trace) -> bool:
    loads = trace.settings.get("load_best_model_at_end")
    return trace.best_step is not None if loads is None else loads is True


def _scored(name: str, trace: Trace, metric: str, *, more: bool, best: bool) -> ScoredRun:
    column = trace.column(metric).finite
    place = int(column.values.argmax() if more else column.values.argmin())
    top, last = float(column.values[place]), float(column.values[-1])
    deviation, told_by, rows = _noise(trace, metric, column, last)
    seeds = tuple(trace.settings.get(key) for key in SEEDS)
    return ScoredRun(
        name=name,
        trace=trace,
        seed=None if seeds == (None, None) else seeds,
        best=top,
        best_step=int(column.steps[place]),
        last=last,
        score=top if best else last,
        noise=deviation,
        noise_from=told_by,
        rows=rows,
        seconds=seconds_of(trace),
    )


def _noise(
    trace: Trace, metric: str, column: Column, last: float
) -> tuple[float | None, str, int | None]:
    """How far one evaluation is off: by the curve's own scatter or by the number of rows."""
    rows = evaluated_rows(trace) if metric.startswith("eval_") else None
    if metric == "eval_accuracy" and rows:
        share = min(max(last, 1 / (2 * rows)), 1 - 1 / (2 * rows))
        return math.sqrt(share * (1 - share) / rows), "rows", rows
    by_curve = noise(column.values)
    return (by_curve, "evaluations", rows) if by_curve > 0 else (None, "", rows)


def seconds_of(trace: Trace) -> float | None:
    """How long the run took: as it says itself, or from its first to its last log."""
    told = trace.summary.get("train_runtime")
    if told is not None and math.isfinite(told):
        return told
    times = [c.times for c in trace.columns.values() if c.times is not None and len(c)]
    ends = [(float(t.min()), float(t.max())) for t in times]
    if not ends:
        return None
    length = max(end for _, end in ends) - min(start for start, _ in ends)
    return length if length > 0 else None


def seed_of(run: ScoredRun) -> str:
    """A run's seed for people, "" where the log does not tell it."""
    if not isinstance(run.seed, tuple):
        return ""
    told = [str(value) for value in run.seed if value is not None]
    return " and ".join(dict.fromkeys(told))


def told(found: Difference) -> str:
    """What a difference is known to, for people."""
    interval = f"95 % interval {found.low:+.3g} to {found.high:+.3g}"
    if found.exact:
        return f"exact p = {found.p_value:.2g}; {interval} if the scatter is normal"
    return f"{interval}, p = {found.p_value:.2g}, if the scatter is normal"
