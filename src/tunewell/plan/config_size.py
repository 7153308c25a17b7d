"""The shapes of a model from its config.json alone, where its weights are not at hand.

Counted for the architectures that most fine-tunes use: a stack of layers with attention and a
feed-forward part, one or two stacks of them. On the models of knowledge/models.toml the count is
within 1 % of what transformers builds (tests/plan/test_config_size.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tunewell.plan.memory import ModelSize

Shape = tuple[int, int]

GATED = frozenset(
    {"llama", "mistral", "mixtral", "ministral", "qwen2", "qwen3", "qwen2_moe", "qwen3_moe"}
    | {"gemma", "gemma2", "gemma3", "gemma3_text", "phi3", "smollm3", "olmo", "olmo2", "cohere"}
    | {"cohere2", "granite", "deepseek_v3", "modernbert", "stablelm", "internlm2", "exaone4"}
)
"""Types whose feed-forward part has three matrices, one of them a gate, and no biases."""

FUSED = frozenset({"phi3", "modernbert"})
"""Types that keep query, key and value in one matrix, and gate and up in another."""

ROTARY = GATED | {"t5", "mt5", "deberta-v2", "whisper", "vit", "gpt_neox"}
"""Types without a table of positions that is read from `max_position_embeddings`."""

UNTIED = frozenset({"llama", "mistral", "mixtral", "qwen2", "qwen3", "phi3", "gpt_neox"})
"""Types whose head has weights of its own where config.json does not say."""

NAMES: Mapping[str, tuple[str, str, str, str]] = {
    "bert": ("query", "key", "value", "dense"),
    "roberta": ("query", "key", "value", "dense"),
    "xlm-roberta": ("query", "key", "value", "dense"),
    "vit": ("query", "key", "value", "dense"),
    "deberta-v2": ("query_proj", "key_proj", "value_proj", "dense"),
    "distilbert": ("q_lin", "k_lin", "v_lin", "out_lin"),
    "t5": ("q", "k", "v", "o"),
    "mt5": ("q", "k", "v", "o"),
}
"""How a type calls its four matrices of attention, where not q_proj, k_proj, v_proj, o_proj."""

QK_NORM = frozenset({"qwen3", "qwen3_moe", "gemma3_text"})
FOUR_NORMS = frozenset({"gemma2", "gemma3_text"})


def size_of_config(
    config: Mapping[str, Any], *, task: str = "text-classification"
) -> ModelSize | None:
    """Sizes of the model that config.json describes; None where it does not say them.

    A model of several parts (a language model that also sees) counts as its language model.
    """
    inner = config.get("text_config")
    if isinstance(inner, Mapping):
        config = {**inner, "model_type": inner.get("model_type", config.get("model_type"))}
    kind = str(config.get("model_type", ""))
    hidden = first(config, "hidden_size", "d_model", "n_embd", "dim")
    layers = first(config, "num_hidden_layers", "n_layer", "n_layers", "num_layers")
    layers = layers or first(config, "encoder_layers")
    heads = first(config, "num_attention_heads", "n_head", "n_heads", "num_heads")
    heads = heads or first(config, "encoder_attention_heads")
    if not hidden or not layers or not heads:
        return None
    blocks = list(_blocks(config, kind, hidden, layers, heads))
    weights = sum(count * rows * columns for _, (rows, columns), count, _ in blocks)
    vocabulary = first(config, "vocab_size") or 0
    head = task not in {"text-classification", "token-classification", "embedding"}
    sides: dict[str, int] = {}
    for name, (rows, columns), count, linear in blocks:
        if linear:
            sides[name] = sides.get(name, 0) + count * (rows + columns)
    return ModelSize(
        parameters=weights + _rest(config, kind, hidden, layers, heads, head=head),
        block_parameters=weights,
        block_sides=sum(sides.values()),
        hidden=hidden,
        layers=layers + (_decoder_layers(config) or 0),
        heads=heads,
        vocabulary=vocabulary if head else 0,
        sides=sides,
    )


def first(config: Mapping[str, Any], *names: str) -> int | None:
    """The first of these keys that holds a whole number; None where none does."""
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    return None


def _decoder_layers(config: Mapping[str, Any]) -> int | None:
    """Layers of the second stack; None for a model of one stack."""
    named = first(config, "decoder_layers", "num_decoder_layers")
    if named is None and config.get("model_type") in {"t5", "mt5"}:
        return first(config, "num_layers")
    return named


def _blocks(
    config: Mapping[str, Any], kind: str, hidden: int, layers: int, heads: int
) -> Iterator[tuple[str, Shape, int, bool]]:
    """Matrices of the layers: name, sides, how often, and whether an adapter can be put on."""
    width = first(config, "head_dim", "d_kv") or hidden // heads
    pairs = first(config, "num_key_value_heads") or heads
    ahead = first(config, "intermediate_size", "n_inner", "hidden_dim", "d_ff", "encoder_ffn_dim")
    ahead = ahead or 4 * hidden
    query, key, value, out = NAMES.get(kind, ("q_proj", "k_proj", "v_proj", "o_proj"))
    decoder = _decoder_layers(config)
    attentions = layers + 2 * (decoder or 0)
    stacked = layers + (decoder or 0)
    if kind in FUSED:
        name = "Wqkv" if kind == "modernbert" else "qkv_proj"
        yield name, (hidden, (heads + 2 * pairs) * width), attentions, True
    elif kind == "gpt2":
        yield "c_attn", (hidden, 3 * hidden), attentions, True
    else:
        yield query, (hidden, heads * width), attentions, True
        yield key, (hidden, pairs * width), attentions, True
        yield value, (hidden, pairs * width), attentions, True
    yield ("c_proj" if kind == "gpt2" else out), (heads * width, hidden), attentions, True
    experts = first(config, "num_local_experts", "num_experts", "n_routed_experts")
    if experts:
        ahead = first(config, "moe_intermediate_size") or ahead
        # transformers 5 keeps all experts of a layer in one tensor, which no adapter is put on.
        yield "experts", (hidden, 3 * ahead), stacked * experts, False
        yield "gate", (hidden, experts), stacked, False
    elif kind in FUSED:
        yield "gate_up_proj", (hidden, 2 * ahead), stacked, True
        yield "down_proj", (ahead, hidden), stacked, True
    elif kind in GATED:
        yield "gate_proj", (hidden, ahead), stacked, True
        yield "up_proj", (hidden, ahead), stacked, True
        yield "down_proj", (ahead, hidden), stacked, True
    else:
        yield "fc1", (hidden, ahead), stacked, True
        yield "fc2", (ahead, hidden), stacked, True


def _rest(
    config: Mapping[str, Any], kind: str, hidden: int, layers: int, heads: int, *, head: bool
) -> int:
    """Parameters besides the matrices of the layers: tables, norms, biases and the head."""
    vocabulary = first(config, "vocab_size") or 0
    tables = vocabulary * hidden + (first(config, "type_vocab_size") or 0) * hidden
    tied = config.get("tie_word_embeddings", kind not in UNTIED)
    if head and tied is False:
        tables += vocabulary * hidden
    if kind not in ROTARY:
        positions = first(config, "max_position_embeddings", "n_positions") or 0
        tables += positions * hidden * (2 if _decoder_layers(config) else 1)
    if kind == "deberta-v2":
        tables += 2 * (first(config, "position_buckets") or 0) * hidden
    if kind == "whisper":
        tables += sum(
            (first(config, name) or 0) * hidden
            for name in ("max_source_positions", "max_target_positions")
        )
        tables += 3 * hidden * ((first(config, "num_mel_bins") or 0) + hidden)
    if kind == "vit":
        side = first(config, "patch_size") or 1
        seen = ((first(config, "image_size") or 0) // side) ** 2 + 2
        tables += side**2 * (first(config, "num_channels") or 3) * hidden + seen * hidden
    if kind in {"bert", "roberta", "xlm-roberta", "vit"}:
        tables += hidden * hidden  # the pooler
    width = first(config, "head_dim", "d_kv") or hidden // heads
    pairs = first(config, "num_key_value_heads") or heads
    stacked = layers + (_decoder_layers(config) or 0)
    if kind in GATED or kind in {"t5", "mt5"}:
        norms = (4 if kind in FOUR_NORMS else 2) * hidden
        norms += 2 * width if kind in QK_NORM else 0
        norms += (heads + 2 * pairs) * width if kind == "qwen2" else 0
        return tables + stacked * norms + hidden
    ahead = first(config, "intermediate_size", "n_inner", "hidden_dim", "encoder_ffn_dim")
    return tables + stacked * (9 * hidden + (ahead or 4 * hidden)) + 2 * hidden
