"""HYP023 kto-batch-of-one."""

from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

from tunewell.checks.hyperparameters.kto_batch_of_one import kto_batch_of_one
from tunewell.subjects.recipe import Preference, Recipe
from tunewell.testing import CheckCases


def kto(rows: int, steps: int = 1, *, loss: str | None = "kto", form: str = "trl") -> Recipe:
    return Recipe(
        task="kto",
        format=form,
        per_device_train_batch_size=rows,
        gradient_accumulation_steps=steps,
        preference=Preference(loss_type=loss),
    )


class TestKtoBatchOfOne(CheckCases):
    """One row, two rows, and losses that need no estimate."""

    check = kto_batch_of_one
    faulty = {
        "one row": (kto(1),),
        "one row with accumulation": (kto(1, 16),),
        "with accumulation of another number": (kto(1, 6, loss=None),),
    }
    nearly = {
        "two rows": (kto(2),),
        "a loss without estimate": (kto(1, loss="apo_zero_unpaired"),),
        "another program": (kto(1, form="llamafactory"),),
    }
    clean = {"eight rows": (kto(8),), "another task": (Recipe(task="dpo"),)}


def _trainer(out: Path, rows: int, loss: str) -> Any:  # noqa: ANN401
    from trl import KTOConfig, KTOTrainer

    said = tiny.sentences(16)
    data = [
        {"prompt": said[2 * i], "completion": f" {said[2 * i + 1]}", "label": i % 2 == 0}
        for i in range(8)
    ]
    from tunewell.train.quiet import quiet

    with quiet(1):
        return KTOTrainer(
            tiny.causal(),
            ref_model=tiny.causal(),
            args=tiny.arguments(
                out, KTOConfig, per_device_train_batch_size=rows, loss_type=loss, max_length=64
            ),
            train_dataset=tiny.dataset(data),
            processing_class=tiny.tokenizer(template=None),
        )


@pytest.mark.filterwarnings("ignore")
def test_trl_refuses_one_row_unless_the_loss_needs_no_estimate(tmp_path: Path) -> None:
    """And takes two."""
    with pytest.raises(ValueError, match="batch size must be > 1"):
        _trainer(tmp_path, 1, "kto")
    assert _trainer(tmp_path, 2, "kto")
    assert _trainer(tmp_path, 1, "apo_zero_unpaired")
