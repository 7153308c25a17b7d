"""A check of a trainer changes nothing: not its model, not its random states, not its files."""

import hashlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.preflight import other_tasks, tiny

import tunewell


def preference(out: Path) -> Any:
    from trl import DPOConfig, DPOTrainer

    from tunewell.train.quiet import quiet

    said = tiny.sentences(60)
    rows = [
        {"prompt": said[i], "chosen": said[i + 20], "rejected": said[i + 40]} for i in range(20)
    ]
    with quiet(1):
        return DPOTrainer(
            tiny.lora(tiny.causal(), lora_dropout=0.1),
            args=tiny.arguments(out, DPOConfig),
            train_dataset=tiny.dataset(rows),
            processing_class=tiny.tokenizer(),
        )


def own_optimizer(out: Path) -> Any:
    import torch

    trainer = tiny.classifier(out)
    trainer.optimizer = torch.optim.SGD(trainer.model.parameters(), lr=0.1, momentum=0.9)
    return trainer


def classifier_with_dropout(out: Path) -> Any:
    return other_tasks.classifier(
        out,
        preprocess=lambda logits, _: logits.argmax(-1, keepdim=True),
        load_best_model_at_end=True,
        save_strategy="epoch",
        save_only_model=True,
        metric_for_best_model="accuracy",
    )


class Counting:
    """A metric function that counts its calls and draws at random."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, _: Any) -> dict[str, float]:
        """A count and a draw."""
        self.calls += 1
        return {"calls": float(self.calls), "luck": float(np.random.rand())}  # noqa: NPY002  as users do


def counting(out: Path) -> Any:
    return other_tasks.classifier(out, compute_metrics=Counting())


def coarse_and_tied() -> Any:
    import torch

    return tiny.causal(tie_word_embeddings=True).to(torch.bfloat16)


TRAINERS: dict[str, Callable[[Path], Any]] = {
    "a classifier with dropout": tiny.classifier,
    "accumulation": lambda out: tiny.classifier(out, gradient_accumulation_steps=3),
    "an optimizer of the user's own": own_optimizer,
    "SFT": tiny.sft,
    "SFT with noise on the embeddings": lambda out: tiny.sft(out, neftune_noise_alpha=5.0),
    "SFT with LoRA": lambda out: tiny.sft(out, model=tiny.lora(tiny.causal(), lora_dropout=0.1)),
    "SFT with activation checkpointing": lambda out: tiny.sft(out, activation_checkpointing=True),
    "DPO with LoRA": preference,
    "an evaluation with metrics": classifier_with_dropout,
    "metrics that keep a state": counting,
    "tagging": other_tasks.tagger,
    "texts written in evaluation": other_tasks.translator,
    "masking at random": other_tasks.masked,
    "KTO": other_tasks.kto,
    "reward": other_tasks.reward,
    "embeddings": other_tasks.embedder,
    "a decoder aligned to its tokenizer": other_tasks.causal_classifier,
    "DPO with a reference": lambda out: tiny.dpo(out, tiny.causal(), ref_model=tiny.causal()),
    "SFT, accumulated, tied, in bfloat16": lambda out: tiny.sft(
        out, model=coarse_and_tied(), gradient_accumulation_steps=2
    ),
    "SFT with trained embeddings": lambda out: tiny.sft(
        out, model=tiny.lora(tiny.causal(), modules_to_save=["embed_tokens", "lm_head"])
    ),
    "autocast": lambda out: tiny.classifier(out, bf16=True),
}
every_trainer = pytest.mark.parametrize("build", TRAINERS.values(), ids=TRAINERS)


def _hashes(model: Any) -> dict[str, str]:
    tensors = dict(model.named_parameters()) if model is not None else {}
    return {
        name: hashlib.sha256(tensor.detach().float().numpy().tobytes()).hexdigest()
        for name, tensor in tensors.items()
    }


def fingerprint(trainer: Any) -> dict[str, Any]:
    """Everything a rehearsal might touch."""
    import torch

    model = trainer.model
    tensors = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {
        "tensors": {
            name: hashlib.sha256(tensor.detach().float().numpy().tobytes()).hexdigest()
            for name, tensor in tensors.items()
        },
        "gradients": {name: p.grad is None for name, p in model.named_parameters()},
        "needs gradients": {name: p.requires_grad for name, p in model.named_parameters()},
        "modes": {name: module.training for name, module in model.named_modules()},
        "hooks": {
            name: len(module._forward_hooks) + len(module._forward_pre_hooks)
            for name, module in model.named_modules()
        },
        "own forward": id(vars(model).get("forward")),
        "reference": _hashes(getattr(trainer, "ref_model", None)),
        "config": model.config.to_dict()
        if hasattr(model.config, "to_dict")
        else repr(model.config),
        "args": trainer.args.to_dict(),
        "state": trainer.state.__dict__.copy(),
        "attributes": {name: id(value) for name, value in vars(trainer).items()},
        "metrics": repr(getattr(trainer, "_metrics", None)),
        "metric function": repr(getattr(trainer.compute_metrics, "__dict__", None)),
        "generation": repr(getattr(model, "generation_config", None)),
        "python": random.getstate(),
        "numpy": repr(np.random.get_state()),  # noqa: NPY002  what trainers use
        "torch": torch.get_rng_state().tolist(),
        "threads": torch.get_num_threads(),
    }


@every_trainer
def test_nothing_is_changed(build: Callable[[Path], Any], tmp_path: Path) -> None:
    trainer = build(tmp_path / "out")
    files = sorted(tmp_path.rglob("*"))
    before = fingerprint(trainer)
    document = tunewell.check(trainer)
    after = fingerprint(trainer)
    for part in before:
        assert after[part] == before[part], part
    assert sorted(tmp_path.rglob("*")) == files
    assert not document.broken
    assert {"Batch", "Setup", "ModelState", "RoundTrip"} <= document.facts[
        "rehearsal_seconds"
    ].keys()
    assert not [o for o in document.not_run if "rehearsal failed" in o.reason]


@every_trainer
def test_losses_are_bit_equal(build: Callable[[Path], Any], tmp_path: Path) -> None:
    import torch

    torch.manual_seed(1)
    plain = tiny.train(build(tmp_path / "plain"))
    torch.manual_seed(1)
    trainer = build(tmp_path / "checked")
    tunewell.check(trainer)
    assert tiny.train(trainer) == plain
