"""What one call has read."""

from __future__ import annotations

from dataclasses import dataclass, field

from tunewell.core.document import Examined, Section
from tunewell.subjects.dataset import Dataset


@dataclass(slots=True)
class Gathered:
    """Subjects, at most one of each type, and the story of how they were found.

    `missing` says, by subject name, why one that was named could not be read; `inapplicable` why
    there can be none of it.
    """

    subjects: list[object] = field(default_factory=list)
    examined: list[Examined] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    inapplicable: dict[str, str] = field(default_factory=dict)
    sections: list[Section] = field(default_factory=list)
    dataset: Dataset | None = None
    title: str = ""
