"""Layouts of every strategy, for the tests of what is written for them."""

from tunewell.plan.launch import Layout
from tunewell.subjects.recipe import Hardware, Recipe

RECIPE = Recipe(task="sft", model="Qwen/Qwen2.5-7B", format="trl", optim="adamw_torch_fused")
RECOMPUTING = Recipe(
    task="sft", model="m", format="trl", hardware=Hardware(gradient_checkpointing=True)
)

SINGLE = Layout(command=("train.py",), gpu="L4")
LAYOUTS: dict[str, Layout] = {
    "single": SINGLE,
    "ddp": Layout(command=("train.py", "--name", "a b"), gpu="L4", gpus=4, strategy="ddp"),
    "ddp on two machines": Layout(
        command=("train.py",), gpu="L4", gpus=4, nodes=2, strategy="ddp", precision="fp32"
    ),
    "zero1": Layout(command=("train.py",), gpu="A100-SXM4-80GB", gpus=2, strategy="zero1"),
    "zero2, states offloaded": Layout(
        command=("train.py",), gpus=2, strategy="zero2", offload="optimizer"
    ),
    "zero3": Layout(command=("train.py",), gpus=8, nodes=2, strategy="zero3"),
    "zero3, all offloaded": Layout(
        command=("train.py",), gpus=1, strategy="zero3", offload="parameters"
    ),
    "fsdp": Layout(
        command=("train.py",),
        gpu="H100 80GB HBM3",
        gpus=8,
        strategy="fsdp",
        checkpointing=True,
        layer="Qwen2DecoderLayer",
    ),
    "fsdp, offloaded": Layout(
        command=("train.py",), gpus=2, strategy="fsdp", offload="parameters", precision="fp16"
    ),
    "fsdp-hybrid": Layout(command=("train.py",), gpus=8, nodes=2, strategy="fsdp-hybrid"),
}
SHARED = {name: layout for name, layout in LAYOUTS.items() if name != "single"}
