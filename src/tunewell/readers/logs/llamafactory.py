"""LLaMA-Factory's trainer_log.jsonl, with training_args.yaml beside it.

It is written by a callback of the Hugging Face Trainer and holds less than trainer_state.json:
no norm of the gradient. Where both are there the latter is read first and this one joined to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tunewell.core.errors import InputError
from tunewell.readers.logs.beside import results_beside, settings_beside
from tunewell.readers.logs.built import gather, trace_of
from tunewell.readers.logs.columns import SUMMARY, whole
from tunewell.readers.logs.logged_run import LogFormat, LoggedRun, RunParts
from tunewell.readers.logs.peek import head
from tunewell.readers.logs.table_rows import read_rows

NAME = "LLaMA-Factory trainer_log.jsonl"
LOG = "trainer_log.jsonl"
STEP, TOTAL = "current_steps", "total_steps"
HEAD_BYTES = 65536
TELLING = b'"current_steps"'
NO_METRICS = frozenset({TOTAL, "percentage", "elapsed_time", "remaining_time"})
NAMES = {
    "lr": "learning_rate",
    "accuracy": "rewards/accuracies",
    "total_tokens": "num_input_tokens_seen",
}


def find(path: Path) -> Sequence[LoggedRun]:
    """The trainer_log.jsonl at a path or in a folder."""
    file = path if path.is_file() else path / LOG
    if file.suffix != ".jsonl" or not file.is_file():
        return []
    if TELLING not in head(file, HEAD_BYTES).partition(b"\n")[0]:
        return []
    return [
        LoggedRun(
            name=file.parent.name,
            path=file,
            format=NAME,
            when=file.stat().st_mtime,
            read=partial(_read, file),
        )
    ]


def _read(file: Path) -> RunParts:
    totals: list[int] = []
    rows = gather(_of_training(read_rows(file), totals), STEP, NO_METRICS)
    if not len(rows):
        message = f"{file}: holds no log of a training"
        raise InputError(message)
    runs = rows.runs()
    run = ([run for run in runs if run.trains] or runs)[-1]
    settings = settings_beside(file.parent)
    results = results_beside(file.parent)
    wanted = totals[-1] if totals else None
    trace = trace_of(
        run,
        source=NAME,
        path=file,
        name=file.parent.name,
        also=NAMES,
        max_steps=wanted,
        finished=wanted is None or bool(results) or int(rows.steps[-1]) >= wanted,
        settings=MappingProxyType(settings),
        summary=MappingProxyType({k: v for k, v in results.items() if k in SUMMARY}),
        framework="llamafactory",
    )
    return trace, None


def _of_training(
    rows: Iterator[Mapping[str, Any]], totals: list[int]
) -> Iterator[Mapping[str, Any]]:
    """Rows that say an epoch: the others count the batches of a prediction."""
    for row in rows:
        if "epoch" in row:
            total = whole(row.get(TOTAL))
            if total:
                totals[:] = [total]
            yield row


FORMAT = LogFormat(NAME, find)
