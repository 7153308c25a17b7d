"""`compare` of runs: what differs in settings, curves, scores and time, and whether it is real."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from tunewell.core.document import Document, Examined, Section
from tunewell.core.errors import InputError
from tunewell.core.finding import Series, Table
from tunewell.core.words import counted
from tunewell.engine.documents import build
from tunewell.engine.examine import examine
from tunewell.engine.settings import Settings
from tunewell.facts.run_groups import against_first, differing, grouped, level_for, seed_of, told
from tunewell.readers.logs import find_runs
from tunewell.readers.logs.logged_run import LoggedRun
from tunewell.report.words import duration, figure
from tunewell.stats.scatter import Difference, spread
from tunewell.subjects.runs import RunGroup, Runs, ScoredRun
from tunewell.subjects.trace import Trace

CHECK = "gain-within-seed-scatter"
MOST_RUNS = 60
SEEDS_WANTED = 3
POINTS_DRAWN = 200
OVERLAID = ("loss", "learning_rate")
"""Curves shown beside the metric and the evaluation loss."""


def logged_runs(paths: Sequence[Path]) -> list[tuple[str, LoggedRun]]:
    """The runs to compare with their names: one a path, or all that lie at a single path.

    Raises:
        InputError: if a path holds none, or there are fewer than two.
    """
    found = _all_at(paths[0]) if len(paths) == 1 else [_newest_at(path) for path in paths]
    if len(found) < 2:  # noqa: PLR2004  a comparison takes two
        message = f"{paths[0]}: holds {counted(len(found), 'run')}; a comparison takes two or more"
        raise InputError(message)
    if len(found) > MOST_RUNS:
        message = f"{paths[0]}: holds {len(found)} runs; name up to {MOST_RUNS} of them"
        raise InputError(message)
    names = [name for name, _ in found]
    if len(set(names)) < len(names):
        found = [(f"{run.path.parent}/{name}", run) for name, run in found]
    return found


def _all_at(path: Path) -> list[tuple[str, LoggedRun]]:
    """Every run of a log, or the newest of each folder that lies in this one."""
    found = list(find_runs(path))
    if len(found) < 2 and path.is_dir():  # noqa: PLR2004  a comparison takes two
        inside = [
            (child.name, runs[0])
            for child in sorted(path.iterdir())
            if child.is_dir() and not child.name.startswith(".") and (runs := find_runs(child))
        ]
        if len(inside) > len(found):
            return inside
    return [(run.name, run) for run in reversed(found)]


def _newest_at(path: Path) -> tuple[str, LoggedRun]:
    found = find_runs(path)
    if not found:
        message = f"{path}: holds no run that can be read; two prediction files are compared alone"
        raise InputError(message)
    return (path.name or found[0].name, found[0])


def compare_runs(
    paths: Sequence[Path],
    *,
    metric: str | None = None,
    same_settings: bool = False,
    settings: Settings | None = None,
) -> Document:
    """Compare runs by their logs.

    Args:
        paths: a run each, or one path that holds several; the first is the one in use.
        metric: the metric to compare by; the one that the runs choose by where None.
        same_settings: take all for runs of one configuration, where the logs do not say.
        settings: selection and thresholds of the checks.

    Raises:
        InputError: if a run cannot be read, or they have no metric in common.
        SettingsError: if the settings cannot be used.
    """
    found = logged_runs(paths)
    named = [(name, run.read()[0]) for name, run in found]
    runs = grouped(named, metric=metric, same_settings=same_settings)
    compared = against_first(runs) if len(runs.groups) > 1 else []
    outcomes = examine([runs], settings=settings, families=("metrics",))
    # The others ask for what a comparison of runs never has.
    outcomes.not_run = [outcome for outcome in outcomes.not_run if outcome.name == CHECK]
    outcomes.not_applicable = [o for o in outcomes.not_applicable if o.name == CHECK]
    sections = [
        _scores(runs),
        *([_differences(runs, compared)] if compared else []),
        *_settings(runs),
        _curves(runs),
    ]
    return build(
        "compare",
        outcomes,
        verdict=_verdict(runs, compared),
        title=f"{len(named)} runs",
        examined=[
            Examined(what="run", path=str(run.path), reason=f"{name}, {run.format}")
            for name, run in found
        ],
        sections=sections,
        facts=_facts(runs, compared),
    )


def _label(group: RunGroup, run: ScoredRun) -> str:
    """How a run is called in tables: its group, and its seed where the group has several."""
    if len(group.runs) + len(group.repeats) == 1:
        return group.label
    told_apart = seed_of(run) and not group.repeats
    return f"{group.label}, seed {seed_of(run)}" if told_apart else f"{group.label}, {run.name}"


def _every(runs: Runs) -> list[tuple[RunGroup, ScoredRun]]:
    return [(group, run) for group in runs.groups for run in (*group.runs, *group.repeats)]


def _number(value: float, unit: float) -> str:
    """A score with as many digits as the differences between the runs ask for."""
    digits = min(max(2 - int(np.floor(np.log10(unit))), 0), 6) if unit > 0 else 4
    return f"{value:.{digits}f}"


def _unit(runs: Runs) -> float:
    """The size of the differences between the scores."""
    values = [value for _, run in _every(runs) for value in (run.best, run.last)]
    return max(values) - min(values)


def _scores(runs: Runs) -> Section:
    unit = _unit(runs)
    rows = tuple(
        (
            group.label,
            run.name,
            seed_of(run) or "-",
            f"{_number(run.best, unit)} ({run.best_step:,})",
            _number(run.last, unit),
            _noise(run, unit),
            "-" if run.seconds is None else duration(run.seconds),
        )
        for group, run in _every(runs)
    )
    compared = "the best" if runs.kept_best else "the last"
    way = "more is better" if runs.more_is_better else "less is better"
    kept = " (each run keeps its best model)" if runs.kept_best else ""
    how = (
        f"{runs.metric}, {way}; {compared} evaluation is compared{kept}. Noise is the standard "
        "deviation of one evaluation, by its rows or by the scatter of the curve."
    )
    lines = [how]
    if not runs.told:
        lines.append(
            "The logs do not say all settings, so each run is taken for a configuration of its "
            "own; --same-settings takes them for repetitions of one."
        )
    repeats = sum(len(group.repeats) for group in runs.groups)
    if repeats:
        lines.append(
            f"{counted(repeats, 'run')} {'repeats' if repeats == 1 else 'repeat'} the seed of "
            "another: nothing is learned of scatter."
        )
    columns = ("", "run", "seed", "best (step)", "last", "noise", "time")
    shown = Table(name="scores", columns=columns, rows=rows, total=len(rows))
    return Section(id="scores", title="Scores", text="\n".join(lines), evidence=(shown,))


def _noise(run: ScoredRun, unit: float) -> str:
    if run.noise is None:
        return "not known"
    size = _number(run.noise, min(unit, run.noise) or run.noise)
    return f"{size} ({run.rows:,} rows)" if run.noise_from == "rows" and run.rows else size


def _differences(runs: Runs, compared: Sequence[tuple[RunGroup, Difference | None]]) -> Section:
    first = runs.groups[0]
    rows = tuple(
        (
            f"{group.label} - {first.label}",
            f"{len(first.scores)} and {len(group.scores)}",
            f"{_mean(group) - _mean(first):+.3g}",
            "not known" if found is None else f"{found.low:+.3g} to {found.high:+.3g}",
            "-" if found is None else f"{found.p_value:.2g}",
            _by(found),
        )
        for group, found in compared
    )
    return Section(
        id="differences",
        title="Differences",
        text=f"{runs.metric}: the mean over seeds less that of {first.label}",
        evidence=(
            Table(
                name="differences",
                columns=("", "seeds", "difference", "95 % interval", "p", "p from"),
                rows=rows,
                total=len(rows),
            ),
        ),
    )


def _by(found: Difference | None) -> str:
    if found is None:
        return "-"
    return "all ways to share the runs out" if found.exact else "a normal scatter"


def _mean(group: RunGroup) -> float:
    return float(np.mean(group.scores))


def _settings(runs: Runs) -> list[Section]:
    rows = differing(runs)
    if len(runs.groups) < 2:  # noqa: PLR2004  one configuration differs from nothing
        return []
    if not rows:
        text = "The logs name no setting that differs."
        return [Section(id="settings", title="Settings that differ", text=text)]
    table = Table(
        name="settings that differ",
        columns=("setting", *(group.label for group in runs.groups)),
        rows=tuple(
            (name, *("-" if value is None else _said(value) for value in values))
            for name, values in rows
        ),
        total=len(rows),
    )
    return [Section(id="settings", title="Settings that differ", evidence=(table,))]


def _said(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return figure(value)
    return str(value)


def _curves(runs: Runs) -> Section:
    names = dict.fromkeys((runs.metric, "eval_loss", *OVERLAID))
    series = tuple(
        _series(name, _label(group, run), run.trace)
        for name in names
        for group, run in _every(runs)
        if len(run.trace.column(name)) > 1
    )
    return Section(id="overlaid", title="Curves", evidence=series)


def _series(name: str, of: str, trace: Trace) -> Series:
    column = trace.column(name)
    at = np.unique(np.linspace(0, len(column) - 1, min(len(column), POINTS_DRAWN)).round())
    places = at.astype(np.int64)
    return Series(
        name=name,
        steps=tuple(int(step) for step in column.steps[places]),
        values=tuple(float(v) if np.isfinite(v) else None for v in column.values[places]),
        of=of,
    )


def _verdict(runs: Runs, compared: Sequence[tuple[RunGroup, Difference | None]]) -> str:
    first = runs.groups[0]
    if not compared:
        return _one_configuration(first, runs)
    known = [(group, found) for group, found in compared if found is not None]
    if not known:
        return _single_runs(runs)
    sure = [(g, d) for g, d in known if d.p_value * len(known) <= level_for(first, g)]
    if not sure:
        group, found = max(known, key=lambda pair: abs(pair[1].value))
        return (
            f"No difference is shown: {runs.metric} of {group.label} is {found.value:+.3g} against "
            f"{first.label}, and seeds alone do as much ({told(found)})."
        )
    sign = 1 if runs.more_is_better else -1
    group, found = max(sure, key=lambda pair: sign * pair[1].value)
    word = "better" if sign * found.value > 0 else "worse"
    others = f"; {len(known)} configurations were compared" if len(known) > 1 else ""
    return (
        f"{group.label} is {word} than {first.label}: {runs.metric} {_mean(first):.3g} to "
        f"{_mean(group):.3g}, {found.value:+.3g} ({told(found)}, {len(first.scores)} and "
        f"{len(group.scores)} seeds{others})."
    )


def _one_configuration(group: RunGroup, runs: Runs) -> str:
    if len(group.scores) < 2:  # noqa: PLR2004  one score has no spread
        return "These runs have the same settings and the same seed: they tell nothing of scatter."
    seen = spread(group.scores)
    if seen.deviation == 0:
        return (
            f"{len(group.scores)} runs of the same settings gave {runs.metric} "
            f"{group.scores[0]:.3g} to the last digit: they may have had one seed."
        )
    return (
        f"{len(group.scores)} runs of the same settings gave {runs.metric} "
        f"{min(group.scores):.3g} to {max(group.scores):.3g} (mean {seen.mean:.3g}, standard "
        f"deviation {seen.deviation:.2g}, 95 % interval {seen.deviation_low:.2g} to "
        f"{seen.deviation_high:.2g}): between two single runs a gain below {seen.least_gain:.2g} "
        "is no progress."
    )


def _single_runs(runs: Runs) -> str:
    sign = 1 if runs.more_is_better else -1
    every = [run for group in runs.groups for run in group.runs]
    order = sorted(
        ((sign * run.score, group.label, run) for group in runs.groups for run in group.runs),
        key=lambda item: -item[0],
    )
    (_, best, top), (_, second, next_) = order[:2]
    noises = [run.noise for run in every if run.noise is not None]
    within = f" One evaluation alone is off by about {max(noises):.2g}." if noises else ""
    return (
        f"Which is better cannot be told: each configuration has one run, and how far runs scatter "
        f"by their seeds is not known. {best} has {runs.metric} {top.score:.3g}, {second} "
        f"{next_.score:.3g}.{within} Train each with {SEEDS_WANTED} seeds or more."
    )


def _facts(runs: Runs, compared: Sequence[tuple[RunGroup, Difference | None]]) -> dict[str, object]:
    facts: dict[str, object] = {"metric": runs.metric, "configurations": len(runs.groups)}
    for group in runs.groups:
        facts[f"mean of {group.label}"] = _mean(group)
        if len(group.scores) > 1:
            seen = spread(group.scores)
            facts[f"standard deviation of {group.label}"] = seen.deviation
            facts[f"least gain of {group.label}"] = seen.least_gain
    for group, found in compared:
        if found is not None:
            facts[f"difference of {group.label}"] = {
                "value": found.value, "low": found.low, "high": found.high, "p": found.p_value,
                "exact": found.exact,
            }  # fmt: skip
    return facts
