"""What it takes to test a check, for this project and for third parties.

A check's test is one class::

    class TestEmptyText(CheckCases):
        check = empty_text
        faulty = {"a blank row": (dataset(["hi", " "], ["a", "b"]),)}
        nearly = {"a one-letter row": (dataset(["hi", "k"], ["a", "b"]),)}
        clean = {"full rows": (dataset(["hi", "ok"], ["a", "b"]),)}

Each case is a tuple of subjects. `CheckCases` then tests that the check speaks on every faulty
case, is silent on the others, gives the same findings twice, and that applying a fix that has
edits makes the finding go away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from tunewell.core.check import REGISTRY, Check
from tunewell.core.finding import Edit, Finding
from tunewell.engine.examine import Outcomes, examine
from tunewell.engine.settings import Settings
from tunewell.fixes.edits import edit_dataset, edit_recipe
from tunewell.readers.data import Told, split_of
from tunewell.readers.data.table import from_records
from tunewell.subjects.dataset import Dataset, Source, Split
from tunewell.subjects.layout import Layout
from tunewell.subjects.recipe import Recipe
from tunewell.subjects.trace import Column, Trace

Subjects = tuple[object, ...]


def split(texts: Sequence[str], labels: Sequence[str | None], name: str = "train") -> Split:
    """A split made of literals, as if read from `<name>.csv` with one header line."""
    source = Source(
        path=Path(f"{name}.csv"),
        format="csv",
        text_column="text",
        label_column="label",
        columns=("text", "label"),
        reason="made for a test",
    )
    return Split(
        name=name,
        texts=tuple(texts),
        labels=tuple(labels),
        lines=tuple(range(2, len(texts) + 2)),
        source=source,
    )


def dataset(
    texts: Sequence[str],
    labels: Sequence[str | None],
    *,
    evaluation: tuple[Sequence[str], Sequence[str | None]] | None = None,
) -> Dataset:
    """A data set made of literals."""
    judged = None if evaluation is None else split(*evaluation, name="eval")
    return Dataset(train=split(texts, labels), evaluation=judged)


def rows(
    records: Sequence[Mapping[str, Any]],
    *,
    evaluation: Sequence[Mapping[str, Any]] | None = None,
) -> Dataset:
    """A data set of any kind, made of records as they stand in a JSON Lines file.

    What kind it is and which columns make up a row is worked out as for a file.
    """
    train = _read(records, "train", None)
    judged = None if evaluation is None else _read(evaluation, "eval", train.source.layout)
    return Dataset(train=train, evaluation=judged)


def _read(records: Sequence[Mapping[str, Any]], name: str, layout: Layout | None) -> Split:
    numbered = [(line, record) for line, record in enumerate(records, start=1)]
    table = from_records("jsonl", numbered, ())
    return split_of([table], Path(f"{name}.jsonl"), name=name, told=Told(layout=layout))


def trace(*, source: str = "test", **columns: Mapping[int, float] | Sequence[float]) -> Trace:
    """A trace made of literals: a mapping of step to value, or values at steps 1, 2, 3 ..."""
    made: dict[str, Column] = {}
    for name, points in columns.items():
        pairs = points if isinstance(points, Mapping) else dict(enumerate(points, start=1))
        made[name] = Column(
            np.array(list(pairs), dtype=np.int64),
            np.array(list(pairs.values()), dtype=np.float64),
        )
    return Trace(source=source, columns=made)


def run_check(
    check: Callable[..., Iterable[Finding]],
    subjects: Subjects,
    **options: Any,  # noqa: ANN401
) -> Outcomes:
    """Run one check through the engine, as a command would."""
    code = registered(check).code
    settings = Settings(select=(code,), checks={code: options} if options else {}, pedantic=True)
    return examine(subjects, settings=settings)


def registered(check: Callable[..., Iterable[Finding]]) -> Check:
    """The registry's entry of a check function."""
    return next(entry for entry in REGISTRY.values() if entry.run is check)


def apply(subjects: Subjects, edits: Sequence[Edit]) -> Subjects:
    """The subjects after the edits of a fix."""
    changed: list[object] = []
    for subject in subjects:
        if isinstance(subject, Dataset):
            changed.append(edit_dataset(subject, edits))
        elif isinstance(subject, Recipe):
            changed.append(edit_recipe(subject, edits))
        else:
            changed.append(subject)
    return tuple(changed)


class CheckCases:
    """Base class of a check's test. Subclasses set `check` and the three mappings of cases."""

    check: ClassVar[Callable[..., Iterable[Finding]]]
    faulty: ClassVar[Mapping[str, Subjects]]
    nearly: ClassVar[Mapping[str, Subjects]]
    clean: ClassVar[Mapping[str, Subjects]]
    options: ClassVar[Mapping[str, Any]] = {}

    def _outcomes(self, subjects: Subjects) -> Outcomes:
        outcomes = run_check(type(self).check, subjects, **self.options)
        assert not outcomes.broken, outcomes.broken
        return outcomes

    def test_has_cases(self) -> None:
        """A check without a nearly faulty case has not been thought through."""
        assert self.faulty
        assert self.nearly
        assert self.clean

    def test_faulty_cases_are_found(self) -> None:
        """Each planted fault yields exactly one finding with a place or evidence."""
        for name, subjects in self.faulty.items():
            found = self._outcomes(subjects).findings
            assert len(found) == 1, f"{name}: {found}"
            assert found[0].where or found[0].evidence, name

    def test_healthy_cases_are_quiet(self) -> None:
        """Nothing is said on clean and on nearly faulty cases."""
        for name, subjects in {**self.nearly, **self.clean}.items():
            found = self._outcomes(subjects).findings
            assert not found, f"{name}: {found}"

    def test_same_input_same_findings(self) -> None:
        """Two runs give equal findings."""
        for subjects in self.faulty.values():
            assert self._outcomes(subjects).findings == self._outcomes(subjects).findings

    def test_fixes_remove_the_finding(self) -> None:
        """Every fix that carries edits is applied to its faulty case and cures it."""
        for name, subjects in self.faulty.items():
            for fix in self._outcomes(subjects).findings[0].fixes:
                if fix.edits:
                    cured = self._outcomes(apply(subjects, fix.edits)).findings
                    assert not cured, f"{name}, after {fix.title!r}: {cured}"
