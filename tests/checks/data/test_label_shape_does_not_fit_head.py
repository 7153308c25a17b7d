"""DAT111 label-shape-does-not-fit-head."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Live, Thing

from tunewell.checks.data.label_shape_does_not_fit_head import label_shape_does_not_fit_head
from tunewell.preflight import trial
from tunewell.testing import CheckCases


def one_hot(out: Path) -> Thing:
    rows = [
        {**row, "labels": [int(row["labels"] == at) for at in range(3)]}
        for row in tasks.classified()
    ]
    return tasks.classifier(out, rows=rows, judged=rows[:8])


def one_class_for_several(out: Path) -> Thing:
    model = tiny.encoder(num_labels=3, problem_type="multi_label_classification")
    return tasks.classifier(out, model=model)


def gaps_to_fill(out: Path) -> Thing:
    from transformers import DataCollatorForLanguageModeling

    return tasks.classifier(out, collator=DataCollatorForLanguageModeling(tiny.tokenizer()))


@pytest.mark.reproduces("D62")
class TestLabelShapeDoesNotFitHead(CheckCases):
    """Real heads with the labels of another task."""

    check = label_shape_does_not_fit_head
    faulty = Live(
        trial.PROBE,
        tags_for_a_head_of_rows=lambda out: tasks.tagger(out, model=tiny.encoder(num_labels=5)),
        a_label_a_row_for_a_head_of_tokens=lambda out: tasks.classifier(
            out, model=tiny.encoder("TokenClassification", num_labels=3)
        ),
        one_hot=one_hot,
        one_class_for_several=one_class_for_several,
        gaps_to_fill=gaps_to_fill,
    )
    nearly = Live(
        trial.PROBE,
        vectors_for_several_labels=tasks.multi_label,
        one_number_of_many_values=tasks.regression,
        # Another fault, and another check's matter.
        labels_outside=lambda out: tasks.classifier(out, model=tiny.encoder(num_labels=2)),
    )
    clean = Live(trial.PROBE, classes=tasks.classifier, tags=tasks.tagger)
