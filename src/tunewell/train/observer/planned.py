"""A run beside its plan: what was predicted is recorded, what was measured is learned from."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tunewell.plan import corrections
from tunewell.readers.logs.run_folder import EVENTS, read_events


class Planned:
    """The prediction in a file that `tunewell plan` wrote.

    Raises:
        UserError: if it cannot be read.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._prediction = corrections.read_prediction(self._path)

    @classmethod
    def of(cls, path: str | Path | None) -> Planned | None:
        """The same; None where there is no plan."""
        return None if path is None else cls(path)

    def said(self) -> dict[str, Any]:
        """What the start event of the run says of it."""
        return asdict(self._prediction)

    def learn(self, folder: Path) -> None:
        """Add what the run in a folder measured to the corrections beside the prediction.

        A run that says nothing about its prediction adds nothing.

        Raises:
            UserError: if the file cannot be written.
        """
        trace, _ = read_events(folder / EVENTS)
        learned = corrections.of_run(trace, when=datetime.now(UTC).date().isoformat())
        if learned is not None:
            corrections.append(self._path.with_name(corrections.NAME), learned)
