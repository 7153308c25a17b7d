"""HYP024 accumulation-adds-no-negatives."""

import pytest
from tests.checks.data.scripts import script

from tunewell.checks.hyperparameters.accumulation_adds_no_negatives import (
    accumulation_adds_no_negatives,
)
from tunewell.core.finding import Severity
from tunewell.subjects.recipe import Recipe
from tunewell.testing import CheckCases, run_check

RANKING = script("loss = losses.MultipleNegativesRankingLoss(model)")
CACHED = script("loss = CachedMultipleNegativesRankingLoss(model, mini_batch_size=16)")
COSINE = script("loss = CosineSimilarityLoss(model)")


def accumulated(steps: int) -> Recipe:
    return Recipe(task="embedding", gradient_accumulation_steps=steps)


class TestAccumulationAddsNoNegatives(CheckCases):
    """Losses that learn from the batch, and others."""

    check = accumulation_adds_no_negatives
    faulty = {"eight batches": (accumulated(8), RANKING)}
    nearly = {
        "one batch": (accumulated(1), RANKING),
        "the cached loss": (accumulated(8), CACHED),
    }
    clean = {"a loss of single pairs": (accumulated(8), COSINE)}


def test_the_real_loss_of_a_batch_is_not_the_mean_of_its_parts() -> None:
    """Four batches of two rows have one negative each; one of eight has seven."""
    import torch
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    class Same(torch.nn.Module):
        """Hands the embeddings through."""

        def forward(self, features: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
            return features

    torch.manual_seed(0)
    loss = MultipleNegativesRankingLoss(Same(), scale=1.0)
    left, right = torch.randn(8, 16), torch.randn(8, 16)

    def of(rows: slice) -> float:
        sides = [{"sentence_embedding": side[rows]} for side in (left, right)]
        return float(loss(sides, None))

    whole = of(slice(None))
    parts = sum(of(slice(start, start + 2)) for start in range(0, 8, 2)) / 4
    assert whole > parts * 1.5
    assert whole == pytest.approx(of(slice(None)))


def test_it_is_advice() -> None:
    """And it names the loss that does what was wanted."""
    found = run_check(accumulation_adds_no_negatives, (accumulated(8), RANKING)).findings[0]
    assert found.severity is Severity.INFO
    assert "a batch of 128" in found.fixes[0].title
