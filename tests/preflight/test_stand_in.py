"""A trainer without weights is rehearsed on a small model of its kind."""

import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

import tunewell
from tunewell.preflight.rehearse import stage_of
from tunewell.preflight.stand_in import able, small_model
from tunewell.train.quiet import quiet


def without_weights(kind: str, **settings: Any) -> Any:
    """A model on the meta device, as `device_map="meta"` loads it."""
    import torch
    import transformers

    config = getattr(transformers, f"{kind.partition('For')[0].partition('LM')[0]}Config")
    with torch.device("meta"):
        model = getattr(transformers, kind)(config(**settings))
    model.hf_device_map = {"": "meta"}
    return model


def llama(**settings: Any) -> Any:
    sizes = {
        "vocab_size": 400, "hidden_size": 256, "num_hidden_layers": 8, "num_attention_heads": 8,
        "num_key_value_heads": 4, "intermediate_size": 512,
    }  # fmt: skip
    return without_weights("LlamaForCausalLM", **{**sizes, **settings})


def frozen_layers() -> Any:
    model = llama()
    model.model.layers[0].requires_grad_(requires_grad=False)
    return model


TRAINERS: dict[str, Callable[[Path], Any]] = {
    "full": lambda out: tiny.sft(out, model=llama(), gradient_accumulation_steps=2),
    "LoRA": lambda out: tiny.sft(out, model=tiny.lora(llama())),
    "frozen layers": lambda out: tiny.sft(out, model=frozen_layers()),
    "a classifier": lambda out: tiny.classifier(
        out, model=without_weights("BertForSequenceClassification", vocab_size=400, num_labels=3)
    ),
}


@pytest.mark.parametrize("build", TRAINERS.values(), ids=TRAINERS)
def test_every_probe_runs(build: Callable[[Path], Any], tmp_path: Path) -> None:
    trainer = build(tmp_path)
    document = tunewell.check(trainer)
    assert not [f for f in document.findings if f.code.startswith(("FIT", "ADA"))]
    assert not document.broken
    assert not [o for o in document.not_run if "no small model" in o.reason]
    # What needs real weights says so.
    assert {"HW030", "FIT018"} <= {o.check for o in document.not_run}
    assert all(p.device.type == "meta" for p in trainer.model.parameters())


def test_faults_of_structure_are_found_without_weights(tmp_path: Path) -> None:
    plain = without_weights("BertForSequenceClassification", vocab_size=400, num_labels=3)
    model = tiny.lora(plain, target_modules=["query"], task_type=None)
    model.base_model.model.classifier.requires_grad_(requires_grad=True)
    document = tunewell.check(tiny.classifier(tmp_path, model=model))
    assert "ADA020" in {finding.code for finding in document.findings}


def test_the_small_model_is_like_the_real_one() -> None:
    import torch

    model = frozen_layers().to(torch.bfloat16)
    small = small_model(model, model)
    assert type(small) is type(model)
    assert small.config.vocab_size == 400
    assert small.config.num_hidden_layers == 2
    assert small.dtype == torch.bfloat16
    assert [p.requires_grad for p in small.model.layers[0].parameters()] == [False] * 9
    assert all(p.requires_grad for p in small.model.layers[1].parameters())
    assert sum(p.numel() for p in small.parameters()) < 200_000


def test_real_weights_are_used_where_they_are(tmp_path: Path) -> None:
    with quiet(1):
        stage = stage_of(tiny.sft(tmp_path))
        assert stage is not None
        assert able(stage) == (stage, False)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads peak memory in kilobytes")
@pytest.mark.parametrize("adapted", [False, True], ids=["full", "LoRA"])
def test_a_billion_parameters_without_weights(adapted: bool, tmp_path: Path) -> None:
    model = llama(vocab_size=128_256, hidden_size=2048, intermediate_size=8192,
                  num_hidden_layers=16, num_attention_heads=32)  # fmt: skip
    assert sum(p.numel() for p in model.parameters()) > 1e9
    trainer = tiny.sft(
        tmp_path, model=tiny.lora(model) if adapted else model, gradient_accumulation_steps=4
    )
    began = time.process_time()
    tunewell.check(trainer)
    assert time.process_time() - began < 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4e6
