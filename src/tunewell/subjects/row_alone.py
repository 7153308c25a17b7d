"""The same rows by themselves and in one padded batch: the answers must agree."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AloneRow:
    """One row: its 0-based number, its tokens, and the largest difference of its outputs.

    `padding` are the tokens that the batch added. `difference` is relative to the largest output.
    """

    index: int
    tokens: int
    padding: int
    difference: float


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class RowAlone:
    """Outputs of the model for rows alone against the same rows in a batch, without dropout.

    `precision` is that of the weights ("float32", "bfloat16" ...). `pad_ids` are the padding token
    of the tokenizer and that of the model's configuration after training has begun. `masked` tells
    whether the batch has an attention mask. `pools` tells whether the model finds the end of a row
    by its padding token.
    """

    task: str
    model: str
    rows: tuple[AloneRow, ...]
    precision: str
    pad_ids: tuple[int | None, int | None] = (None, None)
    masked: bool = True
    pools: bool = False
