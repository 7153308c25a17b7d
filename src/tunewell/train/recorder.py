"""Write a run folder: append-only events, flushed one by one."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tunewell.readers.logs.run_folder import EVENTS


class Recorder:
    """Appends events to a run folder; killed at any moment, the file can be read.

    Args:
        folder: made where it is not there.
        fresh: begin a new file; an earlier run's is kept beside it.
        rank: processes other than the first write a file of their own.
    """

    def __init__(self, folder: Path, *, fresh: bool, rank: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / (f"events.rank-{rank}.jsonl" if rank else EVENTS)
        if fresh and path.is_file():
            number = sum(1 for _ in folder.glob(f"{path.stem}.[0-9]*.jsonl")) + 1
            path.rename(folder / f"{path.stem}.{number}.jsonl")
        self.path = path
        self._file = path.open("a", encoding="utf-8")
        if path.stat().st_size:
            # A killed run may have left half a line.
            self._file.write("\n")

    def write(self, event: str, **values: Any) -> dict[str, Any]:  # noqa: ANN401  whatever JSON holds
        """Append one event and return it. NaN and infinity are written as Python's json does."""
        whole = {"event": event, "time": round(time.time(), 3), **values}
        self._file.write(json.dumps(whole, default=str) + "\n")
        self._file.flush()
        return whole

    def __del__(self) -> None:
        # A training that raised never says that it ended.
        if hasattr(self, "_file"):
            self._file.close()

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._file.close()
