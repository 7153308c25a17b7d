"""Predicted against measured memory of the configurations that were measured on a GPU.

    python benchmarks/gpu_memory/compare.py MEASURED.jsonl [--only NAME ...] [--torch V] [--write]

Each configuration is simulated from its description alone, in a child process, and held against
its line of MEASURED.jsonl (written by measure.py on the GPU). h200_flash.jsonl was measured with
TORCH_CUDNN_SDPA_DEPRIORITIZED=1, so that the kernels of other cards ran: it is compared with
`--torch 2.9`, whose order of kernels that is. `--write` puts the table beside it.
Held-out configurations were not looked at while the simulation was made; they stand apart.
"""

from __future__ import annotations

import argparse
import json
import statistics
from pathlib import Path
from typing import Any

import msgspec

from tunewell.plan.child import simulate
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step

MIB = 1024**2
MEASURED_WITH = "2.11"
"""The PyTorch of the machine that was measured."""
COLUMNS = ("allocated MiB", "predicted", "error %", "reserved MiB", "predicted", "error %")
PHASES = ("forward", "backward", "optimizer")


def main() -> None:
    """Print the table, and write it where asked."""
    parser = argparse.ArgumentParser(description="predicted against measured memory")
    parser.add_argument("measured", type=Path)
    parser.add_argument("--only", nargs="+", default=[], help="beginnings of names")
    parser.add_argument("--tuned", action="store_true", help="leave the held-out ones out")
    parser.add_argument("--torch", default=MEASURED_WITH, help="whose kernels are simulated")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    lines = [json.loads(text) for text in options.measured.read_text().splitlines()]
    runs = [
        line
        for line in lines
        if line["kind"] == "step" and line["status"] == "ran" and not stepped_never(line)
        if not options.only or any(line["name"].startswith(name) for name in options.only)
        if not (options.tuned and line["held_out"])
    ]
    steps = [described(line, options.torch) for line in runs]
    rows = []
    for line, answer in zip(runs, simulate(steps), strict=True):
        rows.append(row(line, answer))
        print(text_of(rows[-1]), flush=True)
    for name, chosen in (
        ("all", rows),
        ("tuned on", [r for r in rows if not r["held_out"]]),
        ("held out", [r for r in rows if r["held_out"]]),
    ):
        print(name, json.dumps(summary(chosen)))
    if options.write:
        target = options.measured.with_suffix(".predicted.json")
        report = {"summary": summary(rows), "rows": rows}
        target.write_text(json.dumps(report, indent=1) + "\n")
        target.with_suffix(".md").write_text(page(options.measured.name, rows))


def stepped_never(line: dict[str, Any]) -> bool:
    """Whether fp16 overflowed in every step, so that the optimizer never made its states."""
    stepped: bool = line["optimizer_states"] or line["step"]["optimizer"] == "sgd"
    return not stepped


def described(line: dict[str, Any], version: str = MEASURED_WITH) -> Step:
    """The step as it was measured, on the card it was measured on."""
    step = msgspec.convert(line["step"], Step)
    return msgspec.structs.replace(step, device=msgspec.structs.replace(step.device, torch=version))


def row(line: dict[str, Any], answer: Simulated | NotSimulated) -> dict[str, Any]:
    """One configuration: bytes predicted and measured, and errors in per cent."""
    memory = line["memory"]
    result: dict[str, Any] = {
        "name": line["name"],
        "held_out": line["held_out"],
        "measured_allocated": memory["peak_allocated"],
        "measured_reserved": memory["peak_reserved"],
    }
    if isinstance(answer, NotSimulated):
        return {**result, "reason": answer.reason}
    training = [phase for phase in answer.phases if phase.phase in PHASES]
    allocated = max(phase.allocated for phase in training)
    reserved = max(phase.reserved for phase in training)
    result |= {
        "predicted_allocated": allocated,
        "predicted_reserved": reserved,
        "allocated_error": per_cent(allocated, memory["peak_allocated"]),
        "reserved_error": per_cent(reserved, memory["peak_reserved"]),
        "parameters_differ": answer.trainable - line["trainable"],
        "seconds": round(answer.seconds, 2),
    }
    for phase in answer.phases:
        if phase.phase in memory["by_phase"]:
            measured = memory["by_phase"][phase.phase][0]
            result[phase.phase] = {
                "predicted": phase.allocated,
                "measured": measured,
                "error": per_cent(phase.allocated, measured),
            }
    return result


def per_cent(predicted: int, measured: int) -> float:
    """How far a prediction is off, in per cent of what was measured."""
    return round(100 * (predicted / measured - 1), 3)


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Mean, median and worst errors in per cent."""
    known = [row for row in rows if "allocated_error" in row]
    result: dict[str, Any] = {"configurations": len(rows), "simulated": len(known)}
    if not known:
        return result
    for name in ("allocated", "reserved"):
        errors = [row[f"{name}_error"] for row in known]
        sizes = [abs(error) for error in errors]
        result[name] = {
            "mean": round(statistics.mean(sizes), 3),
            "median": round(statistics.median(sizes), 3),
            "lowest": min(errors),
            "highest": max(errors),
            "within_2_percent": sum(size <= 2 for size in sizes),  # noqa: PLR2004  in its name
            "within_6_percent": sum(size <= 6 for size in sizes),  # noqa: PLR2004  in its name
        }
    return result


def page(measured: str, rows: list[dict[str, Any]]) -> str:
    """The table as Markdown: MiB predicted and measured, and errors in per cent."""
    lines = [
        "# Memory predicted and measured",
        "",
        f"Written by `python benchmarks/gpu_memory/compare.py {measured} --write`. Measured on one",
        "H200 with PyTorch 2.11 and transformers 5.17; predicted on a CPU from the description of",
        "the step alone. Held-out ones (*) were not looked at while the simulation was made.",
        "Where fp16 overflowed in every step, the optimizer never made its states: left out.",
        "",
    ]
    for name, chosen in (
        ("all", rows),
        ("tuned on", [r for r in rows if not r["held_out"]]),
        ("held out", [r for r in rows if r["held_out"]]),
    ):
        known = summary(chosen)
        for what in ("allocated", "reserved"):
            found = known[what]
            lines.append(
                f"- {name}, {what}: {known['simulated']} of {known['configurations']}, mean error "
                f"{found['mean']} %, median {found['median']} %, worst {found['lowest']} and "
                f"{found['highest']:+} %, within 2 % {found['within_2_percent']}, within 6 % "
                f"{found['within_6_percent']}"
            )
    lines += [
        "",
        f"| configuration | {' | '.join(COLUMNS)} |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for row in rows:
        mark = "*" if row["held_out"] else ""
        if "reason" in row:
            lines.append(f"| {row['name']}{mark} | {row['reason']} | | | | | |")
            continue
        cells = []
        for what in ("allocated", "reserved"):
            cells += [
                f"{row[f'measured_{what}'] / MIB:,.0f}",
                f"{row[f'predicted_{what}'] / MIB:,.0f}",
                f"{row[f'{what}_error']:+.2f}",
            ]
        lines.append(f"| {row['name']}{mark} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def text_of(row: dict[str, Any]) -> str:
    """One line for the terminal."""
    name = f"{row['name']:62}"
    if "reason" in row:
        return f"{name} {row['reason']}"
    phases = " ".join(
        f"{phase[:3]} {(row[phase]['predicted'] - row[phase]['measured']) / MIB:+9.1f}"
        for phase in PHASES
        if phase in row
    )
    return (
        f"{name} {row['allocated_error']:+7.2f} % {row['reserved_error']:+7.2f} % "
        f"of {row['measured_allocated'] / MIB:9.1f} MiB; off by MiB: {phases}"
    )


if __name__ == "__main__":
    main()
