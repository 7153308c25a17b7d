"""One run that two logs tell of."""

from __future__ import annotations

from types import MappingProxyType

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tunewell.readers.logs.joined import PRINTED, Agreement, agreement, join, with_lost_part
from tunewell.subjects.trace import Column, Restart, Trace


def trace(source: str = "one", **columns: dict[int, float]) -> Trace:
    """A trace of columns given by step."""
    return Trace(
        source=source,
        columns=MappingProxyType(
            {
                name: Column(
                    np.array(sorted(points), dtype=np.int64),
                    np.array([points[step] for step in sorted(points)], dtype=np.float64),
                )
                for name, points in columns.items()
            }
        ),
    )


LOSS = {10: 3.0, 20: 2.0, 30: float("nan"), 40: 1.0}


def test_the_same_run() -> None:
    """All shared values are equal, NaN too; single precision and four digits have room."""
    assert agreement(trace(loss=LOSS), trace(loss={10: 3.0, 30: float("nan"), 50: 7.0})).same
    assert agreement(trace(loss=LOSS), trace(loss={10: float(np.float32(3.0000001))})).same
    assert not agreement(trace(loss={10: 2.6894}), trace(loss={10: 2.689})).same
    assert agreement(trace(loss={10: 2.6894}), trace(loss={10: 2.689}), tolerance=PRINTED).same


def test_other_runs() -> None:
    """Nothing shared, or one shared value that differs."""
    assert agreement(trace(loss=LOSS), trace(loss={11: 3.0})) == Agreement(same=False)
    assert agreement(trace(loss=LOSS), trace(eval_loss={10: 3.0})) == Agreement(same=False)
    assert agreement(trace(loss=LOSS), trace(loss={10: 3.5, 20: 2.0})) == Agreement(same=False)
    other = trace(loss={10: 3.0, 20: 2.0, 30: 5.0, 40: 1.0})
    assert agreement(trace(loss=LOSS), other) == Agreement(same=False)


def test_a_part_that_was_repeated() -> None:
    """Equal up to a step and different after it: kept apart, and told as a restart."""
    main = trace(loss={step: 1 / step for step in range(1, 9)})
    lost = trace(loss={step: 1 / step if step < 5 else 9.0 for step in range(1, 7)})
    fits = agreement(main, lost)
    assert fits == Agreement(same=False, until=4)
    whole = with_lost_part(main, lost, 4)
    assert whole.restarts == (Restart(4, 6),)
    assert whole.superseded["loss"].steps.tolist() == [5, 6]
    assert whole.column("loss") is main.column("loss")


def test_join_takes_what_is_lacking() -> None:
    """Columns, points and what the other says of the end; the first counts where both speak."""
    main = trace(loss={10: 3.0, 20: 2.0})
    other = trace("other", loss={20: 9.0, 30: 1.0}, reward={20: 5.0})
    joined = join(main, other)
    assert joined.column("loss").values.tolist() == [3.0, 2.0, 1.0]
    assert joined.column("reward").values.tolist() == [5.0]
    assert joined.source == "one, with other"


POINTS = st.dictionaries(st.integers(1, 20), st.floats(-3, 3), min_size=1, max_size=12)


@given(one=POINTS, other=POINTS)
def test_join_loses_and_invents_nothing(one: dict[int, float], other: dict[int, float]) -> None:
    """Every step of both is there once, with the first one's value where it has one."""
    column = join(trace(loss=one), trace(loss=other)).column("loss")
    told = dict(zip(column.steps.tolist(), column.values.tolist(), strict=True))
    assert told == other | one
    assert (np.diff(column.steps) > 0).all()
