"""The file of `accelerate launch --config_file`.

Keys and their meanings are those of `accelerate.commands.config.config_args.ClusterConfig` and of
`accelerate launch --help`, accelerate 1.15.
"""

from __future__ import annotations

from tunewell.plan.launch.deepspeed import NAME as DEEPSPEED_FILE
from tunewell.plan.launch.layout import FSDP, LaunchFile, Layout, heading, packed
from tunewell.plan.launch.words import Value, yaml_text
from tunewell.subjects.recipe import Recipe

NAME = "accelerate.yaml"
KINDS = {"single": "NO", "ddp": "MULTI_GPU"}


def accelerate_config(recipe: Recipe, layout: Layout) -> LaunchFile:
    """The settings with which `accelerate launch` starts the run.

    Args:
        recipe: what is trained, for the heading and for what it sets by itself.
        layout: where it is trained.
    """
    values: dict[str, Value] = {
        "compute_environment": "LOCAL_MACHINE",
        "distributed_type": _kind(layout),
        "num_machines": layout.nodes,
        "num_processes": layout.processes,
        "machine_rank": 0,
        "main_training_function": "main",
        "use_cpu": False,
        "debug": False,
    }
    reasons = [
        f"num_processes counts the GPUs of all machines: {layout.nodes} x {layout.gpus}.",
    ]
    if layout.nodes > 1:
        values |= {"same_network": True, "rdzv_backend": "static"}
        reasons.append(
            "machine_rank, main_process_ip and main_process_port differ from machine to machine: "
            "they come from the command line (see launch.sh)."
        )
    if layout.stage is None:
        values["mixed_precision"] = _mixed(layout)
        reasons.append(
            "mixed_precision is the recipe's own; a Trainer of transformers goes by its bf16 and "
            "fp16 arguments."
        )
    else:
        deepspeed: dict[str, Value] = {
            "deepspeed_config_file": DEEPSPEED_FILE,
            "zero3_init_flag": layout.stage == 3,  # noqa: PLR2004  the stage that shards weights
        }
        if layout.nodes > 1:
            deepspeed["deepspeed_multinode_launcher"] = "standard"
            reasons.append(
                "The standard launcher is started on each machine; accelerate's own choice, pdsh, "
                "is started on one and needs a file of hosts."
            )
        values["deepspeed_config"] = deepspeed
        reasons.append(
            "Precision, accumulation and offload stand in the file of DeepSpeed: accelerate "
            "refuses them here beside it. zero3_init_flag shards weights while they are loaded."
        )
    if layout.strategy in FSDP:
        values["fsdp_config"] = _fsdp(recipe, layout, reasons)
    if layout.strategy == "fsdp-hybrid":
        values["parallelism_config"] = {
            "parallelism_config_dp_replicate_size": layout.nodes,
            "parallelism_config_dp_shard_size": layout.gpus,
        }
        reasons.append(
            "Weights are sharded within a machine and copied between machines, whose links are "
            "slower: dp_shard_size x dp_replicate_size is the number of GPUs."
        )
    return LaunchFile(
        name=NAME,
        text=heading(layout, recipe, reasons) + yaml_text(values),
        purpose="settings of accelerate launch",
    )


def _kind(layout: Layout) -> str:
    if layout.stage is not None:
        return "DEEPSPEED"
    return "FSDP" if layout.strategy in FSDP else KINDS[layout.strategy]


def _mixed(layout: Layout) -> str:
    return "no" if layout.precision == "fp32" else layout.precision


def _fsdp(recipe: Recipe, layout: Layout, reasons: list[str]) -> dict[str, Value]:
    """The settings of FSDP 2; `reasons` grows by why they are set."""
    recomputed = fsdp_recomputes(recipe, layout)
    values: dict[str, Value] = {
        "fsdp_version": 2,
        "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
        "fsdp_reshard_after_forward": True,
        "fsdp_offload_params": layout.offload == "parameters",
        "fsdp_activation_checkpointing": recomputed,
        "fsdp_cpu_ram_efficient_loading": True,
        "fsdp_state_dict_type": "FULL_STATE_DICT",
    }
    if layout.layer is not None:
        values["fsdp_transformer_layer_cls_to_wrap"] = layout.layer
    reasons += fsdp_reasons(recipe, layout)
    return values


def fsdp_recomputes(recipe: Recipe, layout: Layout) -> bool:
    """Whether FSDP is told to recompute layers: not where the recipe already does."""
    return layout.checkpointing and not recipe.hardware.gradient_checkpointing


def fsdp_reasons(recipe: Recipe, layout: Layout) -> list[str]:
    """Why the settings of FSDP are what they are."""
    found = [
        (
            "reshard_after_forward lets go of a layer's gathered weights after its forward pass: "
            "less memory, one more gathering in the backward pass."
        ),
        "cpu_ram_efficient_loading reads the weights into main memory once and not once a process.",
        (
            "FULL_STATE_DICT saves what from_pretrained loads; SHARDED_STATE_DICT is faster for "
            "models that one machine's main memory does not hold."
        ),
    ]
    if layout.layer is None:
        found.append("The layers to shard are those that the model names (_no_split_modules).")
    if layout.checkpointing:
        by = (
            "FSDP recomputes layers itself, which saves one gathering over gradient_checkpointing"
            if fsdp_recomputes(recipe, layout)
            else "The recipe's own gradient_checkpointing recomputes layers, so FSDP is not told to"
        )
        found.append(f"{by}: both at once would do the work twice.")
    if layout.offload == "parameters":
        found.append(
            "Offloaded weights, gradients and states live in main memory; the optimizer's step "
            "runs on the CPU."
        )
    return [*found, *packed(recipe)]
