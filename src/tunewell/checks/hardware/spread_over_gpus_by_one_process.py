"""HW013: one process trains on several GPUs at once."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import (
    Category,
    Confidence,
    Finding,
    Fix,
    Number,
    Safety,
    Severity,
)
from tunewell.facts.recipe import place
from tunewell.facts.weights import is_hugging_face
from tunewell.subjects.machine import Machine
from tunewell.subjects.recipe import Recipe

SPLITTING = frozenset({"auto", "balanced", "balanced_low_0", "sequential"})
REFUSING = frozenset({"sft", "dpo", "kto", "reward", "grpo"})
"""Tasks whose trainers in TRL 1.16 refuse `nn.DataParallel`."""


@check(
    "HW013",
    category=Category.PERFORMANCE,
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    covers=("P15", "P26"),
)
def spread_over_gpus_by_one_process(recipe: Recipe, machine: Machine) -> Iterator[Finding]:
    """One process with several GPUs in sight splits its batches or its model over all of them.

    ## What it finds
    On a machine with several GPUs:

    - a run known to be one process: the Trainer wraps the model in `nn.DataParallel`. That is a
      warning, and an error for the trainers of TRL, which refuse it;
    - the same as information where the recipe does not say how many processes there are;
    - a model that `device_map="auto"` splits over the GPUs, as information: they take turns.

    ## Why it matters
    With `nn.DataParallel` a step learns from as many times the rows as there are GPUs, at a
    learning rate meant for fewer, and is slower than one process for each GPU. A model split by
    `device_map` uses one GPU at a time, and fails with "Expected all tensors to be on the same
    device" where a part of it was left on another.

    ## How it is measured
    By the number of GPUs and of processes. Two or more GPUs and one process is the condition of the
    Trainer itself (`n_gpu > 1`).

    ## Example
    `python train.py` on a machine with four GPUs and a batch size of 8: each batch has 32 rows.

    ## Fix
    Start with `torchrun --nproc_per_node 4 train.py` or `accelerate launch`, or show the process
    one GPU with `CUDA_VISIBLE_DEVICES=0`.

    ## When it is wrong
    When some of the GPUs are hidden from the run, or the model is too large for one of them and
    splitting it is the purpose.

    ## Sources
    `Trainer._wrap_model` of transformers 5.23; `SFTTrainer.__init__` of TRL 1.16 ("does not support
    nn.DataParallel"). Faults P15 and P26 of the catalogue; two GPUs are needed to reproduce them,
    so that the rule alone is tested.
    """
    gpus, processes = machine.gpus or 0, recipe.hardware.world_size
    hardware = recipe.hardware
    if gpus <= 1 or (processes or 1) > 1 or hardware.deepspeed or hardware.fsdp:
        reason = "there is one GPU or none, or a process for each"
        raise NotApplicableError(reason)
    if not is_hugging_face(recipe):
        reason = "what reads the recipe starts a process for each GPU"
        raise NotApplicableError(reason)
    if hardware.device_map in SPLITTING:
        yield _in_turn(recipe, gpus)
    elif not (hardware.load_in_4bit or hardware.load_in_8bit):
        yield _data_parallel(recipe, gpus)


def _launch(gpus: int) -> Fix:
    return Fix(
        title=f"start a process for each GPU: torchrun --nproc_per_node {gpus} ...",
        safety=Safety.MANUAL,
    )


def _in_turn(recipe: Recipe, gpus: int) -> Finding:
    return Finding(
        message=(
            f"device_map={recipe.hardware.device_map!r} splits the model over {gpus} GPUs in one "
            "process: they work one after the other"
        ),
        severity=Severity.INFO,
        where=(place(recipe, "hardware.device_map"),),
        evidence=(Number(name="GPUs", value=gpus, bound="1 for each process"),),
        impact=f"about one {gpus}th of the speed that {gpus} processes have",
        fixes=(_launch(gpus),),
    )


def _data_parallel(recipe: Recipe, gpus: int) -> Finding:
    batch = recipe.per_device_train_batch_size
    refused = recipe.format == "trl" and recipe.task in REFUSING
    known = recipe.hardware.world_size == 1
    start = "" if known else "if it is started by plain python, "
    end = (
        "the trainer of TRL refuses nn.DataParallel"
        if refused
        else f"each batch has {batch * gpus} rows instead of {batch}"
    )
    return Finding(
        message=f"{start}one process trains on {gpus} GPUs, and {end}",
        severity=(Severity.INFO if not known else Severity.ERROR if refused else Severity.WARNING),
        confidence=Confidence.HIGH if known and refused else Confidence.MEDIUM,
        where=(place(recipe, "per_device_train_batch_size"),),
        evidence=(Number(name="GPUs", value=gpus, bound="1 for each process"),),
        impact="the run is refused" if refused else "another batch size than the recipe says",
        fixes=(_launch(gpus),),
    )
