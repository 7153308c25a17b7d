"""FSDP as arguments of `transformers.TrainingArguments`.

The keys are those that transformers 5.23 names in the argument's documentation. `fsdp=True` with
everything in `fsdp_config` is its present form; the words of former versions ("full_shard
auto_wrap") are to go.
"""

from __future__ import annotations

from tunewell.plan.launch.accelerate import fsdp_reasons, fsdp_recomputes
from tunewell.plan.launch.layout import FSDP, LaunchFile, Layout, heading
from tunewell.plan.launch.words import Value, python_text, yaml_text
from tunewell.subjects.recipe import Recipe


def fsdp_arguments(recipe: Recipe, layout: Layout) -> dict[str, Value]:
    """The two arguments, `fsdp` and `fsdp_config`, for a layout that shards with FSDP.

    Raises:
        ValueError: if the layout does not, or if it copies between machines, for which
            TrainingArguments has no plain value: accelerate's file says that.
    """
    if layout.strategy != "fsdp":
        message = f"{layout.strategy!r} cannot be said by fsdp and fsdp_config"
        raise ValueError(message)
    config: dict[str, Value] = {
        "version": 2,
        "auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
        "reshard_after_forward": True,
        "cpu_offload": layout.offload == "parameters",
        "activation_checkpointing": fsdp_recomputes(recipe, layout),
        "cpu_ram_efficient_loading": True,
        "state_dict_type": "FULL_STATE_DICT",
    }
    if layout.layer is not None:
        config["transformer_layer_cls_to_wrap"] = [layout.layer]
    return {"fsdp": True, "fsdp_config": config}


def fsdp_block(recipe: Recipe, layout: Layout) -> LaunchFile:
    """The two arguments as text to put into a recipe: YAML, or Python where it is a script.

    Raises:
        ValueError: as `fsdp_arguments`.
    """
    values = fsdp_arguments(recipe, layout)
    script = recipe.file is not None and recipe.file.suffix == ".py"
    about = heading(layout, recipe, fsdp_reasons(recipe, layout))
    if script:
        lines = "".join(f"    {key}={python_text(value, 1)},\n" for key, value in values.items())
        text = f"{about}fsdp_arguments = dict(\n{lines})\n"
    else:
        text = about + yaml_text(values)
    return LaunchFile(
        name="fsdp_arguments.py" if script else "fsdp_arguments.yaml",
        text=text,
        purpose="fsdp and fsdp_config for TrainingArguments(...)",
    )


def shards_by_arguments(layout: Layout) -> bool:
    """Whether FSDP's part of a layout can be said by arguments of the Trainer."""
    return layout.strategy in FSDP and layout.strategy != "fsdp-hybrid"
