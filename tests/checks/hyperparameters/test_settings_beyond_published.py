"""HYP027 settings-beyond-published."""

from typing import Any

from tunewell.checks.hyperparameters.settings_beyond_published import settings_beyond_published
from tunewell.core.finding import Severity
from tunewell.subjects.recipe import Adapter, Recipe
from tunewell.testing import CheckCases, run_check


def lora(**settings: Any) -> Recipe:  # noqa: ANN401
    adapter = Adapter(r=settings.pop("r", 16))
    return Recipe(
        **{"task": "sft", "method": "lora", "adapter": adapter, "num_train_epochs": 1.0, **settings}
    )


class TestSettingsBeyondPublished(CheckCases):
    """Far above every source, at its edge, and usual."""

    check = settings_beyond_published
    faulty = {
        "a large batch for an adapter": (lora(per_device_train_batch_size=512),),
        "a hundred epochs": (lora(num_train_epochs=100.0),),
        "a slip of the decimal point": (lora(weight_decay=1.0),),
        "a rank of thousands": (lora(r=2048),),
        "a classifier of a hundred epochs": (Recipe(num_train_epochs=100.0),),
    }
    nearly = {
        "the largest batch that is advised": (lora(per_device_train_batch_size=128),),
        "a little more than any": (lora(num_train_epochs=10.0),),
        "steps decide": (lora(num_train_epochs=100.0, max_steps=100),),
    }
    clean = {
        "usual": (lora(),),
        "the default": (Recipe(),),
        "nothing is published": (Recipe(task="unknown", num_train_epochs=500.0),),
    }


def test_it_is_advice_and_names_them_all() -> None:
    """Never a warning."""
    recipe = lora(num_train_epochs=100.0, weight_decay=1.0)
    found = run_check(settings_beyond_published, (recipe,)).findings[0]
    assert found.severity is Severity.INFO
    assert "1 more setting" in found.message
    assert len(found.fixes[0].edits) == 2
