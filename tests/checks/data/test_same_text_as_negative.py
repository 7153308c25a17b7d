"""DAT124 same-text-as-negative."""

from pathlib import Path

import pytest
from tests.preflight import other_tasks as tasks
from tests.preflight import tiny
from tests.preflight.looks import Live, Thing

from tunewell.checks.data.same_text_as_negative import same_text_as_negative
from tunewell.preflight import negatives
from tunewell.testing import CheckCases

PLAIN = "batch_sampler"


def repeated(
    out: Path, *, times: int, sampler: str = PLAIN, column: str = "anchor", **settings: Thing
) -> Thing:
    """Pairs of which each anchor (or positive) stands in so many rows."""
    said = tiny.sentences(48)
    rows = [
        {"anchor": said[at], "positive": said[at + 24], column: said[at // times]}
        for at in range(24)
    ]
    return tasks.embedder(out, rows=rows, batch_sampler=sampler, **settings)


def scored(out: Path) -> Thing:
    """Another loss, for which equal texts do no harm."""
    from sentence_transformers.sentence_transformer.losses import CosineSimilarityLoss

    said = tiny.sentences(48)
    rows = [{"one": said[0], "other": said[at + 1], "score": 0.1 * (at % 10)} for at in range(24)]
    return tasks.embedder(out, rows=rows, loss=CosineSimilarityLoss, batch_sampler=PLAIN)


def wrapped(out: Path) -> Thing:
    from sentence_transformers.sentence_transformer.losses import (
        MatryoshkaLoss,
        MultipleNegativesRankingLoss,
    )

    def loss(model: Thing) -> Thing:
        return MatryoshkaLoss(model, MultipleNegativesRankingLoss(model), [32, 16])

    return repeated_with(out, loss)


def repeated_with(out: Path, loss: Thing) -> Thing:
    said = tiny.sentences(48)
    rows = [{"anchor": said[at // 4], "positive": said[at + 24]} for at in range(24)]
    return tasks.embedder(out, rows=rows, loss=loss, batch_sampler=PLAIN)


@pytest.mark.reproduces("M01")
class TestSameTextAsNegative(CheckCases):
    """Real trainers of sentence-transformers."""

    check = same_text_as_negative
    faulty = Live(
        negatives.PROBE,
        anchors_repeated=lambda out: repeated(out, times=4),
        positives_repeated=lambda out: repeated(out, times=4, column="positive"),
        inside_of_another_loss=wrapped,
    )
    nearly = Live(
        negatives.PROBE,
        kept_apart=lambda out: repeated(out, times=4, sampler="no_duplicates"),
        one_row_a_batch=lambda out: repeated(out, times=4, per_device_train_batch_size=1),
        another_loss=scored,
        all_different=lambda out: repeated(out, times=1),
    )
    clean = Live(negatives.PROBE, healthy=tasks.embedder)


def test_the_real_loss_counts_the_twin_as_wrong(tmp_path: Path) -> None:
    """Two rows of one anchor and one positive: a perfect model still has a loss of ln 2."""
    import math

    trainer = repeated(tmp_path, times=1)
    row = trainer.train_dataset[0]
    batch = trainer.data_collator([row, row])
    features, labels = trainer.collect_features(batch)
    trainer.model.eval()
    assert trainer.loss(features, labels).item() == pytest.approx(math.log(2), abs=1e-3)
