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


def uncertain(count: int, sure: float, seed: int) -> list[dict[str, Any]]:
    """Rows of eight labels and one word each, which so many of them follow; the rest have any."""
    tokens, rng = tiny.tokenizer(), np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for text in tiny.sentences(count):
        word = int(rng.integers(0, 8))
        label = word if rng.random() < sure else int(rng.integers(0, 8))
        labels = [float(at == label) for at in range(8)]
        rows.append({**tokens(f"{tiny.WORDS[word]} {tiny.WORDS[word]} {text}"), "labels": labels})
    return rows


@pytest.mark.reproduces("E15")
def test_a_real_model_of_uncertain_labels(tmp_path: Path) -> None:
    """Every label is there in at most 39 of 100 rows of its word: few scores reach a half."""
    names = tuple(f"label {number}" for number in range(8))
    model = tiny.encoder(**tasks.named(names), problem_type="multi_label_classification")
    judged = uncertain(120, 0.3, seed=2)
    for rows, steps, rate in (
        (uncertain(240, 1.0, 0), 400, 3e-3),
        (uncertain(320, 0.3, 1), 60, 5e-4),
    ):
        trainer = tasks.classifier(
            tmp_path, rows=rows, judged=judged, compute_metrics=None, max_steps=steps,
            learning_rate=rate, per_device_train_batch_size=16, eval_strategy="no", model=model,
            warmup_steps=20,
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
    lower = LabelSets("eval", read.label_names, read.given, scores >= 0.15)
    assert not run_check(nothing_predicted, (lower,)).findings
