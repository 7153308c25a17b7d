"""HW044 one-rank-slow."""

from collections.abc import Mapping
from typing import Any

from tests.checks.runs import noisy, run

from tunewell.checks.hardware.one_rank_slow import one_rank_slow
from tunewell.testing import CheckCases, trace


def processes(waits: list[float], works: list[float], scatter: float = 0.1) -> Any:  # noqa: ANN401
    """So many processes with these seconds of waiting and of work, over forty steps."""
    columns: list[Mapping[str, Any]] = [
        trace(
            data_seconds=noisy([wait] * 40, scatter, seed=rank),
            step_seconds=noisy([work] * 40, scatter, seed=100 + rank),
        ).columns
        for rank, (wait, work) in enumerate(zip(waits, works, strict=True))
    ]
    first = run({})
    return (
        type(first[0])(
            source="test",
            columns=columns[0],
            ranks={rank: part for rank, part in enumerate(columns) if rank},
        ),
    )


class TestOneRankSlow(CheckCases):
    """A step of about a second."""

    check = one_rank_slow
    faulty = {
        "its loader": processes([0.02, 0.02, 0.4, 0.02], [1.0, 1.0, 0.6, 1.0]),
        "one of two": processes([0.4, 0.02], [0.6, 1.0]),
        "by itself": processes([0.01] * 4, [1.0, 1.0, 1.0, 1.5], 0.02),
    }
    nearly = {
        "all wait": processes([0.4] * 4, [0.6] * 4),
        "a little": processes([0.02, 0.02, 0.1, 0.02], [1.0] * 4),
        "now one, now another": processes([0.3] * 4, [0.7] * 4, 0.5),
    }
    clean = {
        "alike": processes([0.02] * 4, [1.0] * 4),
        "one process": run({"data_seconds": [0.1] * 40, "step_seconds": [1.0] * 40}),
    }
