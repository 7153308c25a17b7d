"""HW015: re-entrant checkpointing and a search for unused parameters exclude each other."""

from __future__ import annotations

from collections.abc import Iterator

from tunewell.core.check import NotApplicableError, check
from tunewell.core.finding import Category, Confidence, Finding, Fix, Safety, Severity, Text
from tunewell.facts.recipe import change, place
from tunewell.facts.weights import is_hugging_face
from tunewell.subjects.recipe import Recipe


@check("HW015", category=Category.CORRECTNESS, severity=Severity.ERROR, covers=("P18",))
def layers_marked_ready_twice(recipe: Recipe) -> Iterator[Finding]:
    """Re-entrant gradient checkpointing runs under DDP with a search for unused parameters.

    ## What it finds
    Gradient checkpointing with `use_reentrant=True` in a run of several processes without FSDP or
    DeepSpeed, where `ddp_find_unused_parameters` is true, or is left unsaid and an adapter is
    trained: transformers then takes it to be true for everything that is no model of its own, and
    a model of PEFT is none.

    ## Why it matters
    The first backward pass ends with "Expected to mark a variable ready only once".

    ## How it is measured
    By the settings. transformers 5.23 takes `use_reentrant=False` where nothing is said; only an
    explicit true is looked at.

    ## Example
    `gradient_checkpointing_kwargs={"use_reentrant": True}`, LoRA, and two GPUs with torchrun.

    ## Fix
    `use_reentrant=False`, which computes the same.

    ## When it is wrong
    With `ddp_static_graph`, or where a trainer wraps the model by itself.

    ## Sources
    `Trainer._build_accelerator_args` of transformers 5.23; fault P18 of the catalogue, reproduced
    with `DistributedDataParallel` in one process on the CPU.
    """
    hardware = recipe.hardware
    if (hardware.world_size or 1) <= 1 or hardware.deepspeed or hardware.fsdp:
        reason = "the model is not wrapped in DistributedDataParallel"
        raise NotApplicableError(reason)
    searched = hardware.ddp_find_unused_parameters
    if searched is None:
        searched = recipe.adapter is not None and is_hugging_face(recipe)
    if not (hardware.gradient_checkpointing and hardware.use_reentrant and searched):
        return
    said = hardware.ddp_find_unused_parameters
    yield Finding(
        message=(
            "re-entrant checkpointing goes over each layer twice, and the search for unused "
            "parameters allows once: the first backward pass fails"
        ),
        confidence=Confidence.HIGH if said else Confidence.MEDIUM,
        where=(
            place(recipe, "hardware.use_reentrant"),
            place(recipe, "hardware.ddp_find_unused_parameters"),
        ),
        evidence=(
            Text(
                name="ddp_find_unused_parameters",
                text="true" if said else "not given, and true for a model of PEFT",
            ),
        ),
        impact="the run ends at its first step",
        fixes=(
            Fix(
                title="set use_reentrant to false",
                safety=Safety.SAFE,
                edits=(change(recipe, "hardware.use_reentrant", new=False),),
            ),
        ),
    )
