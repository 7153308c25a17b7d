"""Healthy trainings that look bad at first sight: nothing serious may be said of any.

Each is trained here, for a second or so, with the watcher's columns and again as a plain log, whole
and cut off in the middle as it stands while it goes on.
"""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable
from typing import Any

import pytest
from tests.planted.loops import PLAIN, Loop, Task, language, model_for, only, topics

from tunewell.core.finding import Severity
from tunewell.engine.examine import examine
from tunewell.subjects.trace import Column, Trace

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="needs the training extra"
)


def so_far(trace: Trace, share: float) -> Trace:
    """The run as it stood when so much of it had been logged."""
    step = int(share * trace.last_step)
    columns = {
        name: Column(column.steps[column.steps <= step], column.values[column.steps <= step])
        for name, column in trace.columns.items()
    }
    return dataclasses.replace(trace, columns=columns, finished=False)


def known_already(task: Task, **settings: Any) -> Trace:
    """A model trained further on rows that it knows, at a tenth of its rate."""
    first = Loop(task, judge_every=0)
    first.run()
    return Loop(task, model=first.model, rate=3e-4, warmup=0, judge_every=50, **settings).run()


def wide_head() -> Any:
    """A head whose first answers are sure and wrong: the first loss is far above guessing."""
    import torch

    model = model_for(topics())
    with torch.no_grad():
        model.head.weight.mul_(8.0)
    return model


def harder_rows_later() -> Trace:
    """A curriculum: the second half of the rows has wrong labels in it."""
    import torch

    easy, hard = topics(800), topics(800, wrong=0.6)
    labels = torch.cat([easy.labels[:400], hard.labels[400:]])
    mixed = dataclasses.replace(easy, labels=labels)
    return Loop(mixed, shuffled=False, steps=100, batch=8, judge_every=25).run()


def resumed() -> Trace:
    """Taken up again from a checkpoint with all of its state."""
    return Loop(topics(), judge_every=50).run_resumed(at=100, reached=130)


def classified(**settings: Any) -> Trace:
    """A classifier of four topics."""
    return Loop(topics(), **{"judge_every": 50, **settings}).run()


def scheduled(schedule: str, **arguments: Any) -> Trace:
    """The same over more rows by a schedule of transformers."""
    return Loop(
        topics(800), schedule=schedule, schedule_arguments=arguments, rate=5e-3, judge_every=50
    ).run()


def unnamed_restarts() -> Trace:
    """Warm restarts in a log that does not tell its schedule."""
    trace = scheduled("cosine_with_restarts", num_cycles=4)
    return dataclasses.replace(trace, settings={})


HEALTHY: dict[str, Callable[[], Trace]] = {
    "linear": classified,
    "batches of one": lambda: classified(batch=1, steps=1000, rate=3e-3, judge_every=100),
    "batches of four": lambda: classified(batch=4, steps=400),
    "a language in batches of two": lambda: Loop(
        language(), batch=2, steps=400, judge_every=100
    ).run(),
    "labels of which a tenth is wrong": lambda: Loop(
        topics(800, wrong=0.1), steps=300, rate=5e-3, judge_every=50
    ).run(),
    "warm restarts": lambda: scheduled("cosine_with_restarts", num_cycles=3),
    "warm restarts without a name": unnamed_restarts,
    "cosine": lambda: scheduled("cosine"),
    "polynomial": lambda: scheduled("polynomial"),
    "inverse square root": lambda: scheduled("inverse_sqrt"),
    "a cosine that ends above 0": lambda: scheduled("cosine_with_min_lr", min_lr_rate=0.1),
    "a constant rate by choice": lambda: classified(schedule="constant", warmup=0, rate=5e-3),
    "constant after a warm-up": lambda: classified(schedule="constant_with_warmup"),
    "a long warm-up": lambda: classified(warmup=60, rate=5e-3),
    "a language": lambda: Loop(language(), judge_every=50).run(),
    "steps at epochs, evaluation falls": lambda: Loop(
        language(128), steps=96, batch=8, rate=5e-3, judge_every=16
    ).run(),
    "few logs": lambda: classified(every=25, judge_every=100),
    "a log every ten steps": lambda: classified(every=10),
    "an evaluation of twelve rows": lambda: Loop(topics(judged=12), judge_every=20).run(),
    "the floor of label smoothing": lambda: classified(smoothing=0.1),
    "a higher floor": lambda: Loop(
        topics(classes=8), smoothing=0.3, steps=300, judge_every=50
    ).run(),
    "one row in ten of the second class": lambda: Loop(
        topics(600, classes=2, shares=(0.9, 0.1)), judge_every=50
    ).run(),
    "a high first loss": lambda: classified(model=wide_head(), rate=1e-2),
    "weight decay": lambda: classified(weight_decay=0.1),
    "no dropout": lambda: classified(model=model_for(topics(), dropout=0.0)),
    "six layers": lambda: classified(model=model_for(topics(), depth=6), steps=300),
    "twenty classes": lambda: Loop(
        topics(800, classes=20), steps=400, rate=5e-3, judge_every=100
    ).run(),
    "half precision": lambda: classified(half=True),
    "trained before": lambda: known_already(topics()),
    "a language trained before": lambda: known_already(language()),
    "a curriculum": harder_rows_later,
    "resumed": resumed,
}


@pytest.mark.parametrize("name", HEALTHY)
def test_nothing_serious_is_said_of_a_healthy_run(name: str) -> None:
    """Whole and halfway, with and without what the watcher adds."""
    trace = HEALTHY[name]()
    plain = only(trace, *PLAIN)
    for seen in (trace, plain, so_far(trace, 0.5), so_far(plain, 0.5), so_far(trace, 0.2)):
        outcomes = examine([seen])
        assert not outcomes.broken
        found = [f"{f.code} {f.message}" for f in outcomes.findings if f.severity is not INFO]
        assert not found, found


INFO = Severity.INFO
