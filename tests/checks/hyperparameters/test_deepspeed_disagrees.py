"""HYP020 deepspeed-disagrees."""

from pathlib import Path
from typing import Any

import pytest

from tunewell.checks.hyperparameters.deepspeed_disagrees import deepspeed_disagrees
from tunewell.subjects.recipe import Hardware, Recipe
from tunewell.testing import CheckCases, run_check

FIXED = {
    "train_micro_batch_size_per_gpu": 4,
    "gradient_accumulation_steps": 2,
    "gradient_clipping": 1.0,
    "optimizer": {"type": "AdamW", "params": {"lr": 1e-4, "weight_decay": 0.01}},
    "bf16": {"enabled": True},
}


def trained(settings: dict[str, Any] | None, **values: Any) -> Recipe:  # noqa: ANN401
    chosen = {
        "per_device_train_batch_size": 4,
        "gradient_accumulation_steps": 2,
        "learning_rate": 1e-4,
        "weight_decay": 0.01,
        "precision": "bf16",
        "format": "trl",
        **values,
    }
    world = chosen.pop("world_size", None)
    return Recipe(task="sft", hardware=Hardware(deepspeed=settings, world_size=world), **chosen)


AUTO = {"train_batch_size": "auto", "bf16": {"enabled": "auto"}, "gradient_clipping": "auto"}


class TestDeepspeedDisagrees(CheckCases):
    """Numbers that differ, that agree, and that are left to the trainer."""

    check = deepspeed_disagrees
    faulty = {
        "another batch": (trained(FIXED, per_device_train_batch_size=8),),
        "another rate": (trained(FIXED, learning_rate=2e-4),),
        "another precision": (trained(FIXED, precision="fp16"),),
        "another batch of all devices": (trained({"train_batch_size": 64}, world_size=4),),
    }
    nearly = {
        "the number of devices is not known": (trained({"train_batch_size": 64}),),
        "as many on four devices": (trained({"train_batch_size": 32}, world_size=4),),
        "a loop of one's own": (trained(FIXED, learning_rate=2e-4, format="accelerate"),),
    }
    clean = {
        "they agree": (trained(FIXED),),
        "auto": (trained(AUTO),),
        "no DeepSpeed": (trained(None),),
    }


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"per_device_train_batch_size": 8},
        {"learning_rate": 2e-4},
        {"weight_decay": 0.1},
        {"gradient_accumulation_steps": 1},
        {"max_grad_norm": 0.5},
        {"precision": "fp32"},
    ],
)
def test_it_says_what_transformers_says(changed: dict[str, Any], tmp_path: Path) -> None:
    """The comparison of transformers, on accelerate's class, which needs no DeepSpeed."""
    from accelerate.utils.deepspeed import HfDeepSpeedConfig
    from transformers import TrainingArguments
    from transformers.integrations.deepspeed import HfTrainerDeepSpeedConfig

    own = {name: part for name, part in vars(HfTrainerDeepSpeedConfig).items() if "__" not in name}
    compared = type("Compared", (HfDeepSpeedConfig,), {**own, "mismatches": []})
    recipe = trained(FIXED, **changed)
    same = (
        "per_device_train_batch_size",
        "gradient_accumulation_steps",
        "learning_rate",
        "weight_decay",
        "max_grad_norm",
    )
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        bf16=recipe.precision == "bf16",
        use_cpu=True,
        **{name: getattr(recipe, name) for name in same},
    )
    settings = compared(FIXED)
    settings.trainer_config_process(arguments)
    found = run_check(deepspeed_disagrees, (recipe,)).findings
    assert bool(settings.mismatches) == bool(found)
    if found:
        named = settings.mismatches[0].removeprefix("- ds ").partition("=")[0]
        assert named in found[0].message
