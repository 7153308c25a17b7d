"""Where the runs of a project are kept, unless it is said otherwise."""

from __future__ import annotations

from pathlib import Path

RUNS = "tunewell-runs"


def runs_folder(project: Path) -> Path:
    """The folder of the runs of a project, or of one of its files."""
    return (project if project.is_dir() else project.parent) / RUNS
