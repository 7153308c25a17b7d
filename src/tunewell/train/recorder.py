"""Write a run folder: append-only events, flushed one by one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tunewell.readers.logs.run_folder import EVENTS


class Recorder:
    """Appends events to `folder/events.jsonl`; killed at any moment, the file can be read."""

    def __init__(self, folder: Path, *, fresh: bool) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / EVENTS
        if fresh and path.is_file():
            # An earlier run in the same folder is kept beside the new one.
            number = sum(1 for _ in folder.glob("events.*.jsonl")) + 1
            path.rename(folder / f"events.{number}.jsonl")
        self.path = path
        self._file = path.open("a", encoding="utf-8")
        if path.stat().st_size:
            # A killed run may have left half a line.
            self._file.write("\n")

    def write(self, event: str, **values: Any) -> None:  # noqa: ANN401  whatever JSON holds
        """Append one event. NaN and infinity are written as Python's json does."""
        line = json.dumps({"event": event, "time": round(time.time(), 3), **values}, default=str)
        self._file.write(line + "\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()
