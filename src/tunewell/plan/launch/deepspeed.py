"""The JSON file of DeepSpeed for ZeRO 1 to 3, with or without offload.

Keys are those of `deepspeed.runtime.config` and `deepspeed.runtime.zero.config`, DeepSpeed 0.19.
What is "auto" the Trainer of transformers fills in from its own arguments
(`transformers.integrations.deepspeed.HfTrainerDeepSpeedConfig`, transformers 5.23), so that the two
never disagree; a loop of accelerate fills it in likewise.
"""

from __future__ import annotations

from tunewell.plan.launch.layout import AUTHOR, LaunchFile, Layout, packed
from tunewell.plan.launch.words import Value, json_text
from tunewell.subjects.recipe import Recipe

NAME = "deepspeed.json"
AUTO = "auto"
WEIGHTS = 3
"""The stage that shards the weights."""


def deepspeed_config(recipe: Recipe, layout: Layout) -> LaunchFile:
    """The settings of DeepSpeed for a layout with a ZeRO strategy.

    JSON has no comments: why a value is set stands under the key "_comment", which DeepSpeed leaves
    alone.

    Raises:
        ValueError: if the layout has another strategy.
    """
    stage = layout.stage
    if stage is None:
        message = f"{layout.strategy!r} does not use DeepSpeed"
        raise ValueError(message)
    zero, reasons = _zero(stage, layout)
    values: dict[str, Value] = {
        "zero_optimization": zero,
        "bf16": {"enabled": AUTO},
        "fp16": {
            "enabled": AUTO,
            "loss_scale": 0,
            "initial_scale_power": 16,
            "loss_scale_window": 1000,
            "hysteresis": 2,
            "min_loss_scale": 1,
        },
        "gradient_accumulation_steps": AUTO,
        "gradient_clipping": AUTO,
        "train_batch_size": AUTO,
        "train_micro_batch_size_per_gpu": AUTO,
    }
    reasons.append("fp16.loss_scale 0 chooses the scale while it trains; bf16 needs none.")
    if layout.offload != "none":
        values["optimizer"] = {
            "type": "AdamW",
            "params": {"lr": AUTO, "betas": AUTO, "eps": AUTO, "weight_decay": AUTO},
        }
        reasons.append(
            "AdamW is DeepSpeed's own, which runs on the CPU beside the states: one of PyTorch is "
            f"refused with offload. The recipe's optim ({recipe.optim}) is not used."
        )
    else:
        values["zero_allow_untested_optimizer"] = True
        reasons.append(
            "The optimizer is the recipe's own; zero_allow_untested_optimizer lets one in that "
            "DeepSpeed does not know by name, such as an 8-bit one."
        )
    about: list[Value] = [f"{AUTHOR} for {recipe.model or 'the model'} on {layout.words}."]
    about += [
        "What is auto is filled in from the arguments of the Trainer, so that the two agree.",
        *reasons,
        *(packed(recipe) if stage == WEIGHTS else []),
    ]
    return LaunchFile(
        name=NAME,
        text=json_text({"_comment": about, **values}),
        purpose=f"settings of DeepSpeed, ZeRO {stage}",
    )


def _zero(stage: int, layout: Layout) -> tuple[dict[str, Value], list[str]]:
    shared = ("the optimizer's states", "gradients and states", "weights, gradients and states")
    reasons = [f"Stage {stage} shares out {shared[stage - 1]} over {layout.processes} GPUs."]
    zero: dict[str, Value] = {
        "stage": stage,
        "overlap_comm": True,
        "contiguous_gradients": True,
        "reduce_bucket_size": AUTO,
    }
    reasons.append(
        "reduce_bucket_size auto is hidden_size squared: the 500 million elements of the default "
        "are a buffer of 1 GB in 16 bits."
    )
    if layout.offload != "none":
        zero["offload_optimizer"] = {"device": "cpu", "pin_memory": True}
        reasons.append("Pinned main memory is copied faster, and cannot be swapped out.")
    if stage == WEIGHTS:
        if layout.offload == "parameters":
            zero["offload_param"] = {"device": "cpu", "pin_memory": True}
        zero |= {
            "stage3_prefetch_bucket_size": AUTO,
            "stage3_param_persistence_threshold": AUTO,
            "stage3_gather_16bit_weights_on_model_save": True,
        }
        reasons.append(
            "stage3_gather_16bit_weights_on_model_save: without it a saved model has no weights "
            "that from_pretrained could load."
        )
    return zero, reasons
