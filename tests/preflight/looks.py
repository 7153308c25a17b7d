"""Subjects of live trainers for the tests of checks, built when they are first asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from tunewell.core.check import NotApplicableError, NotRunError
from tunewell.preflight import alone, collate, evaluate, negatives, targets, trial, words
from tunewell.preflight.arguments import recipe_of
from tunewell.preflight.rehearse import checkpoint_of, stage_of
from tunewell.preflight.stage import Probe
from tunewell.train.quiet import quiet

LOOKS = (
    collate.PROBE,
    targets.PROBE,
    words.PROBE,
    negatives.PROBE,
    trial.PROBE,
    alone.PROBE,
    evaluate.PROBE,
)
"""Every look but the step-one proof, which is the slowest."""

Thing: TypeAlias = Any
"""A trainer or a part of one: the libraries have no types."""

Subjects = tuple[object, ...]
Build = Callable[[Path], Any]


def seen(build: Build, probes: tuple[Probe, ...] = LOOKS) -> Subjects:
    """What the probes see of a trainer; those that do not apply are left out."""
    with tempfile.TemporaryDirectory() as folder, quiet(1):
        trainer = build(Path(folder) / "out")
        stage = stage_of(trainer)
        if stage is None:
            return (recipe_of(trainer), trial.without_rows(trainer))
        subjects: list[object] = [recipe_of(trainer), checkpoint_of(stage)]
        for probe in probes:
            try:
                subjects.append(probe.run(stage))
            except (NotApplicableError, NotRunError):
                continue
        return tuple(subjects)


class Live(Mapping[str, Subjects]):
    """Cases of a check, each a function that builds a trainer in a folder.

    `probes` are the looks that the check needs; every one where none is given.
    """

    def __init__(self, *probes: Probe, **builds: Build) -> None:
        self._probes = probes or LOOKS
        self._builds = {name.replace("_", " "): build for name, build in builds.items()}
        self._seen: dict[str, Subjects] = {}

    def __getitem__(self, name: str) -> Subjects:
        """The subjects of one case."""
        if name not in self._seen:
            self._seen[name] = seen(self._builds[name], self._probes)
        return self._seen[name]

    def __iter__(self) -> Iterator[str]:
        """The names of the cases."""
        return iter(self._builds)

    def __len__(self) -> int:
        """The number of cases."""
        return len(self._builds)
