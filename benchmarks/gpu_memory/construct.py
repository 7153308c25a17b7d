"""The model and the rows of a step, made as their users make them, with random weights."""

from __future__ import annotations

from typing import Any

import torch
import transformers
from torch import nn

from tunewell.plan.step import Precision, Step

DTYPES: dict[Precision, torch.dtype] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
AUTO_CLASSES = {
    "causal-lm": "AutoModelForCausalLM",
    "masked-lm": "AutoModelForMaskedLM",
    "seq2seq-lm": "AutoModelForSeq2SeqLM",
    "text-classification": "AutoModelForSequenceClassification",
    "token-classification": "AutoModelForTokenClassification",
    "image-classification": "AutoModelForImageClassification",
    "speech-seq2seq": "AutoModelForSpeechSeq2Seq",
    "embedding": "AutoModel",
}
PADDED_SHARE = 0.25
"""Of every row of a padded batch."""


class InBatchContrast(nn.Module):
    """Two columns of texts through one encoder, mean pooling, and the in-batch contrastive loss."""

    SCALE = 20.0

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.config = encoder.config

    def embed(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """[rows, hidden], of length 1."""
        hidden = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
        pooled = (hidden * mask).sum(1) / mask.sum(1)
        return nn.functional.normalize(pooled, dim=-1)

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        positive_ids: torch.Tensor,
        positive_mask: torch.Tensor,
        labels: torch.Tensor | None = None,  # noqa: ARG002 - the Trainer looks for the name
    ) -> dict[str, torch.Tensor]:
        """The loss, and the scores [rows, rows]."""
        anchors = self.embed(input_ids, attention_mask)
        positives = self.embed(positive_ids, positive_mask)
        scores = anchors @ positives.T * self.SCALE
        targets = torch.arange(len(scores), device=scores.device)
        return {"loss": nn.functional.cross_entropy(scores, targets), "scores": scores}


def model_config(step: Step) -> Any:  # noqa: ANN401 - a PretrainedConfig of any model
    """The config object, with the labels of a classification."""
    fields = dict(step.config)
    if "classification" in step.task:
        fields["num_labels"] = step.labels
    return transformers.AutoConfig.for_model(**fields)


def build(step: Step, device: torch.device) -> nn.Module:
    """The model on `device`, quantised and adapted, ready for a Trainer."""
    if step.quantization:
        model = _quantized(step, device)
    else:
        with device:
            model = _from_config(step)
    if step.task == "embedding":
        model = InBatchContrast(model)
    if step.adapter is not None:
        model = _adapted(step, model)
    return model


def _from_config(step: Step) -> nn.Module:
    cls = getattr(transformers, AUTO_CLASSES[step.task])
    attention = "flash_attention_2" if step.attention == "flash" else step.attention
    model: nn.Module = cls.from_config(
        model_config(step), attn_implementation=attention, dtype=DTYPES[step.weights]
    )
    return model


def _quantized(step: Step, device: torch.device) -> nn.Module:
    """As `from_pretrained` packs a model: an empty one, then each weight is made and packed alone.

    The layers are replaced and the weights packed by transformers' own quantiser.
    """
    from accelerate import init_empty_weights  # noqa: PLC0415 - only for packed weights
    from transformers.quantizers import AutoHfQuantizer  # noqa: PLC0415 - the same

    quantizer = AutoHfQuantizer.from_config(_quantization(step), pre_quantized=False)
    with init_empty_weights(include_buffers=False):
        model = _from_config(step)
    quantizer.preprocess_model(model=model, device_map={"": device}, dtype=DTYPES[step.weights])
    operation = quantizer.get_quantize_ops()
    model.tie_weights()
    done: dict[int, nn.Parameter] = {}
    for name, parameter in list(model.named_parameters(remove_duplicate=False)):
        path, _, leaf = name.rpartition(".")
        module = model.get_submodule(path)
        if id(parameter) not in done:
            value = _random(parameter, device, DTYPES[step.weights])
            if quantizer.param_needs_quantization(model, name):
                done[id(parameter)] = _packed(operation, model, name, value)
            else:
                done[id(parameter)] = nn.Parameter(value)
        module._parameters[leaf] = done[id(parameter)]  # noqa: SLF001 - setattr would pack anew
    for module in model.modules():
        for name, buffer in module._buffers.items():  # noqa: SLF001 - to keep them buffers
            if buffer is not None:
                module._buffers[name] = buffer.to(device)  # noqa: SLF001 - the same
    quantizer.postprocess_model(model)
    model.hf_quantizer = quantizer
    return model


def _random(parameter: nn.Parameter, device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Scales of norms are ones, biases zeros, and matrices small random numbers."""
    value = torch.empty(parameter.shape, dtype=dtype, device=device)
    return value.normal_(0, 0.02) if value.ndim > 1 else value.fill_(1.0)


def _packed(
    operation: Any,  # noqa: ANN401 - transformers' ConversionOps
    model: nn.Module,
    name: str,
    value: torch.Tensor,
) -> nn.Parameter:
    if value.is_cuda and hasattr(model.get_parameter(name), "has_fp16_weights"):
        return _packed_in_place(model, name, value)
    result = operation.convert({name: value}, model=model, full_layer_name=name)
    packed: nn.Parameter = result[name]
    return packed


def _packed_in_place(model: nn.Module, name: str, value: torch.Tensor) -> nn.Parameter:
    """8-bit weights without the way over the CPU, which takes seconds for a large model.

    The copy is there because that way ends in one on the GPU.
    """
    import bitsandbytes as bnb  # noqa: PLC0415 - only for packed weights

    options = dict(model.get_parameter(name).__dict__)
    options.pop("SCB", None)
    parameter = bnb.nn.Int8Params(value.clone(), requires_grad=False, **options)
    packed: nn.Parameter = parameter._quantize(value.device)  # noqa: SLF001 - what its `to` calls
    return packed


def _quantization(step: Step) -> Any:  # noqa: ANN401 - a BitsAndBytesConfig
    if step.quantization == "int8":
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=step.double_quantization,
        bnb_4bit_compute_dtype=DTYPES[step.weights],
    )


def _adapted(step: Step, model: nn.Module) -> nn.Module:
    import peft  # noqa: PLC0415 - only for adapters

    assert step.adapter is not None  # noqa: S101 - the caller asked
    options = {"use_reentrant": step.reentrant}
    if step.quantization:
        model = peft.prepare_model_for_kbit_training(
            model,
            use_gradient_checkpointing=step.checkpointing,
            gradient_checkpointing_kwargs=options,
        )
    elif step.checkpointing:
        model.enable_input_require_grads()  # what TRL and PEFT's guides do
    targets = step.adapter.targets
    return peft.get_peft_model(
        model,
        peft.LoraConfig(
            r=step.adapter.rank,
            lora_alpha=2 * step.adapter.rank,
            lora_dropout=step.adapter.dropout,
            use_dora=step.adapter.dora,
            target_modules=targets[0] if targets == ("all-linear",) else targets and list(targets),
            modules_to_save=list(step.adapter.modules_to_save) or None,
            task_type="CAUSAL_LM" if step.task == "causal-lm" else None,
        ),
    )


def rows(step: Step, count: int) -> list[dict[str, torch.Tensor]]:
    """`count` rows, each already tensors of the exact length, on the CPU."""
    generator = torch.Generator().manual_seed(0)
    return [_row(step, index, generator) for index in range(count)]


def _row(step: Step, index: int, generator: torch.Generator) -> dict[str, torch.Tensor]:
    target = step.target_length or step.length
    if step.task == "image-classification":
        size = step.config.get("image_size", 224)
        return {
            "pixel_values": torch.randn(3, size, size, generator=generator),
            "labels": torch.tensor(index % step.labels),
        }
    if step.task == "speech-seq2seq":
        frames = 2 * step.config["max_source_positions"]
        return {
            "input_features": torch.randn(step.config["num_mel_bins"], frames, generator=generator),
            "labels": _tokens(step, target, generator),
        }
    ids, mask = _text(step, generator)
    row = {"input_ids": ids, "attention_mask": mask}
    if step.task == "embedding":
        row["positive_ids"], row["positive_mask"] = _text(step, generator)
    elif step.task == "text-classification":
        row["labels"] = torch.tensor(index % step.labels)
    elif step.task == "token-classification":
        row["labels"] = torch.where(mask == 1, ids % step.labels, -100)
    elif step.task == "masked-lm":
        chosen = (torch.rand(ids.shape, generator=generator) < 0.15) & (mask == 1)  # noqa: PLR2004 - BERT's
        row["labels"] = torch.where(chosen, ids, -100)
    elif step.task == "seq2seq-lm":
        row["labels"] = _tokens(step, target, generator)
    else:
        row["labels"] = torch.where(mask == 1, ids, -100)
    return row


def _text(step: Step, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    ids = _tokens(step, step.length, generator)
    mask = torch.ones(step.length, dtype=torch.long)
    if step.padded:
        kept = step.length - int(step.length * PADDED_SHARE)
        mask[kept:] = 0
        ids[kept:] = step.config.get("pad_token_id", 0)
    return ids, mask


def _tokens(step: Step, length: int, generator: torch.Generator) -> torch.Tensor:
    return torch.randint(3, step.config["vocab_size"] - 1, (length,), generator=generator)
