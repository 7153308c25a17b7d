"""Real runs with nothing wrong, in as many shapes as people give them: no check may warn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import pytest
from tests.planted.measuring import said, trained
from tests.planted.test_evaluations_of_runs import (
    causal,
    classifier,
    learnable,
    macro_recall,
    moved,
    with_early_stopping,
)
from tests.planted.test_resumed_runs import resumed
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny

from tunewell.core.finding import Finding, Severity
from tunewell.subjects.trace import Column, Trace

OWN = (
    "MET030", "MET031", "MET032", "MET033", "MET034", "MET036", "MET041", "HW002", "HW040", "HW041",
    "HW042", "HW044", "HW045", "ADA030", "ADA031", "ADA032", "ADA033", "ADA034",
)  # fmt: skip
"""The checks of a run's evaluations, restarts, memory and time."""


def several_sets(out: Path) -> Trace:
    """Three evaluation sets of a dozen rows each, with the scatter of so few."""
    trainer = classifier(out, max_steps=60)
    trainer.eval_dataset = {
        name: tiny.dataset(learnable(36)[at::3]) for at, name in enumerate(("one", "two", "three"))
    }
    return trained(trainer).trace()


def accumulated(out: Path) -> Trace:
    """Two batches a step, divided as they should be."""
    trainer = classifier(out, gradient_accumulation_steps=2)
    trainer.model_accepts_loss_kwargs = False
    return trained(trainer).trace()


def stopped(out: Path) -> Trace:
    """Early stopping that did its work on rows that cannot be learned."""
    noise = [{**row, "labels": at * 7 // 3 % 3} for at, row in enumerate(learnable(24))]
    trainer = classifier(
        out, judged=noise, metric_for_best_model="loss", save_strategy="steps", save_steps=4,
        load_best_model_at_end=True,
    )  # fmt: skip
    return trained(with_early_stopping(trainer, 2)).trace()


def chats(out: Path) -> Trace:
    """TRL's own trainer, which logs its token accuracy."""
    trainer = tiny.sft(out, max_steps=48, learning_rate=2e-3, logging_steps=2)
    return trained(trainer).trace()


def preferences(out: Path) -> Trace:
    """Direct preference optimisation."""
    return trained(tasks.dpo(out, max_steps=24, logging_steps=2)).trace()


Run = Callable[[Path], Trace]

RUNS: dict[str, Run] = {
    "evaluated often": lambda out: trained(classifier(out, eval_steps=2)).trace(),
    "evaluated once an epoch": lambda out: trained(
        classifier(out, eval_strategy="epoch", num_train_epochs=3, max_steps=-1)
    ).trace(),
    "evaluated once": lambda out: trained(classifier(out, eval_steps=48)).trace(),
    "never evaluated": lambda out: trained(classifier(out, eval_strategy="no")).trace(),
    "a tiny evaluation set": lambda out: trained(
        classifier(out, judged=learnable(6), compute_metrics=macro_recall)
    ).trace(),
    "a long evaluation in a short run": lambda out: trained(
        classifier(out, judged=learnable(300), eval_steps=12)
    ).trace(),
    "unbalanced": lambda out: trained(
        classifier(out, rows=learnable(96, shares=(8, 1, 1)), compute_metrics=macro_recall)
    ).trace(),
    "saved every epoch": lambda out: trained(
        classifier(out, save_strategy="epoch", save_total_limit=2)
    ).trace(),
    "the best kept": lambda out: trained(
        classifier(
            out, save_strategy="steps", save_steps=4, save_total_limit=1,
            load_best_model_at_end=True, metric_for_best_model="accuracy",
        )
    ).trace(),
    "evaluated before the start": lambda out: trained(
        classifier(out, eval_on_start=True)
    ).trace(),
    "smoothed labels": lambda out: trained(
        classifier(out, label_smoothing_factor=0.1)
    ).trace(),
    "a cosine with a warm-up": lambda out: trained(
        classifier(out, lr_scheduler_type="cosine", warmup_steps=8)
    ).trace(),
    "several sets": several_sets,
    "accumulated": accumulated,
    "stopped early": stopped,
    "tokens learned by heart": lambda out: trained(
        causal(out, compute_metrics=moved)
    ).trace(),
    "tokens accumulated": lambda out: trained(
        causal(out, compute_metrics=moved, gradient_accumulation_steps=2)
    ).trace(),
    "chats": chats,
    "preferences": preferences,
    "several labels a row": lambda out: trained(
        tasks.multi_label(out, max_steps=40, logging_steps=2)
    ).trace(),
    "numbers": lambda out: trained(tasks.regression(out, max_steps=40, logging_steps=2)).trace(),
    "resumed": lambda out: resumed(out, first={"eval_strategy": "steps", "eval_steps": 6}),
    "resumed over steps that were done": lambda out: resumed(out, at=10, stop=24),
}  # fmt: skip


def cut(trace: Trace, step: int) -> Trace:
    """The run as it was after a step, still going on."""
    columns = {
        name: Column(column.steps[column.steps <= step], column.values[column.steps <= step])
        for name, column in trace.columns.items()
    }
    return dataclasses.replace(
        trace,
        columns=MappingProxyType({name: part for name, part in columns.items() if len(part)}),
        finished=False,
        best_step=None,
        best_metric=None,
        kept_step=None,
        saved_steps=tuple(saved for saved in trace.saved_steps if saved <= step),
        restarts=tuple(restart for restart in trace.restarts if restart.step < step),
    )


def warnings(trace: Trace) -> list[Finding]:
    """What the checks say of a run, but information."""
    return [found for found in said([trace], *OWN) if found.severity is not Severity.INFO]


@pytest.mark.parametrize("name", RUNS)
def test_no_check_warns_of_a_healthy_run(tmp_path: Path, name: str) -> None:
    """Neither at its end nor at any eighth of its way."""
    trace = RUNS[name](tmp_path)
    assert trace.last_step > 8
    for part in (trace, *(cut(trace, trace.last_step * at // 8) for at in range(1, 8))):
        assert not [f"{f.code} at {part.last_step}: {f.message}" for f in warnings(part)]
