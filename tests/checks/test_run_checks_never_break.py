"""Whatever a log holds, no check on runs breaks, says NaN, or speaks without a place."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tunewell.core.finding import Number
from tunewell.engine.examine import examine
from tunewell.engine.settings import Settings
from tunewell.subjects.trace import Column, Restart, Trace

NAMES = (
    "loss", "step_loss", "raw_loss", "grad_norm", "learning_rate", "epoch", "eval_loss",
    "eval_accuracy", "eval_f1", "eval_chat_loss", "eval_runtime", "eval_samples_per_second",
    "predicted_top_share", "label_top_share", "eval_predicted_top_share", "eval_label_top_share",
    "skipped", "loss_scale", "evaluation_mode", "batch_mark", "nonfinite_parameters",
    "nonfinite_gradients", "update_ratio/head", "gradient_rms/head", "update_ratio/body",
    "gradient_rms/body",
)  # fmt: skip
# What a log holds was computed in 32 bits: nothing finite is beyond 3.4e38.
VALUES = st.one_of(
    st.floats(0, 2),
    st.floats(width=32),
    st.sampled_from([0.0, -1.0, 1.0, math.nan, math.inf, -math.inf, 1e-45, 3e38]),
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "lr_scheduler_type": st.sampled_from(["linear", "cosine", "constant", "nothing", None]),
        "learning_rate": st.sampled_from([1e-5, 0.0, "2e-5", None]),
        "warmup_steps": st.sampled_from([0, 10, 0.1, 10_000, "many", None]),
        "num_train_epochs": st.sampled_from([1, 3.0, 0, -1, "three", None]),
        "max_steps": st.sampled_from([-1, 50, "fifty", None]),
        "per_device_train_batch_size": st.sampled_from([8, 0, None, "auto"]),
        "adam_epsilon": st.sampled_from([1e-8, 0, None]),
    },
)


@st.composite
def columns(draw: st.DrawFn) -> Column:
    """A column at rising steps: a curve of its own, or one value again and again, or a ramp."""
    count = draw(st.integers(0, 70))
    apart = draw(st.integers(1, 10))
    steps = np.arange(1, count + 1, dtype=np.int64) * apart
    kind = draw(st.sampled_from(["any", "same", "ramp", "random"]))
    if kind == "any":
        values = draw(st.lists(VALUES, min_size=count, max_size=count))
        return Column(steps, np.array(values, dtype=np.float64))
    start, end = draw(VALUES), draw(st.floats(-1, 3))
    if kind == "same":
        return Column(steps, np.full(count, start))
    if kind == "ramp":
        return Column(steps, np.linspace(0.5, end, count))
    rng = np.random.default_rng(draw(st.integers(0, 9)))
    return Column(steps, np.exp(rng.normal(size=count)) * draw(st.sampled_from([1.0, 1e-6, 1e6])))


@st.composite
def traces(draw: st.DrawFn) -> Trace:
    """A run with some of the columns."""
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=8))
    return Trace(
        source="made up",
        columns={name: draw(columns()) for name in names},
        max_steps=draw(st.sampled_from([None, 0, 30, 100, 10_000])),
        finished=draw(st.booleans()),
        classes=draw(st.sampled_from([None, 0, 1, 2, 10])),
        settings=draw(SETTINGS),
        restarts=draw(st.sampled_from([(), (Restart(step=20, reached=25),)])),
    )


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(traces())
def test_no_log_breaks_a_check(trace: Trace) -> None:
    """Nor do the same steps as they stood halfway."""
    half = trace.last_step // 2
    so_far = {
        name: Column(column.steps[column.steps <= half], column.values[column.steps <= half])
        for name, column in trace.columns.items()
    }
    for seen in (trace, dataclasses.replace(trace, columns=so_far, finished=False)):
        outcomes = examine([seen], settings=Settings(pedantic=True))
        assert not outcomes.broken, outcomes.broken
        for finding in outcomes.findings:
            assert finding.where or finding.evidence
            assert "nan" not in finding.message.split()
            numbers = [part for part in finding.evidence if isinstance(part, Number)]
            assert all(n.value is None or math.isfinite(n.value) for n in numbers), finding
