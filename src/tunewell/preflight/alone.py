"""The same rows alone and in one batch: padding must not change what the model answers."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import torch

from tunewell.core.check import NotApplicableError, NotRunError
from tunewell.preflight.collate import prepared
from tunewell.preflight.shadow import shadow
from tunewell.preflight.stage import Probe, Stage
from tunewell.preflight.stand_in import able
from tunewell.preflight.step import enough
from tunewell.preflight.trial import RAISES, align, pad_ids
from tunewell.subjects.row_alone import AloneRow, RowAlone

TASKS = frozenset({"sequence", "token", "preference"})
SHORT, LONG = 4, 2
"""Rows compared: the shortest, which are padded most, beside the longest, which say how far."""


def compare_alone(stage: Stage) -> RowAlone:
    """Ask a copy for the rows one by one and together.

    Raises:
        NotApplicableError: if the outputs belong to no single row.
        NotRunError: if a batch cannot be made.
    """
    if stage.task not in TASKS or "Classification" not in type(stage.core).__name__:
        message = "only the outputs of a classifier or a reward model belong to one row each"
        raise NotApplicableError(message)
    if RAISES in stage.facts:
        message = f"a training step raises {stage.facts[RAISES]}"
        raise NotRunError(message)
    acting, _ = able(stage)
    chosen = acting.train
    order = sorted(chosen.rows, key=lambda row: _tokens(chosen.dataset[row]))
    slow = len(enough(acting, SHORT)) < SHORT
    rows = list(dict.fromkeys([*order[: SHORT // 2 if slow else SHORT], *order[-LONG:]]))
    dataset, collator = prepared(stage, chosen, "train")
    together = collator([dict(dataset[row]) for row in rows])
    single = [collator([dict(dataset[row])]) for row in rows]
    with shadow(acting.trainer, rows, dataset=chosen.dataset) as twin:
        align(twin)
        twin.model.eval()
        try:
            batch = _answers(twin, together)
        except ValueError as error:
            message = f"a batch of several rows raises {error}"
            raise NotRunError(message) from error
        found = []
        for place, row in enumerate(rows):
            alone = _answers(twin, single[place])
            sequences = alone.shape[0]
            for part in range(sequences):
                mine, ids = alone[part], _ids(single[place], part)
                theirs = batch[place + part * len(rows)]
                other = _ids(together, place + part * len(rows))
                start = _start(other, ids)
                if start is None:
                    message = "the collator changes rows from one batch to the next"
                    raise NotRunError(message)
                if stage.task == "token":
                    theirs = theirs[start : start + len(mine)]
                found.append(
                    AloneRow(row, len(ids), len(other) - len(ids), _difference(mine, theirs))
                )
        pads = pad_ids(stage, twin)
    return RowAlone(
        task=stage.task,
        model=type(stage.core).__name__,
        rows=tuple(found),
        precision=str(next(stage.core.parameters()).dtype).removeprefix("torch."),
        pad_ids=pads,
        masked="attention_mask" in together,
        pools=stage.task != "token" and _pools(stage.core),
    )


PROBE = Probe(gives=RowAlone, run=compare_alone)


def _tokens(example: Any) -> int:
    if not isinstance(example, Mapping):
        message = "the rows are not mappings"
        raise NotRunError(message)
    names = ("input_ids", "chosen_ids", "chosen_input_ids")
    return next((len(example[name]) for name in names if name in example), 0)


def _answers(twin: Any, batch: Any) -> torch.Tensor:
    takes = inspect.signature(_body(twin.model).forward).parameters
    given = {k: v for k, v in dict(batch).items() if k in takes and "label" not in k}
    given = twin._prepare_inputs(given)  # noqa: SLF001  as evaluation does
    with torch.no_grad(), twin.compute_loss_context_manager():
        answer = twin.model(**given)
    logits: torch.Tensor = answer["logits"] if hasattr(answer, "keys") else answer[0]
    return logits.float()


def _body(model: Any) -> Any:
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _ids(batch: Any, place: int) -> list[int]:
    ids: list[int] = batch["input_ids"][place].tolist()
    return ids


def _start(padded: list[int], ids: list[int]) -> int | None:
    """Where a row stands in its padded form: padding is on one side."""
    if padded[: len(ids)] == ids:
        return 0
    return len(padded) - len(ids) if padded[len(padded) - len(ids) :] == ids else None


def _difference(one: torch.Tensor, other: torch.Tensor) -> float:
    scale = max(float(one.abs().max()), float(other.abs().max()), 1e-12)
    return float((one - other).abs().max()) / scale


def _pools(model: Any) -> bool:
    # A decoder has no token of its own that stands for the row: transformers takes the last token
    # that is not padding, and asks the configuration which one is.
    return "pad_token_id" in inspect.getsource(type(model).forward) or hasattr(model, "score")
