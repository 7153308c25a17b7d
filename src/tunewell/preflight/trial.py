"""The first training batch up to its loss, on a copy: what it holds, and what is raised on the way.

The step-one proof needs a step that works. This probe says why one does not.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch

from tunewell.core.check import NotRunError
from tunewell.preflight.head import head_of
from tunewell.preflight.raised import INSTALLED, raised
from tunewell.preflight.shadow import shadow
from tunewell.preflight.stage import Probe, Stage, core_of, task_of
from tunewell.preflight.stand_in import able
from tunewell.preflight.step import enough
from tunewell.subjects.first_step import Column, FirstStep, Raised

RAISES = "first step raises"
"""Key of `Stage.facts`: what the first step raised. Later probes have nothing to look at then."""

TABLE = 2
"""Dimensions from which on a cell is more than a value or a list."""


def try_step(stage: Stage) -> FirstStep:
    """Collate the first batch and compute its loss on a copy, without a step.

    Raises:
        NotRunError: if neither the model nor a small one like it can be tried here, or each step
            would write text first.
    """
    if stage.task == "prompt":
        message = "every step of this trainer begins by generating text"
        raise NotRunError(message)
    acting, _ = able(stage)
    trainer = acting.trainer
    rows = enough(acting, max(1, trainer.args.train_batch_size))
    seen = _Seen()
    with shadow(trainer, rows, dataset=acting.train.dataset) as twin:
        twin._train_batch_size = len(rows)  # noqa: SLF001  the trainer's own
        align(twin)
        pads = pad_ids(stage, twin)
        seen.run(twin)
    if seen.raised is not None:
        stage.facts[RAISES] = seen.raised
    own = type(trainer).compute_loss
    return FirstStep(
        task=stage.task,
        trainer=type(trainer).__name__,
        model=type(stage.core).__name__,
        batch_size=len(rows),
        columns=_columns(stage),
        accepted=tuple(inspect.signature(stage.core.forward).parameters),
        label_names=tuple(trainer.label_names),
        removes=bool(trainer.args.remove_unused_columns),
        grouped=getattr(trainer.args, "train_sampling_strategy", "") == "group_by_length",
        own_loss=trainer.compute_loss_func is not None
        or not own.__code__.co_filename.startswith(INSTALLED),
        inputs=seen.inputs,
        outputs=seen.outputs,
        raised=seen.raised,
        collating=seen.collating,
        loss=seen.loss,
        head=head_of(stage),
        pad_ids=pads,
    )


PROBE = Probe(gives=FirstStep, run=try_step)


def is_empty(dataset: Any) -> bool:
    """Whether a data set says that it has no row."""
    return hasattr(dataset, "__len__") and len(dataset) == 0


def without_rows(trainer: Any) -> FirstStep:
    """What there is to say of a trainer that has nothing to learn from."""
    core = core_of(trainer.model)
    return FirstStep(
        task=task_of(trainer, core),
        trainer=type(trainer).__name__,
        model=type(core).__name__,
        batch_size=max(1, trainer.args.train_batch_size),
        empty=True,
    )


def align(twin: Any) -> None:
    """Give the copy's configuration the tokenizer's special tokens, as `train` begins by doing."""
    from transformers import PreTrainedTokenizerBase, ProcessorMixin  # noqa: PLC0415  with torch
    from transformers.trainer_utils import align_special_tokens  # noqa: PLC0415

    tokens = getattr(twin, "processing_class", None)
    if isinstance(tokens, PreTrainedTokenizerBase | ProcessorMixin) and hasattr(
        twin.model, "config"
    ):
        align_special_tokens(twin.model, tokens)


class _Seen:
    """What happened on the way to the loss."""

    def __init__(self) -> None:
        self.inputs: dict[str, tuple[int, ...]] = {}
        self.outputs: dict[str, tuple[int, ...]] = {}
        self.raised: Raised | None = None
        self.collating = True
        self.loss: float | None = None

    def run(self, twin: Any) -> None:
        """Collate and compute the loss."""
        try:
            batch = next(iter(twin.get_train_dataloader()))
            self.collating = False
            self.inputs = shapes(batch)
            twin.model.train()
            count = twin._get_num_items_in_batch([batch], twin.args.device)  # noqa: SLF001  as training does
            batch = twin._prepare_inputs(batch)  # noqa: SLF001  as training does
            with twin.compute_loss_context_manager(), torch.enable_grad():
                handle = twin.model.register_forward_hook(self._answered)
                try:
                    loss = twin.compute_loss(twin.model, batch, num_items_in_batch=count)
                finally:
                    handle.remove()
            self.loss = float(loss.detach().float())
        except Exception as error:  # noqa: BLE001  the user's own code; what it raises is the finding
            self.raised = raised(error)

    def _answered(self, module: Any, given: Any, answer: Any) -> None:  # noqa: ARG002  torch's hook
        self.outputs = shapes(answer)


def shapes(things: Any) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor by its name, or by its place where things have none."""
    if isinstance(things, Mapping) or hasattr(things, "items"):
        items = list(things.items())
    elif isinstance(things, list | tuple):
        items = [(str(place), value) for place, value in enumerate(things)]
    else:
        items = [("0", things)]
    return {str(k): tuple(v.shape) for k, v in items if isinstance(v, torch.Tensor)}


def pad_ids(stage: Stage, twin: Any) -> tuple[int | None, int | None]:
    """The padding token of the tokenizer and that of the copied model."""
    collator = getattr(stage.trainer.data_collator, "tokenizer", None)
    tokens = stage.tokenizer if stage.tokenizer is not None else collator
    config: Any = getattr(twin.model, "config", None)
    config = config.get_text_config() if hasattr(config, "get_text_config") else config
    return getattr(tokens, "pad_token_id", None), getattr(config, "pad_token_id", None)


def _columns(stage: Stage) -> tuple[Column, ...]:
    rows = [(row, stage.train.dataset[row]) for row in stage.train.rows]
    if not all(isinstance(example, Mapping) for _, example in rows):
        return ()
    names = list(dict.fromkeys(name for _, example in rows for name in example))
    kept = _kept(stage, names)
    return tuple(_column(name, rows, kept=name in kept) for name in names)


def _kept(stage: Stage, names: list[str]) -> set[str]:
    trainer = stage.trainer
    if not trainer.args.remove_unused_columns:
        return set(names)
    before = trainer._signature_columns  # noqa: SLF001  a cache, put back below
    try:
        trainer._set_signature_columns_if_needed()  # noqa: SLF001  the trainer's own rule
        columns = trainer._signature_columns  # noqa: SLF001
    finally:
        trainer._signature_columns = before  # noqa: SLF001
    return set(names) if columns is None else set(names) & set(columns)


def _column(name: str, rows: list[tuple[int, Any]], *, kept: bool) -> Column:
    cells = [(row, example.get(name)) for row, example in rows]
    lengths = sorted(
        (len(cell), row)
        for row, cell in cells
        if isinstance(cell, list | tuple) or (hasattr(cell, "shape") and len(cell.shape) == 1)
    )
    return Column(
        name=name,
        kind=next((kind(cell) for _, cell in cells if cell is not None), "other"),
        kept=kept,
        shortest=lengths[0] if lengths else None,
        longest=lengths[-1] if lengths else None,
    )


def kind(cell: Any) -> str:
    """What a cell holds, in the words of `Column.kind`."""
    if hasattr(cell, "shape") and hasattr(cell, "tolist"):
        return kind(cell.tolist()) if len(cell.shape) < TABLE else "tensor"
    if isinstance(cell, str):
        return "text"
    if isinstance(cell, bool | int):
        return "whole"
    if isinstance(cell, float):
        return "real"
    if isinstance(cell, list | tuple):
        inner = kind(cell[0]) if cell else "other"
        return f"list of {inner}" if inner in {"text", "whole", "real"} else "other"
    return "other"
