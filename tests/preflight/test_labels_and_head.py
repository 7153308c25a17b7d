"""Checks of data files that look at a live trainer too: numbers of classes against its head."""

from pathlib import Path
from typing import Any

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import seen

from tunewell.checks.data.label_order_differs_from_model import label_order_differs_from_model
from tunewell.checks.data.label_outside_head import label_outside_head
from tunewell.testing import run_check


def with_names(out: Path, names: tuple[str, ...]) -> Any:
    from datasets import ClassLabel

    data = tiny.dataset(tasks.classified()).cast_column("labels", ClassLabel(names=list(names)))
    return tasks.classifier(out, rows=data, judged=data)


@pytest.mark.reproduces("D29", "C04")
def test_names_in_another_order() -> None:
    swapped = seen(lambda out: with_names(out, ("positive", "neutral", "negative")))
    found = run_check(label_order_differs_from_model, swapped).findings[0]
    assert "0 is 'positive' in the data and 'negative' in the model" in found.message
    same = seen(lambda out: with_names(out, tasks.LABELS))
    assert not run_check(label_order_differs_from_model, same).findings
    unnamed = run_check(label_order_differs_from_model, seen(tasks.classifier))
    assert unnamed.not_applicable


@pytest.mark.reproduces("D25")
def test_labels_without_an_output() -> None:
    small = seen(lambda out: tasks.classifier(out, model=tiny.encoder(num_labels=2)))
    found = run_check(label_outside_head, small).findings[0]
    assert "has 2 outputs, numbered from 0, and 8 labels of 24 have no output: 2" in found.message
    rows = [{**row, "labels": row["labels"] + 1} for row in tasks.classified()]
    from_one = seen(lambda out: tasks.classifier(out, rows=rows))
    found = run_check(label_outside_head, from_one).findings[0]
    assert found.fixes[0].title == "take 1 from every label: ids begin at 0"
    for build in (tasks.classifier, tasks.tagger, tasks.multi_label, tasks.regression):
        assert not run_check(label_outside_head, seen(build)).findings


def test_without_a_trainer_data_and_model_are_asked_for() -> None:
    for check in (label_order_differs_from_model, label_outside_head):
        assert "--model FOLDER" in run_check(check, ()).not_run[0].reason
