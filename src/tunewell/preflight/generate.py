"""What a trainer that is judged by its texts writes: how long it may, and alone or in a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from tunewell.preflight.collate import prepared
from tunewell.preflight.rows import MEASURED
from tunewell.preflight.stage import Stage
from tunewell.subjects.rehearsed_evaluation import Generated

DEFAULT_LIMIT = 20
"""What `generate` takes where nobody says how long a text may be."""

WRITTEN = 32
"""Tokens written in a rehearsal at most: the shapes do not depend on more."""

IGNORED = -100

COMPARED = 4
COMPARED_TOKENS = 8


def limit_of(trainer: Any) -> int:
    """The most tokens that evaluation lets the model write, as `generate` works it out."""
    settings = trainer.model.generation_config
    if settings.max_new_tokens is not None:
        return int(settings.max_new_tokens) + 1
    own = getattr(trainer.args, "generation_max_length", None)
    return int(own or settings.max_length or DEFAULT_LIMIT)


def shorten(twin: Any, dataset: Any, rows: Sequence[int]) -> None:
    """Have a copied trainer write no more than `WRITTEN` tokens."""
    settings = twin.model.generation_config
    longest = WRITTEN
    if not twin.model.config.is_encoder_decoder:
        longest += max(_length(dataset[row], "input_ids") for row in rows)
    if settings.max_new_tokens is not None:
        settings.max_new_tokens = min(settings.max_new_tokens, WRITTEN)
    elif limit_of(twin) > longest:
        object.__setattr__(twin.args, "generation_max_length", longest)


def generated(stage: Stage, twin: Any, rows: Sequence[int]) -> Generated:
    """How long texts may be and should be, and whether a batch writes what each row alone does."""
    assert stage.evaluation is not None  # noqa: S101  the caller has an evaluation set
    decoder_only = not getattr(twin.model.config, "is_encoder_decoder", False)
    differs: tuple[int, ...] = ()
    compared, left, told = 0, None, 0
    if decoder_only:
        compared, differs, left, told = _compare(stage, twin, rows)
    return Generated(
        limit=limit_of(stage.trainer),
        targets=_targets(stage.evaluation.dataset),
        decoder_only=decoder_only,
        compared=compared,
        differs=differs,
        left_padded=left,
        answers_given=told,
    )


def _compare(
    stage: Stage, twin: Any, rows: Sequence[int]
) -> tuple[int, tuple[int, ...], bool | None, int]:
    """Rows compared, those that differ, whether padding is on the left, rows with their answer."""
    assert stage.evaluation is not None  # noqa: S101  as above
    dataset, collator = prepared(stage, stage.evaluation, "eval")
    order = sorted(rows, key=lambda row: _length(dataset[row], "input_ids"))
    picked = list(dict.fromkeys([*order[: COMPARED - 1], order[-1]]))
    together = collator([dict(dataset[row]) for row in picked])
    mask = together.get("attention_mask")
    left = None
    if mask is not None and not bool(mask.all()):
        left = bool(mask[:, -1].all())
    texts = _write(twin, together)
    differs = []
    for place, row in enumerate(picked):
        alone = _write(twin, collator([dict(dataset[row])]))
        if alone[0] != texts[place]:
            differs.append(row)
    return len(picked), tuple(differs), left, _answers_given(together)


def _answers_given(batch: Any) -> int:
    """Rows whose answer stands in the tokens that the model is to continue.

    Either the labels are the tokens at the same places, as in rows for training, or the prompt ends
    with all of them.
    """
    if "labels" not in batch or "input_ids" not in batch:
        return 0
    asked, labels = np.asarray(batch["input_ids"]), np.asarray(batch["labels"])
    known = np.asarray(batch["attention_mask"] if "attention_mask" in batch else asked * 0 + 1) == 1
    count = 0
    for prompt, seen, row in zip(asked, known, labels, strict=True):
        places = row != IGNORED
        answer = row[places]
        if not len(answer):
            continue
        aligned = len(prompt) == len(row) and bool((prompt[places] == answer).all())
        text = prompt[seen]
        ends = len(text) >= len(answer) and bool((text[len(text) - len(answer) :] == answer).all())
        count += aligned or ends
    return count


def _write(twin: Any, batch: Any) -> list[list[int]]:
    given = {name: batch[name] for name in ("input_ids", "attention_mask") if name in batch}
    given = twin._prepare_inputs(given)  # noqa: SLF001  as evaluation does
    twin.model.eval()
    with torch.no_grad():
        made = twin.model.generate(
            **given, max_new_tokens=COMPARED_TOKENS, do_sample=False, num_beams=1
        )
    ends = twin.model.generation_config.eos_token_id
    known = set(ends) if isinstance(ends, list) else {ends}
    texts = []
    for row in made[:, given["input_ids"].shape[1] :].tolist():
        end = next((at for at, token in enumerate(row) if token in known), len(row))
        texts.append(row[:end])
    return texts


def _targets(dataset: Any) -> tuple[int, ...]:
    count = len(dataset)
    rows = np.arange(count)
    if count > MEASURED:
        rows = np.sort(np.random.default_rng(0).choice(count, MEASURED, replace=False))
    return tuple(_length(dataset[int(row)], "labels", known=True) for row in rows)


def _length(example: Any, name: str, *, known: bool = False) -> int:
    cell = example.get(name) if isinstance(example, Mapping) else None
    if cell is None or not hasattr(cell, "__len__"):
        return 0
    values = np.asarray(cell)
    return int((values != IGNORED).sum()) if known else len(values)
