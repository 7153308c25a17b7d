"""The answers that GRPO and RLOO of TRL keep with `log_completions`: one Parquet file a log.

`<output_dir>/completions/completions_00010.parquet` has the columns `step`, `prompt`, `completion`,
one for each reward function, and `advantage`. Prompts and completions are texts, or lists of
messages where the data set is conversational. The files are read with pyarrow: no torch is needed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from tunewell.core.errors import InputError
from tunewell.subjects.completions import Completions, Written

FOLDER = "completions"
FILE = re.compile(r"completions_(\d+)\.parquet$")
MOST_FILES = 64
"""Steps read of a long run, evenly spread, with its first and its last."""

MOST_ROWS = 512
"""Answers read of one step."""

MOST_CHARACTERS = 100_000
"""Of one answer: enough to see it repeat itself."""


def find_completions(run: Path) -> Path | None:
    """The folder of kept answers of a run: of its output folder, its log or one of its checkpoints.

    None where there is none with at least one file.
    """
    start = run if run.is_dir() else run.parent
    for folder in (start, start.parent):
        kept = folder / FOLDER
        if kept.is_dir() and _files(kept):
            return kept
    return None


def read_completions(folder: Path) -> Completions:
    """The answers kept in a folder.

    Raises:
        InputError: if it cannot be opened or no file in it can be read.
    """
    files = _files(folder)
    if not files:
        message = f"{folder}: holds no completions_N.parquet"
        raise InputError(message)
    batches, unreadable = [], 0
    for step, path in _spread(files):
        written = _read(step, path)
        if written is None:
            unreadable += 1
        elif written.texts:
            batches.append(written)
    if unreadable and not batches:
        message = f"{folder}: none of {unreadable} files holds answers that TRL wrote"
        raise InputError(message)
    return Completions(folder, tuple(batches), steps_kept=len(files), unreadable=unreadable)


def _files(folder: Path) -> list[tuple[int, Path]]:
    try:
        inside = list(folder.iterdir())
    except OSError:
        return []
    numbered = [(FILE.search(path.name), path) for path in inside]
    return sorted((int(match[1]), path) for match, path in numbered if match)


def _spread(files: Sequence[tuple[int, Path]]) -> list[tuple[int, Path]]:
    if len(files) <= MOST_FILES:
        return list(files)
    last = len(files) - 1
    places = sorted({round(at * last / (MOST_FILES - 1)) for at in range(MOST_FILES)})
    return [files[place] for place in places]


def _read(step: int, path: Path) -> Written | None:
    import pyarrow as pa  # noqa: PLC0415  takes a tenth of a second, and few runs need it
    import pyarrow.parquet as pq  # noqa: PLC0415  the same

    try:
        table = pq.read_table(path, columns=["prompt", "completion"]).slice(0, MOST_ROWS)
        rows = table.to_pylist()
    except (OSError, pa.ArrowException, UnicodeDecodeError):
        return None
    pairs = [(_text(row["prompt"]), _text(row["completion"])) for row in rows]
    told = [(prompt, text) for prompt, text in pairs if text is not None]
    return Written(
        step,
        prompts=tuple(prompt or "" for prompt, _ in told),
        texts=tuple(text[:MOST_CHARACTERS] for _, text in told),
    )


def _text(value: object) -> str | None:
    """A text, or the contents of a list of messages one after the other."""
    if isinstance(value, str):
        return value
    if not isinstance(value, list):
        return None
    parts = [message.get("content") for message in value if isinstance(message, dict)]
    return "\n".join(map(_content, parts))


def _content(part: object) -> str:
    """A message's content: a text, or a list of parts of which some are text."""
    if isinstance(part, str):
        return part
    if isinstance(part, list):
        texts = [one.get("text") for one in part if isinstance(one, dict)]
        return " ".join(text for text in texts if isinstance(text, str))
    return ""
