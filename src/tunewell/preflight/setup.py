"""The model as it stands before the first step: types, adapters, new parts, new tokens."""

from __future__ import annotations

import collections
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tunewell.preflight.loss import has_own_loss
from tunewell.preflight.stage import Probe, Stage
from tunewell.subjects.setup import AdapterState, NewTensor, NewTokens, Setup, TensorGroup

LAYERS_KEPT = 8
TEXTS_KEPT = 8

ADAPTER_PARTS = re.compile(
    r"\.(lora_|ia3_|vera_|adalora_|hada_|lokr_|oft_|boft_|hra_|fourierft_|trainable_tokens_|"
    r"modules_to_save\.|prompt_encoder|prompt_embeddings|base_layer\.weight_format)"
)
"""Parameters that an adapter adds."""

HEADS = ("classifier", "score", "classification_head", "qa_outputs", "lm_head", "out_proj")
"""Names of output layers in transformers."""


def look(stage: Stage) -> Setup:
    """Read the model's parts off the live trainer."""
    trainer, core = stage.trainer, stage.core
    config = getattr(core, "config", None)
    named = list(trainer.model.named_parameters())
    quantised, linear = _linear_layers(core)
    embedding = _call(core, "get_input_embeddings")
    saved = _saved_config(core)
    return Setup(
        model=type(core).__name__,
        task=stage.task,
        groups=_groups(named),
        adapters=_adapters(trainer.model, named),
        new_tensors=_new_tensors(named, _resized(core, saved)),
        new_tokens=_new_tokens(stage, saved),
        embedding_rows=_rows(embedding),
        tokens=_size(stage.tokenizer),
        tied=_tied(core, embedding),
        head_rows=_head_rows(core) if stage.task in {"sequence", "token"} else None,
        labels=getattr(config, "num_labels", None) if stage.task in {"sequence", "token"} else None,
        saved_head=_saved_head(saved, core),
        quantisation=_quantisation(core),
        quantised_layers=quantised,
        linear_layers=linear,
        devices={str(k): str(v) for k, v in (getattr(core, "hf_device_map", None) or {}).items()},
        autocast=_autocast(trainer),
        rounds_well=_rounds_well(trainer),
        own_loss=has_own_loss(trainer, core),
        without_weights=any(parameter.device.type == "meta" for _, parameter in named),
    )


PROBE = Probe(gives=Setup, run=look)


def is_new(parameter: Any) -> bool:
    """Whether no file gave a parameter its value, in a model that was loaded from files."""
    # transformers marks what it loads, so that its own initialisation leaves it alone.
    return not getattr(parameter, "_is_hf_initialized", False)


def _groups(named: Iterable[tuple[str, Any]]) -> tuple[TensorGroup, ...]:
    groups: dict[tuple[str, bool], list[tuple[str, int]]] = collections.defaultdict(list)
    for name, parameter in named:
        key = (str(parameter.dtype).removeprefix("torch."), bool(parameter.requires_grad))
        groups[key].append((name.rpartition(".")[0], parameter.numel()))
    return tuple(
        TensorGroup(
            dtype=dtype,
            trainable=trainable,
            tensors=len(found),
            values=sum(size for _, size in found),
            layers=tuple(dict.fromkeys(layer for layer, _ in found))[:LAYERS_KEPT],
        )
        for (dtype, trainable), found in sorted(groups.items())
    )


def _adapters(model: Any, named: list[tuple[str, Any]]) -> tuple[AdapterState, ...]:
    configs = getattr(model, "peft_config", None)
    if not configs or not hasattr(model, "get_base_model"):
        return ()
    active = getattr(model, "active_adapters", None) or [model.active_adapter]
    found: list[AdapterState] = []
    for name, config in configs.items():
        part = re.compile(rf"\.{re.escape(name)}(\.|$)")
        own = [p for place, p in named if part.search(place)]
        targets = getattr(config, "target_modules", None)
        listed = () if targets is None or isinstance(targets, str) else tuple(sorted(targets))
        found.append(
            AdapterState(
                name=name,
                kind=str(getattr(config.peft_type, "value", config.peft_type)).lower(),
                active=name in active,
                tensors=len(own),
                trainable=sum(bool(p.requires_grad) for p in own),
                loaded=bool(config.inference_mode),
                task_type=None
                if config.task_type is None
                else str(getattr(config.task_type, "value", config.task_type)),
                targets=listed,
                unmatched=_unmatched(model, listed),
                modules_to_save=tuple(getattr(config, "modules_to_save", None) or ()),
            )
        )
    return tuple(found)


def _unmatched(model: Any, targets: tuple[str, ...]) -> tuple[str, ...]:
    """Targets that are the whole name or the end of the name of no module."""
    wrapper = re.compile(r"\.(base_layer|original_module|modules_to_save\.[^.]+)(?=\.|$)")
    names = {wrapper.sub("", name) for name, _ in model.get_base_model().named_modules()}
    return tuple(
        target
        for target in targets
        if not any(name == target or name.endswith(f".{target}") for name in names)
    )


def _resized(core: Any, saved: Mapping[str, Any] | None) -> frozenset[int]:
    """Parameters of the output layer over the vocabulary, where it was probably resized.

    `resize_token_embeddings` makes a new output layer with the old rows in it, and nothing marks
    them as loaded. Without the configuration of the model's folder, that is what is supposed: a
    file without this layer is rare, and its first loss is at chance.
    """
    embedding, output = (_call(core, f"get_{side}_embeddings") for side in ("input", "output"))
    rows = _rows(embedding)
    if output is None or rows is None or is_new(embedding.weight):
        return frozenset()
    known = None if saved is None else _text(saved).get("vocab_size")
    if rows == known:
        return frozenset()
    return frozenset(id(parameter) for parameter in output.parameters())


def _new_tensors(
    named: list[tuple[str, Any]], resized: frozenset[int]
) -> tuple[NewTensor, ...] | None:
    if all(is_new(parameter) for _, parameter in named):
        return None
    trained = {name for name, parameter in named if parameter.requires_grad}
    found: list[NewTensor] = []
    for name, parameter in named:
        if not is_new(parameter) or id(parameter) in resized or ADAPTER_PARTS.search(name):
            continue
        plain = name.replace(".original_module.", ".").replace(".base_layer.", ".")
        owner = plain.rpartition(".")[0]
        copies = (f"{owner}.modules_to_save.", f"{owner}.token_adapter.")
        found.append(
            NewTensor(
                name=plain.removeprefix("base_model.model."),
                trained=name in trained or any(other.startswith(copies) for other in trained),
                adapted=any(other.startswith(f"{owner}.lora_") for other in trained),
            )
        )
    return tuple(found)


def _new_tokens(stage: Stage, saved: Mapping[str, Any] | None) -> NewTokens | None:
    """The tokenizer's tokens that the model's folder has no trained row for."""
    tokenizer = stage.tokenizer
    if saved is None or not hasattr(tokenizer, "get_vocab"):
        return None
    folder = Path(stage.core.name_or_path)
    known = _saved_tokens(folder)
    rows = _text(saved).get("vocab_size")
    vocabulary = tokenizer.get_vocab()
    if known is not None:
        new = {token: at for token, at in vocabulary.items() if token not in known}
    elif isinstance(rows, int):
        new = {token: at for token, at in vocabulary.items() if at >= rows}
    else:
        return None
    # A tokenizer that shares little with the model's own is another tokenizer, not an extended one.
    if not new or len(new) > len(vocabulary) / 2:
        return None
    ids = frozenset(new.values())
    embedding = _call(stage.core, "get_input_embeddings")
    output = _call(stage.core, "get_output_embeddings")
    embedded = _rows_trained(embedding, ids)
    follows = embedded and _tied(stage.core, embedding)
    return NewTokens(
        ids=ids,
        texts=tuple(sorted(new, key=new.__getitem__))[:TEXTS_KEPT],
        embedded=embedded,
        predicted=None if output is None else follows or _rows_trained(output, ids),
    )


def _rows_trained(module: Any, ids: frozenset[int]) -> bool:
    """Whether the rows of these tokens are trained, by themselves or through an adapter."""
    if module is None or not any(p.requires_grad for p in module.parameters()):
        return False
    chosen = getattr(module, "token_adapter", None)
    if chosen is None:
        return True
    return ids <= set(itertools.chain.from_iterable(chosen.token_indices.values()))


def _saved_tokens(folder: Path) -> frozenset[str] | None:
    """The tokens of the tokenizer that lies beside the model's weights."""
    try:
        saved = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
        vocabulary = saved["model"]["vocab"]
        words = vocabulary if isinstance(vocabulary, dict) else [entry[0] for entry in vocabulary]
        added = [entry["content"] for entry in saved.get("added_tokens", ())]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None
    return frozenset(words) | frozenset(added)


def _saved_config(core: Any) -> dict[str, Any] | None:
    """config.json of the folder that the model was loaded from; no hub is asked."""
    name = getattr(core, "name_or_path", "")
    if not name:
        return None
    try:
        read = json.loads((Path(name) / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) else None


def _text(config: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = config.get("text_config")
    return inner if isinstance(inner, Mapping) and "vocab_size" in inner else config


def _saved_head(saved: Mapping[str, Any] | None, core: Any) -> int | None:
    """Classes of the trained head in the folder, where this model's head is a new one."""
    if saved is None or type(core).__name__ not in (saved.get("architectures") or ()):
        return None
    new = [name for name, p in core.named_parameters() if is_new(p) and name.split(".")[0] in HEADS]
    if not new or "Classification" not in type(core).__name__:
        return None
    return len(saved.get("id2label") or (0, 1))


def _head_rows(core: Any) -> int | None:
    """Outputs of the last linear layer named as a head."""
    rows: int | None = None
    for name, module in core.named_modules():
        if name.split(".")[0] not in HEADS[:3]:
            continue
        inner = getattr(module, "original_module", module)
        out = getattr(inner, "out_features", None)
        rows = int(out) if isinstance(out, int) else rows
    return rows


def _linear_layers(core: Any) -> tuple[int, int]:
    """Linear layers held in fewer bits, and all linear layers."""
    quantised = linear = 0
    for module in core.modules():
        kind = type(module).__name__
        weight = getattr(module, "weight", None)
        if not hasattr(module, "in_features") or hasattr(module, "base_layer"):
            continue
        linear += 1
        packed = "qweight" in dict(module.named_buffers(recurse=False))
        low = weight is not None and not getattr(weight, "is_floating_point", lambda: True)()
        # torchao keeps the linear layer's class and makes its weight a tensor of its own kind.
        own = type(weight).__module__.startswith(("torchao", "bitsandbytes", "optimum", "hqq"))
        if packed or low or own or kind in {"Linear4bit", "Linear8bitLt", "FP8Linear"}:
            quantised += 1
    return quantised, linear


def _quantisation(core: Any) -> str | None:
    settings = getattr(getattr(core, "config", None), "quantization_config", None)
    if settings is None:
        return None
    method = (
        settings.get("quant_method")
        if isinstance(settings, dict)
        else getattr(settings, "quant_method", None)
    )
    return str(getattr(method, "value", method) or "a quantisation")


def _tied(core: Any, embedding: Any) -> bool:
    output = _call(core, "get_output_embeddings")
    one, other = (getattr(module, "weight", None) for module in (embedding, output))
    return one is not None and one is other


def _rows(embedding: Any) -> int | None:
    weight = getattr(embedding, "weight", None)
    return None if weight is None else int(weight.shape[0])


def _size(tokenizer: Any) -> int | None:
    try:
        return len(tokenizer)
    except TypeError:
        return None


def _call(model: Any, method: str) -> Any:
    try:
        return getattr(model, method)()
    except (AttributeError, NotImplementedError):
        return None


def _autocast(trainer: Any) -> str | None:
    kind = getattr(getattr(trainer, "accelerator", None), "mixed_precision", "no")
    return {"bf16": "bfloat16", "fp16": "float16"}.get(str(kind))


def _rounds_well(trainer: Any) -> bool:
    """Whether the optimizer keeps the part of an update that a 16-bit weight cannot hold."""
    name = str(getattr(trainer.args.optim, "value", trainer.args.optim))
    settings = getattr(trainer.optimizer, "defaults", None) or {}
    return (
        "anyprecision" in name
        or "stochastic" in str(trainer.args.optim_args or "")
        or any("stochastic" in str(key) and value for key, value in settings.items())
        or any("kahan" in str(key) and value for key, value in settings.items())
    )
