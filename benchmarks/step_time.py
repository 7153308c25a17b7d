"""Fits what share of their peaks GPUs reach in training steps, and says how far off it leaves us.

    python benchmarks/step_time.py DATA... [--cache FILE] [--write]

DATA are benchmarks/data/t4_measured.json and the JSON lines of benchmarks/gpu_memory/measure.py.
Every measured step is simulated (2 to 5 seconds each; `--cache` keeps the answers: remove it when
more of the simulation changed than how it counts), and for each GPU fourteen numbers are fitted:
shares of the peaks, seconds of the least kernel, seconds of launches.

Errors are those of steps that the fit has not seen: each model is left out in turn, and rows that
are `held_out` are never fitted on. Written: benchmarks/results/step_time.json and .md, and with
`--write` the table src/tunewell/knowledge/efficiencies.toml.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

import tunewell.simulate
from step_time_fit import COMMAND, LEAST_SHARE, NAMES, Row, fit, ratio, starting
from tunewell.knowledge import efficiencies, gpus
from tunewell.knowledge.efficiencies import Efficiency
from tunewell.knowledge.gpus import Gpu
from tunewell.plan.child import simulate
from tunewell.plan.kernels import seconds_of
from tunewell.plan.simulated import NotSimulated, Simulated, Work
from tunewell.plan.step import Step
from tunewell.plan.time import seconds_of_work

RESULTS = Path(__file__).parent / "results"
OUTSIDE = 0.05
"""The share of the measured steps that the range leaves outside: half of what it may."""
MARGIN = 1.05
"""Added on both sides: the next model is less like the measured ones than these are alike."""


def main() -> None:
    """Print and write the figures."""
    parser = argparse.ArgumentParser(description="how far off the seconds of a step are")
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--write", action="store_true", help="the table of the package, too")
    options = parser.parse_args()
    measured: dict[str, list[tuple[str, str, Step, float, bool]]] = {}
    for path in options.data:
        gpu, rows = read(path)
        measured.setdefault(gpu, []).extend(rows)
    cards = {gpu: simulated(rows, options.cache) for gpu, rows in sorted(measured.items()) if rows}
    report: dict[str, Any] = {"command": COMMAND, "cards": {}}
    table: list[Efficiency] = []
    for name, rows in cards.items():
        figures, reached = examine(gpus.resolve(name).gpu, rows)
        report["cards"][name] = figures
        table.append(reached)
    report["across"] = across(table, cards)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "step_time.json").write_text(json.dumps(report, indent=1) + "\n")
    text = markdown(report)
    (RESULTS / "step_time.md").write_text(text)
    print(text)
    if options.write:
        efficiencies.TABLE.write_text(as_toml(table))


def read(path: Path) -> tuple[str, list[tuple[str, str, Step, float, bool]]]:
    """The GPU of a file, and of its steps the name, the model, the step, the seconds, held out."""
    if path.suffix == ".json":
        document = json.loads(path.read_text())
        rows = [
            (
                row["name"],
                row["model"],
                msgspec.convert(
                    {**row["step"], "config": document["models"][row["model"]]["config"]}, Step
                ),
                row["measured"]["seconds"],
                False,
            )
            for row in document["rows"]
            if "seconds" in row["measured"]
        ]
        return gpus.resolve(document["card"]["name"]).gpu.name, rows
    lines = [json.loads(line) for line in path.read_text().splitlines() if line]
    card = next(line for line in lines if line["kind"] == "card")
    rows = [
        (
            line["name"],
            model_of(line["step"]["config"]),
            msgspec.convert(line["step"], Step),
            line["seconds"]["step"],
            line["held_out"],
        )
        for line in lines
        if line["kind"] == "step" and (line.get("seconds") or {}).get("step")
    ]
    return gpus.resolve(card["name"]).gpu.name, rows


def model_of(config: dict[str, Any]) -> str:
    """Which model a config.json is of: its family and its width."""
    widths = ("hidden_size", "n_embd", "d_model", "dim", "embed_dim", "embedding_size")
    width = next((config[name] for name in widths if name in config), config.get("hidden_sizes"))
    return f"{config['model_type']} {width}"


def simulated(rows: Sequence[tuple[str, str, Step, float, bool]], cache: Path | None) -> list[Row]:
    """The work of each step; steps that cannot be simulated are named and left out."""
    kept: dict[str, Any] = json.loads(cache.read_text()) if cache and cache.exists() else {}
    counting = (Path(tunewell.simulate.__path__[0]) / "work.py").read_bytes()
    keys = [
        hashlib.sha256(counting + msgspec.json.encode(row[2], order="sorted")).hexdigest()
        for row in rows
    ]
    missing = [(key, row) for key, row in zip(keys, rows, strict=True) if key not in kept]
    answers = simulate(row[2] for _, row in missing)
    for (key, row), answer in zip(missing, answers, strict=True):
        if isinstance(answer, NotSimulated):
            print(f"not simulated: {row[0]}: {answer.reason}")
        kept[key] = msgspec.to_builtins(answer.work) if isinstance(answer, Simulated) else None
        if cache:
            cache.write_text(json.dumps(kept))
    return [
        Row(name, model, msgspec.convert(kept[key], tuple[Work, ...]), seconds, held_out)
        for key, (name, model, _, seconds, held_out) in zip(keys, rows, strict=True)
        if kept[key] is not None
    ]


def examine(gpu: Gpu, rows: list[Row]) -> tuple[dict[str, Any], Efficiency]:
    """Figures of one GPU, and what it reaches."""
    fitted_on = [row for row in rows if not row.held_out]
    held = [row for row in rows if row.held_out]
    ratios: dict[str, float] = {}
    ends: dict[str, tuple[float, float]] = {}
    for model in sorted({row.model for row in fitted_on}):
        others = fit(gpu, [row for row in fitted_on if row.model != model])
        for row in fitted_on:
            if row.model == model:
                ratios[row.name] = ratio(row, gpu, others)
                ends[row.name] = beyond(row, gpu, others)
    low, high = bounds(list(ends.values()))
    whole = fit(gpu, fitted_on)
    reached = msgspec.structs.replace(
        whole,
        low=low,
        high=high,
        mean_error_percent=round(100 * mean_error(ratios.values()), 1),
        models=len({row.model for row in fitted_on}),
    )
    outside = 0
    for row in fitted_on:
        mine = bounds([ends[each.name] for each in fitted_on if each.model != row.model])
        outside += not inside(ends[row.name], mine)
    figures: dict[str, Any] = {
        "reached": {name: float(f"{getattr(reached, name):.4g}") for name in NAMES},
        "range": [round(low, 3), round(high, 3)],
        "left_out_models": summary(ratios.values(), outside),
        "seen": summary([ratio(row, gpu, whole) for row in fitted_on]),
        "prior": summary([ratio(row, gpu, starting(gpu)) for row in fitted_on]),
        "rows": {row.name: line(row, gpu, reached, ratios.get(row.name)) for row in rows},
    }
    if held:
        figures["held_out"] = summary(
            [ratio(row, gpu, reached) for row in held],
            sum(not inside(beyond(row, gpu, whole), (low, high)) for row in held),
        )
    return figures, reached


def line(row: Row, gpu: Gpu, reached: Efficiency, left_out: float | None) -> dict[str, Any]:
    """One measured step: seconds predicted by the final fit, and by the one without its model."""
    spent = seconds_of(row.work, gpu, reached)
    found: dict[str, Any] = {
        "measured": round(row.seconds, 4),
        "predicted": round(spent.whole, 4),
        "device": round(spent.device, 4),
        "host": round(spent.host, 4),
    }
    if left_out is not None:
        found["left_out"] = round(row.seconds / left_out, 4)
    if row.held_out:
        found["held_out"] = True
    return found


def beyond(row: Row, gpu: Gpu, reached: Efficiency) -> tuple[float, float]:
    """Measured seconds over those with the fastest host, and over those with the slowest."""
    said = seconds_of_work(row.work, gpu, [msgspec.structs.replace(reached, low=1, high=1)])
    return row.seconds / said.low, row.seconds / said.high


def bounds(ends: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Factors of the two ends of the range that leave `OUTSIDE` of the steps outside.

    Quantiles as for one step more than there are (split conformal prediction), with a margin.
    """
    cut = max(1, math.floor(OUTSIDE / 2 * (len(ends) + 1)))
    least = sorted(low for low, _ in ends)[cut - 1]
    most = sorted((high for _, high in ends), reverse=True)[cut - 1]
    return min(1.0, least / MARGIN), max(1.0, most * MARGIN)


def inside(ends: tuple[float, float], factors: tuple[float, float]) -> bool:
    """Whether a step with these ends lies in the range with these factors."""
    return ends[0] >= factors[0] and ends[1] <= factors[1]


def mean_error(ratios: Iterable[float]) -> float:
    """Of the predicted seconds, as a share of the measured ones."""
    return statistics.fmean(abs(1 / each - 1) for each in ratios)


def summary(ratios: Iterable[float], outside: int | None = None) -> dict[str, Any]:
    """Errors of predicted seconds in percent of measured ones."""
    errors = [100 * (1 / each - 1) for each in ratios]
    found: dict[str, Any] = {
        "runs": len(errors),
        "mean_absolute_error_percent": round(statistics.fmean(map(abs, errors)), 1),
        "median_absolute_error_percent": round(statistics.median(map(abs, errors)), 1),
        "lowest_percent": round(min(errors), 1),
        "highest_percent": round(max(errors), 1),
        "within_25_percent": sum(abs(each) <= 25 for each in errors),  # noqa: PLR2004  its name
    }
    if outside is not None:
        found["outside_the_range"] = outside
    return found


def across(table: Sequence[Efficiency], cards: dict[str, list[Row]]) -> dict[str, Any]:
    """Each GPU by what the others reach, as for a GPU on which nothing was measured."""
    found: dict[str, Any] = {}
    for own in table:
        known = [each for each in table if each.gpu != own.gpu]
        if not known:
            continue
        gpu = gpus.resolve(own.gpu).gpu
        ratios, outside = [], 0
        for row in cards[own.gpu]:
            said = seconds_of_work(row.work, gpu, known)
            ratios.append(row.seconds / said.likely)
            outside += not said.low <= row.seconds <= said.high
        found[own.gpu] = summary(ratios, outside)
    return found


def as_toml(table: Iterable[Efficiency]) -> str:
    """The table of the package."""
    text = (
        "# What share of its peaks each GPU reaches in training steps. Written by\n"
        f"#     {COMMAND} DATA... --write\n"
        "# from measured steps: benchmarks/results/step_time.md says how far off it is.\n"
    )
    for each in table:
        text += "\n[[measured]]\n"
        for name, value in msgspec.to_builtins(each).items():
            said = json.dumps(value) if isinstance(value, str) else f"{value:.4g}"
            text += f"{name} = {said}\n"
    return text


def markdown(report: dict[str, Any]) -> str:
    """The figures, for reading."""
    text = "# Seconds of a training step, predicted and measured\n\n"
    text += f"`{report['command']} DATA...`; errors are of the predicted seconds.\n\n"
    text += "| GPU | steps | which | off on average | median | worst | outside the range |\n"
    text += "|---|---|---|---|---|---|---|\n"
    named = {
        "left_out_models": "of models left out of the fit",
        "held_out": "held out of everything",
        "seen": "that the fit has seen",
        "prior": "with the fit's starting values",
    }
    for gpu, figures in report["cards"].items():
        for key, words in named.items():
            if key in figures:
                text += _line(gpu, words, figures[key])
        if gpu in report["across"]:
            text += _line(gpu, "by what the other GPUs reach", report["across"][gpu])
    text += "\n## What each GPU reaches\n\nShares of the peaks, and microseconds.\n\n"
    text += "| GPU | " + " | ".join(NAMES) + " | range |\n" + "|---" * (len(NAMES) + 2) + "|\n"
    for gpu, figures in report["cards"].items():
        reached = figures["reached"]
        cells = [
            f"{reached[name]:.2f}" if reached[name] > LEAST_SHARE else f"{1e6 * reached[name]:.1f}"
            for name in NAMES
        ]
        low, high = figures["range"]
        text += f"| {gpu} | {' | '.join(cells)} | {low:.2f} to {high:.2f} |\n"
    for gpu, figures in report["cards"].items():
        text += f"\n## {gpu}\n\n| step | measured, s | predicted, s | without its model, s |\n"
        text += "|---|---|---|---|\n"
        for name, row in figures["rows"].items():
            apart = "held out" if row.get("held_out") else f"{row['left_out']:.3f}"
            text += f"| {name} | {row['measured']:.3f} | {row['predicted']:.3f} | {apart} |\n"
    return text


def _line(gpu: str, words: str, found: dict[str, Any]) -> str:
    outside = found.get("outside_the_range", "")
    return (
        f"| {gpu} | {found['runs']} | {words} | {found['mean_absolute_error_percent']} % | "
        f"{found['median_absolute_error_percent']} % | {found['lowest_percent']} to "
        f"{found['highest_percent']} % | {outside} |\n"
    )


if __name__ == "__main__":
    main()
