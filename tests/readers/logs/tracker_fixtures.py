"""Files that the real tools wrote (benchmarks/make_logs.py), and what was handed to the tools."""

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

FIXTURES = Path(__file__).parents[2] / "fixtures" / "logs"
FORMATS = ("tensorboard", "wandb", "mlflow", "trackio")
CASES = sorted(
    (truth.parent.name, truth.name.removesuffix(".truth.json"))
    for truth in FIXTURES.glob("*/*.truth.json")
    if truth.parent.name in FORMATS
)

NAMES = {
    "train_loss": "loss",
    "train/loss": "loss",
    "train.loss": "train.loss",
    "val/acc": "eval_accuracy",
    "val/f1": "eval_f1",
    "val_loss": "eval_loss",
    "lr-AdamW": "learning_rate",
    "Loss/train": "loss",
    "Loss/val": "eval_loss",
    "epoch_loss": "loss",
    "epoch_mae": "mae",
    "validation/epoch_loss": "eval_loss",
}
"""What a metric is called in a trace, written down here once more; others keep their names."""

CLOSING = (
    "train_runtime",
    "train_samples_per_second",
    "train_steps_per_second",
    "train_loss",
    "total_flos",
)

Points = dict[str, dict[int, float]]


def unpacked(format_: str, case: str, folder: Path) -> Path:
    """A copy of a case, with its databases unpacked."""
    made = folder / case
    shutil.copytree(FIXTURES / format_ / case, made)
    for packed in sorted(made.rglob("*.gz")):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    return made


def truth(format_: str, case: str) -> dict[str, Any]:
    """What was handed to the tool."""
    told: dict[str, Any] = json.loads((FIXTURES / format_ / f"{case}.truth.json").read_text())
    return told


def expected(told: dict[str, Any]) -> Iterator[tuple[str, Points, dict[str, float]]]:
    """Name, points by metric and step, and closing values of each run that a case tells of."""
    if "parts" in told:
        points: Points = {}
        closing: dict[str, float] = {}
        for part in told["parts"]:
            first = min(row["step"] for row in part)
            for known in points.values():
                for step in [step for step in known if step >= first]:
                    del known[step]
            for row in part:
                closing |= {name: row[name] for name in CLOSING if name in row}
                for name in row.keys() - set(CLOSING) - {"step"}:
                    points.setdefault(name, {})[row["step"]] = row[name]
        yield "tiny", points, closing
        return
    for run, kept in told.items():
        points = {}
        for step, values in kept["rows"]:
            for name, value in values.items():
                points.setdefault(NAMES.get(name, name), {})[step] = value
        yield run, points, {}
