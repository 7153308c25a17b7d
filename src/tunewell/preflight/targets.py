"""The labels of a model with a decoder of its own, and the inputs that its decoder gets."""

from __future__ import annotations

from typing import Any

from tunewell.core.check import NotApplicableError, NotRunError
from tunewell.preflight.collate import prepared
from tunewell.preflight.stage import Probe, Stage
from tunewell.subjects.targets import TargetRow, Targets

ROWS = 16


def look_at_targets(stage: Stage) -> Targets:
    """Collate some rows at the real batch size and keep what the decoder sees.

    Raises:
        NotApplicableError: if the model has no decoder of its own, or its labels are no tokens.
        NotRunError: if the rows make no batch.
    """
    config = getattr(stage.core, "config", None)
    if not getattr(config, "is_encoder_decoder", False):
        message = "the model has no encoder and decoder of its own"
        raise NotApplicableError(message)
    dataset, collator = prepared(stage, stage.train, "train")
    size = max(1, stage.trainer.args.train_batch_size)
    picked = [*stage.train.rows[: ROWS // 2], *stage.train.rows[-ROWS // 2 :]]
    rows = list(dict.fromkeys(picked))
    found: list[TargetRow] = []
    for start in range(0, len(rows), size):
        group = rows[start : start + size]
        try:
            batch = collator([dict(dataset[row]) for row in group])
        except Exception as error:
            message = "the collator fails on these rows"
            raise NotRunError(message) from error
        found += _found(batch, group, stage.tokenizer)
    if not found:
        message = "the batches have no labels of one token after another"
        raise NotApplicableError(message)
    return Targets(
        model=type(stage.core).__name__,
        collator=type(stage.trainer.data_collator).__name__,
        rows=tuple(found),
        pad=getattr(config, "pad_token_id", None),
        start=getattr(config, "decoder_start_token_id", None),
        end=getattr(config, "eos_token_id", None),
        shifts=hasattr(stage.core, "prepare_decoder_input_ids_from_labels")
        or "Whisper" in type(stage.core).__name__,
    )


PROBE = Probe(gives=Targets, run=look_at_targets)


def _found(batch: Any, group: list[int], tokenizer: Any) -> list[TargetRow]:
    labels, given = batch.get("labels"), batch.get("decoder_input_ids")
    if labels is None or getattr(labels, "ndim", 0) != 2 or len(labels) != len(group):  # noqa: PLR2004
        return []
    return [
        TargetRow(
            index=row,
            labels=tuple(labels[place].tolist()),
            given=None if given is None else tuple(given[place].tolist()),
            pieces=tuple(_piece(tokenizer, token) for token in labels[place].tolist()),
        )
        for place, row in enumerate(group)
    ]


def _piece(tokenizer: Any, token: int) -> str:
    if token < 0:
        return ""
    try:
        return str(tokenizer.decode([token]))
    except Exception:  # noqa: BLE001  without a tokenizer, or of an id that it does not know
        return str(token)
