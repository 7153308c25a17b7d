"""Every task, optimizer and way of a step runs, and changes what it should."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("peft")

import torch
from tests.simulate.running import BERT, LLAMA, MIB, SMALL, simulated

from tunewell.plan.simulated import Simulated
from tunewell.plan.step import Device, LowRank, Step, Task
from tunewell.simulate import optimizers

T5: dict[str, Any] = {
    "model_type": "t5",
    "vocab_size": 512,
    "d_model": 64,
    "d_kv": 16,
    "d_ff": 128,
    "num_layers": 1,
    "num_heads": 4,
    "decoder_start_token_id": 0,
}
VIT: dict[str, Any] = {
    "model_type": "vit",
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 1,
    "num_attention_heads": 4,
    "image_size": 64,
}
WHISPER: dict[str, Any] = {
    "model_type": "whisper",
    "vocab_size": 512,
    "d_model": 64,
    "encoder_layers": 1,
    "decoder_layers": 1,
    "encoder_attention_heads": 4,
    "decoder_attention_heads": 4,
    "encoder_ffn_dim": 128,
    "decoder_ffn_dim": 128,
    "max_source_positions": 100,
    "max_target_positions": 64,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "decoder_start_token_id": 0,
    "begin_suppress_tokens": None,
}
MODELS: dict[str, dict[str, Any]] = {
    "causal-lm": LLAMA,
    "dpo": LLAMA,
    "masked-lm": BERT,
    "text-classification": BERT,
    "token-classification": BERT,
    "embedding": BERT,
    "seq2seq-lm": T5,
    "image-classification": VIT,
    "speech-seq2seq": WHISPER,
}
ADAPTER = LowRank(rank=8, targets=("all-linear",))


def of(answer: Simulated, phase: str) -> dict[str, int]:
    """Bytes by kind at the peak of a phase."""
    return next(p.by_kind for p in answer.phases if p.phase == phase)


@pytest.mark.parametrize("autocast", [None, pytest.param("bf16", marks=pytest.mark.slow)])
@pytest.mark.parametrize("task", get_args(Task))
def test_every_task_runs_and_is_evaluated(task: Task, autocast: Any) -> None:  # noqa: ANN401
    answer = simulated(
        config=MODELS[task],
        task=task,
        length=48,
        weights="fp32",
        autocast=autocast,
        evaluation_batch=2,
    )
    assert [p.phase for p in answer.phases][:4] == ["load", "forward", "backward", "optimizer"]
    assert "evaluation" in [p.phase for p in answer.phases]
    whole = of(answer, "optimizer")
    # Two moments in fp32 of all that gets a gradient: an embedding's pooler does not.
    assert whole["optimizer"] >= 8 * answer.trainable * (0.97 if task == "embedding" else 1)
    assert of(answer, "load")["weights"] >= 4 * answer.parameters
    assert whole["gradients"] > 0
    assert {work.phase for work in answer.work} == {"forward", "backward", "optimizer"}
    matrices = {w.precision for w in answer.work if w.unit == "matrix" and w.phase == "forward"}
    assert ("bf16" in matrices) is (autocast is not None)


BYTES = {
    "adafactor": 0,
    "adagrad": 2,
    "adamw_torch": 4,
    "adamw_torch_fused": 4,
    "adamw_8bit": 2,
    "lion_32bit": 4,
    "lion_8bit": 1,
    "rmsprop": 2,
    "rmsprop_bnb": 4,
    "rmsprop_bnb_8bit": 1,
    "sgd": 0,
}
"""A bf16 weight's states: PyTorch's own optimizers keep them in its precision."""


QUICK = {"adagrad", "adamw_8bit", "adamw_torch", "paged_adamw_8bit", "sgd"}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=() if n in QUICK else pytest.mark.slow) for n in optimizers.known()],
)
def test_every_optimizer_runs(name: str) -> None:
    config = {**LLAMA, "vocab_size": 64, "num_hidden_layers": 1, "num_key_value_heads": 4}
    answer = simulated(config=config, optimizer=name, length=32, batch=1)
    states = of(answer, "optimizer")["optimizer"]
    if name.startswith("paged"):
        # Only tensors of fewer than 100,000 weights, here half of all, stay on the GPU.
        plain = {"adamw_8": 2, "adamw_3": 8, "lion_8b": 1, "lion_32": 4}[name[6:13]]
        assert 0 < states < 0.55 * plain * answer.trainable
        return
    each = BYTES[optimizers.ALIASES.get(name, name)]
    # Embedding and head, 16,384 weights each, keep states in fp32 in the eight-bit optimizers, and
    # so do norms; every tensor's step is a counter of its own, and eight bits have their scales.
    assert each * answer.trainable * 0.98 <= states <= each * answer.trainable * 1.15 + 330_000


def test_an_unknown_optimizer_is_refused() -> None:
    with pytest.raises(optimizers.NoSuchOptimizerError, match="known are adafactor"):
        optimizers.create("sophia", torch.nn.Linear(2, 2, device="meta"))


def test_the_reference_of_dpo_is_a_model_of_its_own_but_with_adapters() -> None:
    def weights(**changes: Any) -> int:  # noqa: ANN401  fields of Step
        return of(simulated(length=64, weights="fp32", **changes), "load")["weights"]

    assert weights(task="dpo") == pytest.approx(2 * weights(), rel=1e-3)
    assert weights(task="dpo", adapter=ADAPTER) == weights(adapter=ADAPTER)


def test_packed_weights_take_their_bits() -> None:
    wide = {**LLAMA, "hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 2}
    step = msgspec.structs.replace(SMALL, config=wide, adapter=ADAPTER)
    linear = 2 * (1024 * (1024 * 2 + 512 * 2) + 3 * 1024 * 4096)
    ways: dict[str, dict[str, Any]] = {
        "bf16": {},
        "int8": {"quantization": "int8"},
        "nf4": {"quantization": "nf4"},
        "double": {"quantization": "nf4", "double_quantization": True},
    }
    loaded = {name: simulated(step, **changes) for name, changes in ways.items()}
    weights = {name: of(answer, "forward")["weights"] for name, answer in loaded.items()}
    # What is not packed is raised to fp32, embeddings and head of 4,096 x 1,024 each.
    raised = 2 * 4096 * 1024 * 2 + 5 * 1024 * 2
    for name, each in (("int8", 1.0), ("nf4", 0.5 + 4 / 64), ("double", 0.5 + 1 / 64)):
        saved = weights["bf16"] + raised - weights[name]
        assert saved == pytest.approx((2 - each) * linear, rel=0.01)
    assert len({answer.parameters for answer in loaded.values()}) == 1
    assert len({answer.trainable for answer in loaded.values()}) == 1


def test_padding_forbids_flash_attention() -> None:
    plain, padded = simulated(), simulated(padded=True)
    assert set(plain.attention_kernels) == {"flash"}
    assert set(padded.attention_kernels) == {"efficient"}
    assert padded.peak_allocated > plain.peak_allocated


def test_a_loss_in_chunks_never_holds_all_logits() -> None:
    config = {**LLAMA, "vocab_size": 65536}
    whole, chunked = (simulated(config=config, loss=loss) for loss in ("full", "chunked"))
    logits = SMALL.batch * SMALL.length * 65536 * 2
    assert of(whole, whole.peak_phase)["logits"] >= 2 * logits
    assert max(phase.by_kind["logits"] for phase in chunked.phases) < logits / 50
    assert chunked.peak_allocated < whole.peak_allocated - 2 * logits
    assert chunked.assumptions == ()
    encoder = simulated(config=BERT, task="text-classification", loss="chunked", length=64)
    assert encoder.assumptions == ("The model has no head that could compute its loss in chunks.",)


def test_adapters_in_all_their_forms_run() -> None:
    plain = simulated(adapter=ADAPTER)
    dropped = simulated(adapter=msgspec.structs.replace(ADAPTER, dropout=0.1))
    dora = simulated(adapter=msgspec.structs.replace(ADAPTER, dora=True))
    saved = simulated(adapter=msgspec.structs.replace(ADAPTER, modules_to_save=("lm_head",)))
    chosen = simulated(adapter=LowRank())
    assert plain.peak_allocated < dropped.peak_allocated
    # A magnitude for each output of each linear layer.
    assert dora.trainable - plain.trainable == 2 * (256 + 2 * 128 + 256 + 2 * 512 + 256)
    assert dora.peak_allocated > plain.peak_allocated
    assert saved.trainable - plain.trainable == 4096 * 256
    # PEFT's own choice for llama: queries and values.
    assert chosen.trainable == 2 * 8 * (256 + 256 + 256 + 128)
    packed = simulated(adapter=msgspec.structs.replace(ADAPTER, dora=True), quantization="nf4")
    assert packed.assumptions == ("DoRA over packed weights was simulated as plain LoRA.",)


def test_adapters_take_the_precision_they_are_given() -> None:
    whole, half = (
        simulated(adapter=msgspec.structs.replace(ADAPTER, weights=weights))
        for weights in ("fp32", "bf16")
    )
    saved = of(whole, "load")["weights"] - of(half, "load")["weights"]
    assert saved == 2 * whole.trainable


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing_runs_in_both_ways(reentrant: bool) -> None:
    config = {**LLAMA, "num_hidden_layers": 6}
    kept, again = (
        simulated(config=config, checkpointing=checkpointing, reentrant=reentrant)
        for checkpointing in (False, True)
    )
    assert of(again, "forward")["activations"] < of(kept, "forward")["activations"] / 3
    assert again.peak_allocated < kept.peak_allocated


def test_a_plain_loop_holds_gradients_and_outputs_longer() -> None:
    trainer, plain = (simulated(loop=loop) for loop in ("trainer", "plain"))
    assert of(trainer, "forward")["gradients"] == 0
    assert plain.steady > trainer.steady
    assert plain.peak_allocated > trainer.peak_allocated


def test_evaluation_keeps_no_activations() -> None:
    answer = simulated(evaluation_batch=4)
    assert of(answer, "evaluation")["activations"] < of(answer, "forward")["activations"]
    assert of(answer, "evaluation")["gradients"] == 0
    larger = simulated(evaluation_batch=64)
    assert of(larger, "evaluation")["logits"] == 16 * of(answer, "evaluation")["logits"]
    assert answer.peak_phase != "evaluation"


def test_a_hopper_card_has_a_larger_workspace() -> None:
    ampere, hopper = (
        simulated(weights="fp32", device=Device(capability=capability)) for capability in (80, 90)
    )
    # One for the thread of the forward pass and one for that of the backward.
    assert hopper.steady - ampere.steady == 2 * (32 * MIB - (8 * MIB + 128 * 1024))


def test_a_model_without_checkpointing_is_said() -> None:
    resnet = {"model_type": "resnet", "hidden_sizes": [64, 128], "depths": [1, 1]}
    answer = simulated(
        Step(config=resnet, task="image-classification", attention="eager", checkpointing=True)
    )
    assert "This model has no checkpointing: nothing is recomputed." in answer.assumptions
