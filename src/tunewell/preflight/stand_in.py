"""A small model of the same kind, for a trainer whose own is absent, too large or too slow."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch

from tunewell.core.check import NotRunError
from tunewell.preflight.rows import Chosen, lengths_of
from tunewell.preflight.shadow import NoRoomError, require_copyable
from tunewell.preflight.stage import Stage, core_of
from tunewell.simulate.copies import own_forward

LAYERS = 2
HEADS = 4
HEAD_SIZE = 16
WIDTH = HEADS * HEAD_SIZE

SMALL: Mapping[str, int] = {
    **dict.fromkeys(
        ("num_hidden_layers", "num_layers", "n_layer", "n_layers", "encoder_layers",
         "decoder_layers", "num_decoder_layers", "num_encoder_layers"),
        LAYERS,
    ),
    **dict.fromkeys(
        ("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads",
         "decoder_attention_heads"),
        HEADS,
    ),
    **dict.fromkeys(("hidden_size", "n_embd", "d_model", "dim", "embedding_size",
                       "word_embed_proj_dim"), WIDTH),
    **dict.fromkeys(("head_dim", "d_kv"), HEAD_SIZE),
    **dict.fromkeys(
        ("intermediate_size", "ffn_dim", "d_ff", "n_inner", "hidden_dim", "encoder_ffn_dim",
         "decoder_ffn_dim", "moe_intermediate_size"),
        2 * WIDTH,
    ),
    "num_key_value_heads": 2,
    "num_local_experts": 4,
    "num_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
}  # fmt: skip
"""Sizes of a small model, by the names that transformers' configurations use."""

SCORES = 1e7
"""Scores (tokens times vocabulary) of one step at most: with their gradients 0.2 GB in float32, and
about a second on one core."""

SHORT_ROWS = 4
"""Rows of a step that a small model is given at least, where there are rows so short."""

AT_A_PINCH = 4
"""How much larger a step may be where rows are long, so that there are rows to be split."""

MOST_ROWS = "most rows"
"""The fact of a stage that says how many rows of a step a small model is given."""


STANDS_IN = "tunewell_stands_in"
"""Attribute of a small model that was built where the real one's weights are not at hand."""


def able(stage: Stage) -> tuple[Stage, bool]:
    """A stage that can take a step: this one, or one with a small model, and which it is.

    Raises:
        NotRunError: if neither can.
    """
    try:
        require_copyable(stage.trainer)
    except NoRoomError as reason:
        if "stand-in" not in stage.facts:
            stage.facts["stand-in"] = stand_in(stage, str(reason))
        return stage.facts["stand-in"], True
    return stage, getattr(stage.core, STANDS_IN, False)


def stand_in(stage: Stage, reason: str) -> Stage:
    """The stage with a copy of the trainer around a small model with random weights.

    It has the vocabulary, the head, the adapters, the types and the frozen parts of the real one.

    Raises:
        NotRunError: if no small model of the kind can be built; the text begins with `reason`.
    """
    try:
        model = small_model(stage.trainer.model, stage.core)
        twin = _around(stage.trainer, model)
        core = core_of(model)
        rows, most = _short(stage, core)
    except Exception as error:
        message = f"{reason}, and no small model of its kind could be built: {error}"
        raise NotRunError(message) from error
    return dataclasses.replace(stage, trainer=twin, core=core, train=rows, facts={MOST_ROWS: most})


def small_model(model: Any, core: Any) -> Any:
    """A model of the same class and a small configuration, adapters included."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        config = small_config(core.config)
        small = type(core)._from_config(config, dtype=torch.float32)  # noqa: SLF001  as AutoModel does
        if hasattr(model, "peft_config") and hasattr(model, "get_base_model"):
            small = _with_adapters(small, model)
    alike = dict(model.named_parameters())
    for name, parameter in small.named_parameters():
        if name in alike:
            dtype = alike[name].dtype
            if dtype.is_floating_point:
                parameter.data = parameter.data.to(dtype)
            parameter.requires_grad_(alike[name].requires_grad)
    small.train(model.training)
    if _checkpoints(core):
        small.gradient_checkpointing_enable()
    return small


def _checkpoints(core: Any) -> bool:
    return any(
        getattr(module, "gradient_checkpointing", False) is True for module in core.modules()
    )


def small_config(config: Any) -> Any:
    """The configuration with few and narrow layers; vocabulary, positions and labels stay."""
    small = copy.deepcopy(config)
    for part in (small, *_inner(small)):
        for name, value in SMALL.items():
            old = getattr(part, name, None)
            if isinstance(old, int) and not isinstance(old, bool) and old > value:
                setattr(part, name, value)
        kinds = getattr(part, "layer_types", None)
        if kinds:
            # The last kinds, so that a model of mixed layers keeps its rarer one.
            part.layer_types = list(kinds[-LAYERS:])
        if getattr(part, "quantization_config", None) is not None:
            del part.quantization_config
    small._attn_implementation = "sdpa" if config._attn_implementation != "eager" else "eager"  # noqa: SLF001
    return small


def _inner(config: Any) -> Iterator[Any]:
    for name in ("text_config", "vision_config", "audio_config", "encoder", "decoder"):
        part = getattr(config, name, None)
        if hasattr(part, "to_dict"):
            yield part


def _with_adapters(small: Any, model: Any) -> Any:
    from peft import get_peft_model  # noqa: PLC0415  only where PEFT is in use

    names = list(model.peft_config)
    made = get_peft_model(small, copy.deepcopy(model.peft_config[names[0]]), adapter_name=names[0])
    for name in names[1:]:
        made.add_adapter(name, copy.deepcopy(model.peft_config[name]))
    active = getattr(model, "active_adapters", None) or [model.active_adapter]
    if len(active) == 1:
        made.set_adapter(active[0])
    return made


def _around(trainer: Any, model: Any) -> Any:
    """A copy of the trainer that holds the small model in place of its own."""
    twin = copy.copy(trainer)
    twin.model = twin.model_wrapped = model
    twin.optimizer = twin.lr_scheduler = None
    twin.is_model_parallel = False
    twin.place_model_on_device = True
    if getattr(trainer, "ref_model", None) is not None:
        twin.ref_model = copy.deepcopy(model).requires_grad_(requires_grad=False).eval()
        own_forward(twin.ref_model, trainer.ref_model)
    own_forward(core_of(model), core_of(trainer.model))
    return twin


def _short(stage: Stage, core: Any) -> tuple[Chosen, int]:
    """The rows of which several fit one step over the whole vocabulary, and how many do."""
    chosen = stage.train
    lengths = lengths_of(chosen.dataset, np.array(chosen.rows))
    vocabulary = getattr(core.config.get_text_config(), "vocab_size", None) or 1
    tokens = max(1, int(SCORES / vocabulary))
    kept = [place for place, length in enumerate(lengths) if length * SHORT_ROWS <= tokens]
    if len(kept) < SHORT_ROWS:
        shortest = [int(place) for place in lengths.argsort(kind="stable")[:SHORT_ROWS]]
        few = int(lengths[shortest].max()) * SHORT_ROWS <= AT_A_PINCH * tokens
        kept = sorted(shortest) if few else shortest[:1]
    longest = max(1, int(lengths[kept].max()))
    rows = tuple(chosen.rows[place] for place in kept)
    return dataclasses.replace(chosen, rows=rows), max(len(kept[:SHORT_ROWS]), tokens // longest)
