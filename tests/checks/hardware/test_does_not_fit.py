"""HW001 does-not-fit."""

from pathlib import Path

from tunewell.checks.hardware.does_not_fit import does_not_fit
from tunewell.core.finding import Confidence, Severity
from tunewell.plan.needed import Needed
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Adapter, Hardware, Recipe
from tunewell.testing import CheckCases, run_check

GIB = 1024**3


def checkpoint(parameters: int, *, hidden: int, layers: int, heads: int) -> Checkpoint:
    """A model of so many values, in one tensor, with the dimensions of its config."""
    config = {
        "model_type": "bert",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
    }
    tensors = {"encoder.layer.0.dense.weight": (parameters // hidden, hidden)}
    return Checkpoint(Path("model"), config, tensors, max_length=512)


BERT = checkpoint(109_482_240, hidden=768, layers=12, heads=12)
SEVEN = checkpoint(7_000_000_000, hidden=4096, layers=32, heads=32)


def machine(gib: float, *, gpu_gib: float | None = None) -> Machine:
    """A machine with so much memory."""
    gpu = None if gpu_gib is None else int(gpu_gib * GIB)
    count = 0 if gpu is None else 1
    name = None if gpu is None else "Tesla T4"
    return Machine(4, int(gib * GIB), 100 * GIB, gpu_name=name, gpu_bytes=gpu, gpus=count)


def planned(gib: float, *, least: float | None = None) -> Needed:
    """A simulated step of so many GiB, which runs in the least of them by giving cache back."""
    held = int(gib * GIB)
    return Needed(
        method="simulated",
        allocated=held,
        reserved=held,
        process=held,
        smallest=held if least is None else int(least * GIB),
        low=int(0.9 * held),
        high=int(1.1 * held),
        by_kind={"weights": held},
    )


class TestDoesNotFit(CheckCases):
    """Planted, nearly faulty and clean machines."""

    check = does_not_fit
    faulty = {
        "7 thousand million on 80 GiB": (Recipe(), SEVEN, machine(256, gpu_gib=80)),
        "BERT in 1 GiB of main memory": (Recipe(), BERT, machine(1)),
        "the same with 8-bit moments": (
            Recipe(optim="adamw_8bit", format="transformers"),
            SEVEN,
            machine(256, gpu_gib=48),
        ),
        "simulated": (Recipe(), BERT, machine(64, gpu_gib=16), planned(40)),
        "simulated, and tight": (Recipe(), BERT, machine(64, gpu_gib=16), planned(17, least=15)),
        "activations of a large batch": (
            Recipe(per_device_train_batch_size=64),
            BERT,
            machine(64, gpu_gib=16),
        ),
    }
    nearly = {
        "simulated, and it fits though the formula says otherwise": (
            Recipe(),
            SEVEN,
            machine(256, gpu_gib=80),
            planned(60),
        ),
        "BERT on 16 GiB": (Recipe(), BERT, machine(64, gpu_gib=16)),
        "looked at on a laptop": (
            Recipe(task="sft", precision="bf16", format="transformers"),
            SEVEN,
            machine(16),
        ),
        "sharded": (
            Recipe(hardware=Hardware(deepspeed={"zero_optimization": {"stage": 3}})),
            SEVEN,
            machine(256, gpu_gib=80),
        ),
        "split over the GPUs": (
            Recipe(hardware=Hardware(device_map="auto")),
            SEVEN,
            machine(256, gpu_gib=80),
        ),
        "bf16 weights and 8-bit moments": (
            Recipe(
                task="sft",
                optim="paged_adamw_8bit",
                hardware=Hardware(dtype="bfloat16", gradient_checkpointing=True),
                per_device_train_batch_size=1,
                max_length=512,
                precision="bf16",
                format="transformers",
            ),
            SEVEN,
            machine(256, gpu_gib=80),
        ),
        "four bits, said as transformers says it": (
            Recipe(
                task="sft",
                method="lora",
                adapter=Adapter(r=64),
                hardware=Hardware(load_in_4bit=True, gradient_checkpointing=True),
                per_device_train_batch_size=1,
                precision="bf16",
                format="transformers",
            ),
            SEVEN,
            machine(64, gpu_gib=16),
        ),
    }
    clean = {
        "BERT on a laptop": (Recipe(), BERT, machine(16)),
        "adapters on 7 thousand million": (
            Recipe(task="sft", method="lora", precision="bf16", per_device_train_batch_size=1),
            SEVEN,
            machine(256, gpu_gib=80),
        ),
        "memory not known": (Recipe(), BERT, machine(0)),
    }


def test_only_what_cannot_fit_is_an_error() -> None:
    """States alone above the memory: an error. The estimate above it: a warning with a fix."""
    sure = run_check(does_not_fit, (Recipe(), SEVEN, machine(256, gpu_gib=80))).findings[0]
    assert (sure.severity, sure.confidence) == (Severity.ERROR, Confidence.HIGH)
    large = Recipe(per_device_train_batch_size=64)
    likely = run_check(does_not_fit, (large, BERT, machine(64, gpu_gib=16))).findings[0]
    assert (likely.severity, likely.confidence) == (Severity.WARNING, Confidence.MEDIUM)
    assert {edit.path for edit in likely.fixes[0].edits if hasattr(edit, "path")} == {
        "per_device_train_batch_size",
        "gradient_accumulation_steps",
    }


def test_a_simulated_step_is_judged_by_the_plans_own_numbers() -> None:
    """Sure only where the whole range of error is beyond what there is."""
    here = machine(64, gpu_gib=16)
    far, close, tight = (
        run_check(does_not_fit, (Recipe(), BERT, here, answer)).findings[0]
        for answer in (planned(40), planned(17), planned(17, least=15))
    )
    assert "at least 40.0 GiB" in far.message
    assert (far.severity, far.confidence) == (Severity.ERROR, Confidence.HIGH)
    assert (close.severity, close.confidence) == (Severity.ERROR, Confidence.MEDIUM)
    assert tight.severity is Severity.WARNING
    assert "expandable_segments" in tight.fixes[0].title
