"""Rehearse a trainer: every probe over a sample of its rows, and its parts as subjects."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tunewell.core.check import NotApplicableError, NotRunError
from tunewell.preflight import (
    alone,
    collate,
    equivalences,
    evaluate,
    isolation,
    live_dataset,
    negatives,
    reference,
    round_trip,
    setup,
    step,
    targets,
    trial,
    vectors,
    words,
)
from tunewell.preflight.arguments import recipe_of
from tunewell.preflight.rows import choose
from tunewell.preflight.stage import Probe, Stage, core_of, task_of
from tunewell.readers.output_folder import read_output_folder
from tunewell.subjects.checkpoint import Checkpoint
from tunewell.subjects.model_state import ModelState
from tunewell.subjects.output_folder import OutputFolder
from tunewell.subjects.recipe import Recipe
from tunewell.train.quiet import quiet

PROBES: tuple[Probe, ...] = (
    collate.PROBE,
    live_dataset.PROBE,
    targets.PROBE,
    words.PROBE,
    negatives.PROBE,
    vectors.PROBE,
    isolation.PROBE,
    setup.PROBE,
    trial.PROBE,
    alone.PROBE,
    evaluate.PROBE,
    step.PROBE,
    equivalences.PROBE,
    reference.PROBE,
    round_trip.PROBE,
)
"""Every part of a rehearsal, the cheapest first."""


@dataclass(slots=True)
class Rehearsal:
    """Subjects, why some are missing or have no place here, and the seconds that each part took."""

    subjects: list[object] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    inapplicable: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)


def rehearse(trainer: Any, *, resume: str | bool | None = None) -> Rehearsal:
    """Run every probe over the trainer, which stays as it is, like all random states.

    Args:
        trainer: a Hugging Face trainer or one built on it (TRL, sentence-transformers).
        resume: what its `train` is given for `resume_from_checkpoint`.
    """
    rehearsal = Rehearsal()
    with quiet(_threads(trainer.model)):
        stage = stage_of(trainer)
        recipe = recipe_of(trainer, resume=resume)
        rehearsal.subjects += (recipe, _surroundings(recipe))
        if stage is not None:
            rehearsal.subjects.append(checkpoint_of(stage))
        for probe in PROBES:
            name = probe.gives.__name__
            started = time.perf_counter()
            if stage is None:
                rehearsal.missing[name] = (
                    "the training set is empty or can be walked through only once"
                )
                continue
            if probe.steps and _raised(rehearsal):
                rehearsal.missing[name] = "the first step raises, which another check tells"
                continue
            try:
                rehearsal.subjects.append(probe.run(stage))
            except NotApplicableError as reason:
                rehearsal.inapplicable[name] = str(reason)
            except NotRunError as reason:
                rehearsal.missing[name] = str(reason)
            except Exception as error:  # noqa: BLE001  a rehearsal never breaks the user's program
                first = stage.facts.get(trial.RAISES)
                rehearsal.missing[name] = (
                    f"the rehearsal failed: {collate.told(error)}"
                    if first is None
                    else f"a training step raises {first}"
                )
            rehearsal.seconds[name] = time.perf_counter() - started
    if stage is None and trial.is_empty(trainer.train_dataset):
        rehearsal.subjects.append(trial.without_rows(trainer))
    return rehearsal


SMALL = 50_000_000
"""Values of a model up to which a step takes one thread.

Threads that wait for each other on a busy machine cost far more than they save there: a LoRA step
of a tiny Llama took 10 ms a layer on two threads beside another program, and 0.1 ms on one.
"""


def _threads(model: Any) -> int | None:
    """Threads for the rehearsal; None leaves torch's own number."""
    return 1 if sum(parameter.numel() for parameter in model.parameters()) <= SMALL else None


def _surroundings(recipe: Recipe) -> OutputFolder:
    """What already lies where the run will write, and where its model comes from."""
    resumed = recipe.saving.resume_from_checkpoint
    return read_output_folder(
        Path(recipe.saving.output_dir or "."),
        model=Path(recipe.model) if recipe.model else None,
        resumed=Path(resumed) if isinstance(resumed, str) else None,
    )


def _raised(rehearsal: Rehearsal) -> bool:
    return any(isinstance(s, ModelState) and s.raised is not None for s in rehearsal.subjects)


def stage_of(trainer: Any) -> Stage | None:
    """The trainer with the rows to look at; None where the training set cannot be looked at."""
    core = core_of(trainer.model)
    train = choose(first_of(trainer.train_dataset))
    if train is None:
        return None
    return Stage(
        trainer=trainer,
        task=task_of(trainer, core),
        core=core,
        train=train,
        evaluation=choose(first_of(getattr(trainer, "eval_dataset", None))),
    )


def first_of(dataset: Any) -> Any:
    """The data set, or the first of several by name."""
    return next(iter(dataset.values()), None) if isinstance(dataset, dict) else dataset


def checkpoint_of(stage: Stage) -> Checkpoint:
    """The live model and tokenizer as a saved folder would show them."""
    core, tokenizer = stage.core, stage.tokenizer
    config = core.config.to_dict() if hasattr(core, "config") else {}
    special: dict[str, str] = {}
    if tokenizer is not None and hasattr(tokenizer, "special_tokens_map"):
        special = {k: v for k, v in tokenizer.special_tokens_map.items() if isinstance(v, str)}
    template = getattr(tokenizer, "chat_template", None)
    return Checkpoint(
        path=Path(str(config.get("_name_or_path") or getattr(core, "name_or_path", "") or "model")),
        config={"architectures": [type(core).__name__], **config},
        tensors={name: tuple(tensor.shape) for name, tensor in core.named_parameters()},
        max_length=None,
        chat_template=template if isinstance(template, str) else None,
        special_tokens=special,
        added_tokens=tuple(tokenizer.get_added_vocab())
        if hasattr(tokenizer, "get_added_vocab")
        else (),
    )
