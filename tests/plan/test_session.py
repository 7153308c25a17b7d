"""One child for all batches of a search."""

from collections.abc import Iterable, Iterator

from tests.plan.test_rank import Simulator

from tunewell.plan.session import one_child
from tunewell.plan.simulated import NotSimulated, Simulated
from tunewell.plan.step import Step


def test_batches_go_through_one_stream_in_order_and_it_is_closed() -> None:
    started, ended = [], []
    simulator = Simulator()

    def stream(steps: Iterable[Step]) -> Iterator[Simulated | NotSimulated]:
        started.append(1)
        try:
            for step in steps:
                yield simulator.answer(step)
        finally:
            ended.append(1)

    steps = [Step(config={}, batch=n) for n in (1, 2, 4)]
    with one_child(stream) as simulate:
        first = simulate(steps[:1])
        rest = simulate(steps[1:])
        assert not ended
    assert [*first, *rest] == [simulator.answer(step) for step in steps]
    assert (started, ended) == ([1], [1])
