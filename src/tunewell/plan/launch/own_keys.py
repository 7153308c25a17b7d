"""Sharding in the words of axolotl's and LLaMA-Factory's own configuration.

axolotl: `axolotl.utils.schemas.config` and `.fsdp`, 0.19. LLaMA-Factory hands what it does not know
itself to `transformers.TrainingArguments`, 0.9.5.
"""

from __future__ import annotations

from tunewell.core.finding import SetKey, SettingValue
from tunewell.plan.launch.accelerate import fsdp_recomputes
from tunewell.plan.launch.deepspeed import NAME as DEEPSPEED_FILE
from tunewell.plan.launch.layout import FSDP, Layout
from tunewell.plan.launch.start import LLAMAFACTORY
from tunewell.subjects.recipe import Recipe

FILES = frozenset({".yaml", ".yml", ".json"})
READS_DEEPSPEED = LLAMAFACTORY | {"axolotl"}


def launch_edits(recipe: Recipe, layout: Layout) -> tuple[SetKey, ...]:
    """What to write into the recipe's own file so that it is sharded as the layout says.

    A recipe that is started with a file of accelerate, or that is a script, needs nothing.
    """
    if recipe.file is None or recipe.file.suffix not in FILES:
        return ()
    if layout.stage is not None and recipe.format in READS_DEEPSPEED:
        return (_set(recipe, "deepspeed", DEEPSPEED_FILE),)
    if layout.strategy in FSDP and recipe.format == "axolotl":
        return tuple(_set(recipe, key, value) for key, value in _axolotl(recipe, layout).items())
    return ()


def _axolotl(recipe: Recipe, layout: Layout) -> dict[str, SettingValue]:
    values: dict[str, SettingValue] = {
        "fsdp_version": 2,
        "fsdp_config.offload_params": layout.offload == "parameters",
        "fsdp_config.cpu_ram_efficient_loading": True,
        "fsdp_config.auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
        "fsdp_config.state_dict_type": "FULL_STATE_DICT",
        "fsdp_config.reshard_after_forward": True,
        "fsdp_config.activation_checkpointing": fsdp_recomputes(recipe, layout),
    }
    if layout.layer is not None:
        values["fsdp_config.transformer_layer_cls_to_wrap"] = layout.layer
    if layout.strategy == "fsdp-hybrid":
        values |= {"dp_shard_size": layout.gpus, "dp_replicate_size": layout.nodes}
    return values


def _set(recipe: Recipe, key: str, new: SettingValue) -> SetKey:
    there = next((w for w in recipe.written if w.place.key == key), None)
    old = there.value if there is not None else None
    return SetKey(
        path=key,
        old=old if isinstance(old, str | int | bool) else None,
        new=new,
        file=str(recipe.file),
        line=there.place.line if there is not None else None,
        key=key,
    )
