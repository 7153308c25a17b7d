"""The simulation's bytes, without what only CUDA's kernels take."""

from __future__ import annotations

from unittest import mock

from tunewell.plan.step import Step
from tunewell.simulate import step as stepping
from tunewell.simulate import storages
from tunewell.simulate.models import build


def _nothing(*_: object) -> int:
    """Nothing is taken; a mock would keep the tensors alive that it is called with."""
    return 0


def predict(step: Step) -> tuple[int, int]:
    """Bytes asked for at the peak and after two steps: no rounding, no hidden temporaries."""
    with (
        mock.patch.object(storages, "hidden_bytes", _nothing),
        mock.patch.object(stepping.Run, "_workspace", _nothing),
        mock.patch.object(stepping.Run, "_light_workspace", _nothing),
    ):
        run = stepping.Run(step, build(step, []))
        run.everything()
    return highest(run.storages.events), run.storages.live


def highest(events: list[tuple[int, int]]) -> int:
    """The most bytes at once."""
    most = now = 0
    for _, size in events:
        now += size
        most = max(most, now)
    return most
