"""FIT012 new-head-frozen, on real models."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.preflight import tiny

from tunewell.checks.fit.new_head_frozen import new_head_frozen
from tunewell.core.finding import Confidence, Severity
from tunewell.subjects.setup import NewTensor
from tunewell.testing import CheckCases, run_check
from tunewell.train.quiet import quiet


@functools.cache
def base(kind: str) -> Path:
    """A folder with a tiny base model that has no classification head."""
    folder = tiny.folder()
    builders: dict[str, Callable[[], Any]] = {
        "llama": tiny.causal,
        "bert": tiny.encoder,
        "modern": modern,
    }
    model = builders[kind]()
    with quiet(1):
        (model.base_model if kind != "llama" else model).save_pretrained(folder)
    return folder


def modern() -> Any:  # noqa: ANN401
    """A ModernBERT: a dense layer stands before its classifier."""
    from transformers import ModernBertConfig, ModernBertForSequenceClassification

    return ModernBertForSequenceClassification(
        ModernBertConfig(
            vocab_size=400, hidden_size=32, intermediate_size=48, num_hidden_layers=1,
            num_attention_heads=2, pad_token_id=2, bos_token_id=0, eos_token_id=1,
            cls_token_id=5, sep_token_id=6,
        )
    )  # fmt: skip


def head(kind: str = "llama", **settings: Any) -> Any:  # noqa: ANN401
    """A classifier with a new head on that base, with LoRA where settings say so."""
    from transformers import AutoModelForSequenceClassification

    with quiet(1):
        model = AutoModelForSequenceClassification.from_pretrained(base(kind), num_labels=3)
    if getattr(model.config, "pad_token_id", None) is None:
        model.config.pad_token_id = 2
    return tiny.lora(model, **settings) if settings else model


def looked(model: Any) -> Any:  # noqa: ANN401
    with tempfile.TemporaryDirectory() as out:
        return tiny.looked(tiny.classifier(Path(out), model=model))


def frozen_whole() -> Any:  # noqa: ANN401
    """The encoder is trained, the new head was frozen by a filter."""
    model = head("bert")
    model.classifier.requires_grad_(requires_grad=False)
    model.classifier.bias.requires_grad_(requires_grad=False)
    return model


# What `names.append("score")` gives.
appended = None
FAULTY: dict[str, Callable[[], Any]] = {
    "no task type": lambda: head(task_type=None),
    "a list that is None (O21)": lambda: head(
        task_type=None, modules_to_save=appended, target_modules=["q_proj"]
    ),
    "a head as a LoRA target (O21)": lambda: head(
        task_type=None, target_modules=["q_proj", "score"]
    ),
    "no adapter, head frozen": frozen_whole,
}


@pytest.mark.reproduces("O20", "O21")
@pytest.mark.parametrize("build", FAULTY.values(), ids=FAULTY)
def test_real_models_are_found(build: Callable[[], Any]) -> None:
    found = run_check(new_head_frozen, (looked(build()),)).findings
    assert [(f.severity, f.confidence) for f in found] == [(Severity.ERROR, Confidence.HIGH)]


def test_a_layer_before_the_trained_head_is_a_warning() -> None:
    model = head("modern", task_type="SEQ_CLS", target_modules=["Wqkv"])
    found = run_check(new_head_frozen, (looked(model),)).findings
    assert "head.dense" in found[0].message
    assert (found[0].severity, found[0].confidence) == (Severity.WARNING, Confidence.MEDIUM)


def encoder_frozen() -> Any:  # noqa: ANN401
    model = head("bert")
    model.bert.requires_grad_(requires_grad=False)
    return model


def language_model(tokens: int, *, tell: bool = True) -> Any:  # noqa: ANN401
    """A language model of another size than its files; `tell` says whether those are at hand."""
    from transformers import AutoModelForCausalLM

    with quiet(1):
        model = AutoModelForCausalLM.from_pretrained(base("llama"))
        model.resize_token_embeddings(tokens)
    model.name_or_path = model.name_or_path if tell else "some/model"
    return tiny.lora(model)


def without_output_layer() -> Any:  # noqa: ANN401
    """A language model whose file has no output layer."""
    from transformers import AutoModelForCausalLM

    with quiet(1):
        tiny.causal().model.save_pretrained(base("llama") / "body")
        return tiny.lora(AutoModelForCausalLM.from_pretrained(base("llama") / "body"))


def looked_as_language_model(model: Any) -> Any:  # noqa: ANN401
    with tempfile.TemporaryDirectory() as out:
        return tiny.looked(tiny.sft(Path(out), model=model))


@pytest.mark.parametrize("tell", [True, False])
def test_a_resized_output_layer_holds_what_was_loaded(*, tell: bool) -> None:
    setup = looked_as_language_model(language_model(408, tell=tell))
    assert not run_check(new_head_frozen, (setup,)).findings


def test_an_output_layer_that_no_file_holds_is_found() -> None:
    setup = looked_as_language_model(without_output_layer())
    assert "lm_head" in run_check(new_head_frozen, (setup,)).findings[0].message


HEALTHY: dict[str, Callable[[], Any]] = {
    "full": head,
    "task type": lambda: head(task_type="SEQ_CLS"),
    "modules to save": lambda: head(task_type=None, modules_to_save=["score"]),
    "only the head is trained": encoder_frozen,
    "a pooler that was loaded": lambda: head(
        "bert", task_type="SEQ_CLS", target_modules=["query", "value"]
    ),
}


@pytest.mark.parametrize("build", HEALTHY.values(), ids=HEALTHY)
def test_healthy_models_are_quiet(build: Callable[[], Any]) -> None:
    outcomes = run_check(new_head_frozen, (looked(build()),))
    assert outcomes.passed, outcomes


class TestNewHeadFrozen(CheckCases):
    """Setups written down."""

    check = new_head_frozen
    faulty = {"the head": (tiny.setup(new_tensors=(NewTensor("score.weight", trained=False),)),)}
    nearly = {"all new": (tiny.setup(new_tensors=None),)}
    clean = {
        "trained": (tiny.setup(new_tensors=(NewTensor("score.weight", trained=True),)),),
        "none new": (tiny.setup(new_tensors=()),),
    }
