"""Change the first text of a packed row, and see whether the second one notices."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch

from tunewell.core.check import NotRunError
from tunewell.preflight.collate import prepared
from tunewell.preflight.shadow import copy_model, require_copyable
from tunewell.preflight.stage import Probe, Stage, core_of
from tunewell.subjects.isolation import Isolation

MOVED = 1e-3
"""Change of a hidden state, against the spread of all, from which on it was moved: bfloat16 rounds
to 4e-3 of a number, and the same sums in the same order give the same numbers."""

FEWEST = 3
"""Tokens of a text that is worth a look."""

TRIED = 4
"""Rows that are searched for a second text, the shortest first."""


@dataclass(frozen=True, slots=True)
class _Packed:
    """A batch with where the first two texts of one of its rows begin and end."""

    batch: dict[str, Any]
    row: int
    starts: tuple[int, ...]
    end: int
    by: str


def isolation(stage: Stage) -> Isolation:
    """Two forward passes of a copy over a packed row, the second with the first text changed.

    Raises:
        NotRunError: if the model cannot be copied here, or gives no hidden states.
    """
    if stage.task != "causal":
        return Isolation()
    packed = next(iter(_packed(stage)), None)
    if packed is None:
        return Isolation()
    require_copyable(stage.trainer)
    core = core_of(copy_model(stage.trainer.model)).eval()
    base = getattr(core, "base_model", core)
    device = next(core.parameters()).device
    inputs = {
        name: value.to(device) if isinstance(value, torch.Tensor) else value
        for name, value in _cut(packed).items()
    }
    first, second = packed.starts[0], packed.starts[1]
    changed = {**inputs, "input_ids": inputs["input_ids"].clone()}
    ids = changed["input_ids"]
    ids[0, first:second] = _others(ids[0, first:second], ids[0, second:])
    with torch.no_grad():
        before, after = _hidden(base, inputs), _hidden(base, changed)
    mine = before[0, second:].float()
    moved = (after[0, second:].float() - mine).abs().amax(dim=-1)
    spread = float(mine.std()) or 1.0
    return Isolation(
        texts=len(packed.starts),
        by=packed.by,
        length=packed.end - second,
        seen=float((moved > MOVED * spread).float().mean()),
        change=float(moved.max()) / spread,
        attention=str(getattr(core.config, "_attn_implementation", "") or ""),
    )


PROBE = Probe(gives=Isolation, run=isolation)


def _cut(packed: _Packed) -> dict[str, Any]:
    """The row alone, up to the end of its second text: what comes later costs and tells nothing."""
    rows, length = packed.batch["input_ids"].shape
    cut: dict[str, Any] = {}
    for name, value in packed.batch.items():
        if not isinstance(value, torch.Tensor):
            cut[name] = value
        elif value.ndim > 1 and value.shape[:2] == (rows, length):
            cut[name] = value[packed.row : packed.row + 1, : packed.end]
        elif name.startswith("cu_seq_lens"):
            cut[name] = value[value <= packed.end]
        else:
            cut[name] = value
    cut.pop("labels", None)
    return cut


def _hidden(base: Any, inputs: dict[str, Any]) -> torch.Tensor:
    try:
        states = base(**inputs, use_cache=False).last_hidden_state
    except (TypeError, AttributeError) as error:
        message = f"the model's body gives no hidden states for this batch: {error}"
        raise NotRunError(message) from None
    if not isinstance(states, torch.Tensor):
        message = "the model's body gives no hidden states"
        raise NotRunError(message)
    return states


def _others(ids: torch.Tensor, pool: torch.Tensor) -> torch.Tensor:
    """Other tokens in place of these: the second text's, which the embedding surely has."""
    taken = pool[torch.arange(len(ids), device=ids.device) % len(pool)]
    return torch.where(taken == ids, pool[0], taken)


def _packed(stage: Stage) -> Iterator[_Packed]:
    dataset, collator = prepared(stage, stage.train, "train")
    rows = stage.train.rows[::-1]
    alone = [[row] for row in rows[:TRIED]]
    for group in [*alone, list(rows[:2])]:
        try:
            batch = dict(collator([copy.copy(dataset[row]) for row in group]))
        except Exception:  # noqa: BLE001, S112  what the collator raises is told with the batch
            continue
        ids = batch.get("input_ids")
        if not isinstance(ids, torch.Tensor) or ids.ndim != 2:  # noqa: PLR2004  (rows, tokens)
            continue
        for row in range(ids.shape[0]):
            found = _texts(stage, batch, row)
            if found is not None:
                yield found


def _texts(stage: Stage, batch: dict[str, Any], row: int) -> _Packed | None:
    ids, positions = batch["input_ids"], batch.get("position_ids")
    end = ids.shape[1]
    attention = batch.get("attention_mask")
    if isinstance(attention, torch.Tensor) and attention.ndim == 2:  # noqa: PLR2004  as above
        end = int(attention[row].nonzero().max()) + 1
    if isinstance(positions, torch.Tensor) and positions.ndim == 2:  # noqa: PLR2004  as above
        starts = (positions[row, :end] == 0).nonzero().flatten().tolist()
        by = "positions"
    elif getattr(stage.trainer.args, "packing", False) and stage.tokenizer is not None:
        ends = (ids[row, :end] == stage.tokenizer.eos_token_id).nonzero().flatten().tolist()
        starts, by = [0, *(place + 1 for place in ends)], "end tokens"
    else:
        return None
    borders = [*starts, end]
    whole = [a for a, b in itertools.pairwise(borders) if b - a >= FEWEST]
    if len(whole) < 2 or borders[borders.index(whole[0]) + 1] != whole[1]:  # noqa: PLR2004  a pair
        return None
    return _Packed(batch, row, tuple(whole), borders[borders.index(whole[1]) + 1], by)
