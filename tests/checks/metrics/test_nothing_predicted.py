"""MET040 nothing-predicted."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.planted.measuring import trained
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny

from tunewell.checks.metrics.nothing_predicted import nothing_predicted
from tunewell.readers.label_sets import read_label_sets
from tunewell.subjects.label_sets import LabelSets
from tunewell.testing import CheckCases, run_check

RNG = np.random.default_rng(0)
GIVEN = RNG.random((200, 6)) < 0.25


def sets(
    scores: NDArray[np.float64], given: NDArray[np.bool_] = GIVEN, *, known: bool = True
) -> tuple[LabelSets]:
    """Labels that are predicted at 0.5."""
    return (
        LabelSets(
            name="eval",
            label_names=tuple("abcdef"),
            given=given,
            predicted=scores >= 0.5,
            scores=scores.astype(np.float32) if known else None,
        ),
    )


TIMID = np.where(GIVEN, 0.35, 0.1) + RNG.normal(0, 0.08, GIVEN.shape)
GOOD = np.where(GIVEN, 0.8, 0.1) + RNG.normal(0, 0.08, GIVEN.shape)
BLIND = RNG.uniform(0.0, 0.3, GIVEN.shape)


class TestNothingPredicted(CheckCases):
    """Two hundred rows of six labels."""

    check = nothing_predicted
    faulty = {
        "sure of nothing": sets(TIMID),
        "scores not known": sets(TIMID, known=False),
    }
    nearly = {
        "the same for every row": sets(BLIND),
        "knows nothing": sets(np.where(GIVEN & (RNG.random(GIVEN.shape) < 0.3), 0.9, 0.0)),
        "most rows have none": sets(TIMID, GIVEN & (np.arange(200) % 3 == 0)[:, None]),
        "few rows": sets(TIMID[:12], GIVEN[:12]),
    }
    clean = {"sure": sets(GOOD)}


@pytest.mark.reproduces("E15")
def test_a_real_model_of_rare_labels(tmp_path: Path) -> None:
    """Five labels, none of which is ever more likely than not; the scores rank them all the same."""
    tokens, rng = tiny.tokenizer(), np.random.default_rng(0)
    names = tuple(f"label {number}" for number in range(5))
    rows: list[dict[str, Any]] = []
    for text in tiny.sentences(416):
        word = int(rng.integers(0, 5))
        # Its word's label in 44 of 100 rows, any other in 14.
        label = word if rng.random() < 0.3 else int(rng.integers(0, 5))
        shares = [float(at == label) for at in range(5)]
        rows.append({**tokens(f"{tiny.WORDS[word]} {tiny.WORDS[word]} {text}"), "labels": shares})
    judged = rows[320:]
    trainer = tasks.classifier(
        tmp_path, rows=rows[:320], judged=judged, compute_metrics=None, max_steps=300,
        learning_rate=1e-3, per_device_train_batch_size=16, eval_strategy="no",
        model=tiny.encoder(**tasks.named(names), problem_type="multi_label_classification"),
    )  # fmt: skip
    trained(trainer)
    scores = 1 / (1 + np.exp(-trainer.predict(trainer.eval_dataset).predictions))
    file = tmp_path / "predictions.jsonl"
    with file.open("w", encoding="utf-8") as out:
        for row, score in zip(judged, scores, strict=True):
            given = [name for name, has in zip(names, row["labels"], strict=True) if has]
            shares = {f"p_{name}": float(s) for name, s in zip(names, score, strict=True)}
            out.write(json.dumps({"labels": given, **shares}) + "\n")
    read = read_label_sets(file)
    assert read is not None
    (found,) = run_check(nothing_predicted, (read,)).findings
    assert "of the rows get no label, and 0 % have none; micro-F1 is 0." in found.message
    lower = LabelSets("eval", read.label_names, read.given, scores >= 0.25)
    assert not run_check(nothing_predicted, (lower,)).findings
