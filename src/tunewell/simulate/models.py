"""The model of a step, built on the meta device as the user's own libraries would build it."""

from __future__ import annotations

import contextlib
import difflib
import importlib.util
from typing import Any

import torch
import transformers
from torch import nn
from transformers.initialization import no_init_weights
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

from tunewell.plan.step import Step
from tunewell.simulate.quantised import lora_over, pack_linears

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}

AUTO_CLASSES = {
    "causal-lm": "AutoModelForCausalLM",
    "dpo": "AutoModelForCausalLM",
    "masked-lm": "AutoModelForMaskedLM",
    "seq2seq-lm": "AutoModelForSeq2SeqLM",
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
    "image-classification": "AutoModelForImageClassification",
    "speech-seq2seq": "AutoModelForSpeechSeq2Seq",
    "embedding": "AutoModel",
}
PACKED = frozenset({"bitsandbytes", "bnb"})
"""Methods of quantisation that are loaded packed and trained on through bitsandbytes."""
SIZES = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size")
"""What a model's size hangs on, by transformers' common names."""
LONGEST = 200
PEFT_TASKS = {
    "causal-lm": "CAUSAL_LM",
    "dpo": "CAUSAL_LM",
    "seq2seq-lm": "SEQ_2_SEQ_LM",
    "text-classification": "SEQ_CLS",
    "token-classification": "TOKEN_CLS",
    "embedding": "FEATURE_EXTRACTION",
}


class NotBuiltError(Exception):
    """The model cannot be built: one sentence, with what to do."""


def build(step: Step, assumptions: list[str]) -> nn.Module:
    """The model on the meta device, frozen, packed and adapted as the step says.

    What had to be assumed is added to `assumptions`.

    Raises:
        NotBuiltError: if the configuration cannot be followed.
    """
    _refuse_nothing(step)
    try:
        model = _from_config(step, assumptions)
    except NotBuiltError:
        raise
    except Exception as error:
        reason = f"no model can be built from this config.json: {first_words(error)}"
        raise NotBuiltError(reason) from error
    dtype = DTYPES[step.weights]
    if step.quantization is not None:
        model.requires_grad_(requires_grad=False)
        pack_linears(
            model,
            step.quantization,
            compute=dtype,
            double=step.double_quantization,
            skip=_kept(model),
        )
    if step.adapter is not None:
        model = _adapted(model, step, assumptions)
    elif step.quantization is not None:
        reason = "packed weights cannot be trained: name an adapter, or load them in 16 bits"
        raise NotBuiltError(reason)
    return model.train()


def first_words(error: Exception) -> str:
    """What an error says, on one line and not at length."""
    words = f"{type(error).__name__}: {' '.join(str(error).split())}"
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}..."


def _refuse_nothing(step: Step) -> None:
    for name in ("batch", "length", "accumulation", "labels"):
        if getattr(step, name) < 1:
            reason = f"{name} is {getattr(step, name)}: a step needs at least 1"
            raise NotBuiltError(reason)


def _from_config(step: Step, assumptions: list[str]) -> nn.Module:
    config = _config_of(step, assumptions)
    cls = _class_of(step, config)
    dtype = DTYPES[step.weights]
    attention = "sdpa" if step.attention == "flash" else step.attention
    with no_init_weights(), contextlib.ExitStack() as contexts:
        for context in cls.get_init_context(dtype, False, False, None):
            contexts.enter_context(context)
        try:
            model: Any = cls._from_config(config, attn_implementation=attention)
        except ValueError as error:
            if attention == "eager" or "attention" not in str(error):
                raise
            assumptions.append(f"{cls.__name__} has no {step.attention} attention: eager runs.")
            model = cls._from_config(config, attn_implementation="eager")
    model.tie_weights()
    _keep_in_fp32(model, dtype)
    answer: nn.Module = model
    return answer


def _config_of(step: Step, assumptions: list[str]) -> Any:  # noqa: ANN401  transformers has no types
    described = dict(step.config)
    kind = described.pop("model_type", None)
    if not isinstance(kind, str):
        reason = 'config.json names no "model_type": give the whole config.json of the model'
        raise NotBuiltError(reason)
    packing = described.pop("quantization_config", None)
    method = packing.get("quant_method") if isinstance(packing, dict) else packing
    if method is not None and method not in PACKED:
        reason = (
            f'the weights are packed with "{method}", whose kernels are not known here: '
            "name the model before packing, and --method qlora"
        )
        raise NotBuiltError(reason)
    remote = described.pop("auto_map", None)
    for derived in ("torch_dtype", "dtype", "architectures", "transformers_version"):
        described.pop(derived, None)
    try:
        config = transformers.AutoConfig.for_model(kind, **described)
    except ValueError as error:
        why = "its own code would have to run, which is never done here" if remote else _like(kind)
        reason = f'transformers {transformers.__version__} has no architecture "{kind}": {why}'
        raise NotBuiltError(reason) from error
    if remote:
        assumptions.append(
            f'The model brings its own code; the "{kind}" of transformers was simulated instead.'
        )
    missing = _unsaid(described, config)
    if missing:
        assumptions.append(
            f"config.json does not say {', '.join(missing)}: those of transformers' {kind} were "
            "taken, which may be another size of model."
        )
    if "classification" in step.task:
        config.num_labels = step.labels
    # The Trainer and checkpointing switch the cache of keys and values off; a plain loop does not.
    keeps = step.loop == "plain" and not step.checkpointing
    config.use_cache = keeps and getattr(config, "use_cache", False)
    if getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = 0
    return config


def _unsaid(described: dict[str, Any], config: Any) -> list[str]:  # noqa: ANN401  as above
    """Sizes of the model that config.json leaves to the architecture's defaults."""
    text = config.get_text_config()
    said: set[str] = set()
    for part in (described, *(v for v in described.values() if isinstance(v, dict))):
        said.update(part)
    own = [(name, text.attribute_map.get(name, name)) for name in SIZES]
    return [other for name, other in own if hasattr(text, other) and not said & {name, other}]


def _class_of(step: Step, config: Any) -> Any:  # noqa: ANN401  as above
    auto = getattr(transformers, AUTO_CLASSES[step.task])
    try:
        cls = auto._model_mapping[type(config)]  # noqa: SLF001  no public name for the lookup
    except KeyError as error:
        reason = f'transformers has no {auto.__name__} for the architecture "{config.model_type}"'
        raise NotBuiltError(reason) from error
    return cls[0] if isinstance(cls, tuple) else cls


def _like(kind: str) -> str:
    close = difflib.get_close_matches(kind, CONFIG_MAPPING_NAMES, n=3)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return "a newer version may"


def _keep_in_fp32(model: Any, dtype: torch.dtype) -> None:  # noqa: ANN401  transformers has no types
    """Modules that a model's class loads in fp32 whatever is asked for, as from_pretrained does."""
    plan = model._get_dtype_plan(dtype)  # noqa: SLF001  from_pretrained's own rule
    if not plan:
        return
    for name, parameter in model.named_parameters():
        if any(part in name for part in plan):
            parameter.data = parameter.data.float()


def _kept(model: Any) -> tuple[str, ...]:  # noqa: ANN401  as above
    """Names of the linear layers that bitsandbytes leaves alone: the head."""
    head = model.get_output_embeddings() if hasattr(model, "get_output_embeddings") else None
    names = [name for name, module in model.named_modules() if module is head and head is not None]
    names += ["score", "classifier", "qa_outputs", "lm_head"]
    return tuple(names)


def _adapted(model: nn.Module, step: Step, assumptions: list[str]) -> nn.Module:
    if importlib.util.find_spec("peft") is None:
        reason = "adapters are simulated with PEFT: pip install peft"
        raise NotBuiltError(reason)
    import peft  # noqa: PLC0415  it may be missing

    adapter = step.adapter
    assert adapter is not None  # noqa: S101  the caller's condition
    targets: Any = None
    if adapter.targets is not None:
        everything = adapter.targets == ("all-linear",)
        targets = "all-linear" if everything else list(adapter.targets)
    config = peft.LoraConfig(
        r=adapter.rank,
        lora_alpha=2 * adapter.rank,
        lora_dropout=adapter.dropout,
        target_modules=targets,
        use_dora=adapter.dora,
        modules_to_save=list(adapter.modules_to_save) or None,
        task_type=PEFT_TASKS.get(step.task),
    )
    if step.quantization is not None:
        lora_over(config)
        if adapter.dora:
            assumptions.append("DoRA over packed weights was simulated as plain LoRA.")
            config.use_dora = False
    try:
        with torch.device("meta"):
            adapted: nn.Module = peft.get_peft_model(model, config, low_cpu_mem_usage=True)
    except ValueError as error:
        reason = f"PEFT cannot put adapters on this model: {str(error).partition(chr(10))[0]}"
        raise NotBuiltError(reason) from error
    for name, parameter in adapted.named_parameters():
        if "lora_" in name:
            parameter.data = parameter.data.to(DTYPES[adapter.weights])
    return adapted
